"""The purchase-intent model: will a visit to an online shop end in a purchase? A probability and a band."""
