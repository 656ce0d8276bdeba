"""A function that does what its caller says, good or bad."""
