"""A function that does not start, as one with a tampered artifact."""

raise RuntimeError("the artifact is damaged")
