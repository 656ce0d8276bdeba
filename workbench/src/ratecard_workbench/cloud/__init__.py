"""A deployed stage, seen from a person's machine with that person's credentials."""
