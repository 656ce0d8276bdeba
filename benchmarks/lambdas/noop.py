"""The floor: a function that parses nothing, scores nothing and answers a constant."""


def lambda_handler(event, context):
    """Answer the same bytes whatever comes."""
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"ok":true}'}
