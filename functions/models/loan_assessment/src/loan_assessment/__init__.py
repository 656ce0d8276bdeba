"""The loan-assessment model: whether an instalment loan is granted, at what price, up to which amount."""
