"""Your own model: from a trained file and a sample of rows to a folder that is served like every other model."""
