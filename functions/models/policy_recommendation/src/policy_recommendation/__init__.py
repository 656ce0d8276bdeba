"""The policy-recommendation model: what a consumer's complaint is about, and how it is to be handled."""
