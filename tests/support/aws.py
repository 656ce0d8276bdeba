"""moto's AWS, for contract tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3
from moto import mock_aws

BUCKET = "ledger"
PREFIX = "invoices/"


@contextmanager
def moto_client(service: str) -> Iterator[object]:
    """Give a client of moto's AWS."""
    with mock_aws():
        yield boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def answer_lost(s3: object) -> Callable[[], int]:
    """Make the client send each put twice, as botocore does after a lost answer; returns how to count the puts."""
    real, count = s3.put_object, 0

    def put_object(**request):
        nonlocal count
        count += 1
        real(**request)
        return real(**request)

    s3.put_object = put_object
    return lambda: count


@contextmanager
def moto_table() -> Iterator[object]:
    """Give a table of moto's DynamoDB with the keys that accounts are kept under."""
    with mock_aws():
        resource = boto3.resource("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        yield resource.create_table(
            TableName="accounts",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
