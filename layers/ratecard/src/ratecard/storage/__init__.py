"""Where things are kept: objects, usage lines, accounts; a local and an AWS adapter for each, and the only boto3."""
