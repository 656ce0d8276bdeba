"""What the function reads and writes: the home's files on one machine, DynamoDB and S3 in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batches_service.places import FolderPlaces, Places, S3Places
from ratecard.billing.plans import PriceBook
from ratecard.billing.pricebook import load_price_book
from ratecard.storage.customers import Accounts

ROOT = "RATECARD_LEDGER_ROOT"
TABLE = "RATECARD_ACCOUNTS"
INBOX, OUTBOX = "RATECARD_INBOX", "RATECARD_OUTBOX"
BOOK = "RATECARD_PRICE_BOOK"


@dataclass(frozen=True, slots=True)
class Stores:
    """What is read and written.

    Attributes
    ----------
    accounts : Accounts
        Says whose a key is.
    places : Places
        Files, and links to them.
    book : PriceBook
        Says what a row costs.
    """

    accounts: Accounts
    places: Places
    book: PriceBook


def open_stores(environment: Mapping[str, str]) -> Stores:
    """Open the stores that the environment names.

    Parameters
    ----------
    environment : mapping of str to str
        `RATECARD_LEDGER_ROOT`, a folder; or else `RATECARD_ACCOUNTS`, a table, and `RATECARD_INBOX` and
        `RATECARD_OUTBOX`, buckets. `RATECARD_PRICE_BOOK` is a file; without it the one packed with the function.

    Raises
    ------
    KeyError
        If it names none.
    """
    book = load_price_book(Path(environment.get(BOOK) or f"{environment['LAMBDA_TASK_ROOT']}/ratecard.toml"))
    root = environment.get(ROOT)
    if root:
        return _open_folder(Path(root), book)
    return _open_aws(environment[TABLE], environment[INBOX], environment[OUTBOX], book)


def _open_folder(root: Path, book: PriceBook) -> Stores:
    from ratecard.storage.accounts import SqliteAccounts

    return Stores(SqliteAccounts(root / "accounts.sqlite"), FolderPlaces(root), book)


def _open_aws(table: str, inbox: str, outbox: str, book: PriceBook) -> Stores:
    import boto3
    from botocore.config import Config

    from ratecard.storage.dynamo_accounts import DynamoAccounts
    from ratecard.storage.objects import S3ObjectStore

    accounts = DynamoAccounts(boto3.resource("dynamodb").Table(table))
    # A link is signed for the region's own address: S3 would answer the global one with a redirect, which breaks it.
    signing = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return Stores(accounts, S3Places(inbox, outbox, S3ObjectStore(), boto3.client("s3", config=signing)), book)
