"""Files of the inbox: which of them a model's flow may score, and an answer to all others."""
