"""What owners of keys read, from a home's files and from AWS (moto): the same answers."""

import contextlib
import json

import boto3
import pytest
from moto import mock_aws
from support.books import month as month_of
from support.books import open_books

from account_service.answers import INVOICE, INVOICES, USAGE, answer
from account_service.stores import Stores, open_stores
from ratecard.billing.periods import BillingCalendar
from ratecard.storage.customers import Terms
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.objects import LocalObjectStore
from ratecard.storage.shelf import LaidOut, Shelf

AS_OF = "2026-11-22T08:00:00.000Z"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two customers with an invoice each, and a credit note of the first; both periods are on the shelf."""
    books = open_books(tmp_path_factory.mktemp("account") / "project")
    books.customer("acme", "k1")
    books.customer("beta", "k2")
    books.call(25, month_of("2025-05").from_ms + 1000, "k1")
    for customer in ("acme", "beta"):
        books.run("invoice", "issue", customer)
    books.run("invoice", "credit", "--invoice", 1, "--amount", "0.10", "--reason", "an outage")
    books.run("invoice", "refresh")
    return books.home


def in_aws(home, monkeypatch) -> Stores:
    """Put a home's shelf, invoices and keys into moto's AWS, and open them as the function does."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3 = boto3.client("s3")
    for bucket, folder in (("shelf", "shelf"), ("ledger", "invoices")):
        s3.create_bucket(Bucket=bucket)
        for path in (home / folder).rglob("*.json"):
            s3.put_object(Bucket=bucket, Key=str(path.relative_to(home)), Body=path.read_bytes())
    table = boto3.resource("dynamodb").create_table(
        TableName="accounts",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    accounts = DynamoAccounts(table)
    for customer, key_id in (("acme", "k1"), ("beta", "k2")):
        accounts.create_customer(customer, customer, Terms(BillingCalendar("UTC")), "standard")
        accounts.create_key(customer, "standard", "test", key_id)
    return open_stores({"RATECARD_ACCOUNTS": "accounts", "RATECARD_LEDGER": "ledger", "RATECARD_SHELF": "shelf"})


@pytest.fixture(params=["folder", "aws"], scope="module")
def stores(request, home):
    """Both kinds of stores."""
    with contextlib.ExitStack() as stack:
        if request.param == "aws":
            stack.enter_context(mock_aws())
            monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
            yield in_aws(home, monkeypatch)
        else:
            yield open_stores({"RATECARD_LEDGER_ROOT": str(home)})


def ask(stores, resource, key_id="k1", *, number=None, period=None):
    event = {
        "resource": resource,
        "pathParameters": None if number is None else {"number": number},
        "queryStringParameters": None if period is None else {"period": period},
        "requestContext": {"extendedRequestId": "call", "identity": {"apiKeyId": key_id}},
    }
    found = answer(event, stores)
    return found["statusCode"], json.loads(found["body"]), found["headers"]


def test_usage_is_what_was_laid_out(stores):
    """The latest period, or the one that is asked for; with the instant of the count and the call's id."""
    status, told, headers = ask(stores, USAGE)

    assert (status, told["customer"], told["call_id"]) == (200, "acme", "call")
    assert told["as_of"].endswith("Z")
    assert headers["Cache-Control"] == "no-store"
    assert ask(stores, USAGE, period=told["period"]["name"])[1]["lines"] == told["lines"]


@pytest.mark.parametrize("period", ["1999-01", "2025", "../2025-05", "", "2025-05.json"])
def test_a_period_that_was_not_counted_is_not_there(stores, period):
    """Whatever is written in its place."""
    assert ask(stores, USAGE, period=period)[:2][0] == 404
    assert ask(stores, USAGE, period=period)[1]["code"] == "no_usage"


def test_documents_are_the_customers_own(stores):
    """Listed for one, byte for byte for one, and not there for anybody else."""
    _, mine, _ = ask(stores, INVOICES)
    _, theirs, _ = ask(stores, INVOICES, "k2")

    assert [each["kind"] for each in mine["documents"]] == ["invoice", "credit_note"]
    assert [each["customer"] for each in theirs["documents"]] == ["beta"]
    for each in mine["documents"]:
        status, document, headers = ask(stores, INVOICE, number=str(each["number"]))
        assert (status, document["customer"], headers["ETag"]) == (200, "acme", f'"{each["sha256"]}"')
        assert ask(stores, INVOICE, "k2", number=str(each["number"]))[1]["code"] == "no_invoice"


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "1.0", "9" * 40, "../1"])
def test_what_is_no_number_of_a_document_is_not_there(stores, number):
    """As a problem document, never a failure."""
    status, problem, headers = ask(stores, INVOICE, number=number)

    assert (status, problem["code"], problem["call_id"]) == (404, "no_invoice", "call")
    assert headers["Content-Type"] == "application/problem+json"


def test_a_key_that_nobody_has_is_refused(stores):
    """A gateway that let it pass does not make it somebody's."""
    assert ask(stores, USAGE, "k9")[0] == 403


def test_before_the_first_count_there_is_nothing_and_no_failure(tmp_path):
    """A home that has just been made."""
    books = open_books(tmp_path / "project")
    books.customer("acme", "k1")
    stores = open_stores({"RATECARD_LEDGER_ROOT": str(books.home)})

    assert ask(stores, USAGE)[1]["code"] == "no_usage"
    assert ask(stores, INVOICES)[1] == {"documents": [], "as_of": None, "call_id": "call"}


def test_only_what_has_changed_is_stored_again(tmp_path):
    """A job that runs every minute for everybody writes the instant, and what is new."""
    shelf = Shelf(LocalObjectStore(tmp_path))
    first = {name: LaidOut({"2026-11": {"calls": 1}}, []) for name in ("acme", "beta")}
    changed = first | {"beta": LaidOut({"2026-11": {"calls": 2}}, [])}

    assert len(shelf.lay_out(first, AS_OF)) == 6
    assert shelf.lay_out(first, AS_OF) == []
    assert shelf.lay_out(changed, AS_OF) == ["customers/beta/usage-2026-11.json"]
    later = shelf.lay_out({"beta": LaidOut({"2026-12": {"calls": 0}}, [])}, AS_OF)
    assert set(later) == {"customers/beta/usage-2026-12.json", "customers/beta/periods.json"}
    assert shelf.find_usage("beta", "2026-11") == {"calls": 2}
