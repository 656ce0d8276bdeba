"""The function of batches on stores of either kind: a home's folder, and AWS (moto)."""

import json

import boto3

from batches_service.answers import BATCH, answer
from batches_service.stores import open_stores
from ratecard.billing.periods import BillingCalendar
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.customers import Terms
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.objects import LocalObjectStore
from support.signed_links import SECRET

SLUG = "credit-rating"
ASKED = "2026-11-22T08:00:00.000Z"
ASKED_MS = 1_795_334_400_000


class Somewhere:
    """Stores of one kind, and what others than the function do there.

    Parameters
    ----------
    stores : Stores
        As the function opens them.
    kind : str
        Folder or aws.
    upload, lay, keys : callable
        Upload a file to the inbox, returning its version; write an object of the outbox; list keys of the outbox.
    """

    def __init__(self, stores, kind, *, upload, lay, keys):
        self.stores, self.kind, self.upload, self.lay, self.keys = stores, kind, upload, lay, keys

    def ask(self, body=None, **asked):
        """Send a request; returns status, body and headers."""
        found = answer(request_event(body, **asked), self.stores)
        return found["statusCode"], json.loads(found["body"]), found["headers"]


def request_event(body=None, *, key_id="k1", batch=None, slug=SLUG, **more):
    """Build the gateway's event: of a wish, or with `batch` of a look at what has become of one."""
    return {
        "headers": more.get("headers"),
        "queryStringParameters": more.get("query"),
        "isBase64Encoded": more.get("base64", False),
        "resource": f"/v1/models/{slug}/batches" if batch is None else BATCH,
        "pathParameters": None if batch is None else {"id": batch},
        "requestContext": {
            "extendedRequestId": "call",
            "identity": {"apiKeyId": key_id},
            "requestTimeEpoch": more.get("at_ms", ASKED_MS),
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
    }


def fill(accounts):
    """Make two customers with a key each."""
    for customer, key_id in (("acme", "k1"), ("beta", "k2")):
        accounts.create_customer(customer, customer, Terms(BillingCalendar("UTC")), "standard")
        accounts.create_key(customer, "standard", "test", key_id)


def in_folder(home, book):
    """Open a home's folder."""
    fill(SqliteAccounts(home / "accounts.sqlite"))
    stores = open_stores({"RATECARD_LEDGER_ROOT": str(home), "RATECARD_PRICE_BOOK": book})
    objects = LocalObjectStore(home)

    def upload(key, content):
        objects.store_bytes("", key, content)
        return stores.places.find_version(key)

    def keys(prefix):
        return {path.relative_to(home).as_posix() for path in (home / prefix).glob("*.json")}

    def lay(key, content):
        objects.store_bytes("", key, content)

    return Somewhere(stores, "folder", upload=upload, lay=lay, keys=keys)


def in_aws(monkeypatch, book, region="us-east-1"):
    """Make buckets and table in moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    s3 = boto3.client("s3")
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    for bucket in ("inbox", "outbox"):
        s3.create_bucket(Bucket=bucket, **elsewhere)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    table = boto3.resource("dynamodb").create_table(
        TableName="accounts",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    fill(DynamoAccounts(table))

    def keys(prefix):
        listed = s3.list_objects_v2(Bucket="outbox", Prefix=f"{prefix}/", Delimiter="/").get("Contents", ())
        return {entry["Key"] for entry in listed}

    environ = {"RATECARD_ACCOUNTS": "accounts", "RATECARD_INBOX": "inbox", "RATECARD_OUTBOX": "outbox"}
    return Somewhere(
        open_stores({**environ, "RATECARD_PRICE_BOOK": book}),
        "aws",
        upload=lambda key, content: s3.put_object(Bucket="inbox", Key=key, Body=content)["VersionId"],
        lay=lambda key, content: s3.put_object(Bucket="outbox", Key=key, Body=content),
        keys=keys,
    )
