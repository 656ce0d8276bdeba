"""The fraud-detection model: is a card payment fraudulent? A chance, and what to do: allow, step up or block."""
