"""Where the answers are: the home's files on one machine, DynamoDB and S3 in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ratecard.storage.chain import DocumentPlaces
from ratecard.storage.customers import Accounts
from ratecard.storage.shelf import Shelf

ROOT = "RATECARD_LEDGER_ROOT"
TABLE = "RATECARD_ACCOUNTS"
LEDGER = "RATECARD_LEDGER"
SHELF = "RATECARD_SHELF"


@dataclass(frozen=True, slots=True)
class Stores:
    """What is read.

    Attributes
    ----------
    accounts : Accounts
        Says whose a key is.
    shelf : Shelf
        What was laid out for customers.
    places : DocumentPlaces
        Invoices and credit notes themselves.
    """

    accounts: Accounts
    shelf: Shelf
    places: DocumentPlaces


def open_stores(environment: Mapping[str, str]) -> Stores:
    """Open the stores that the environment names.

    Parameters
    ----------
    environment : mapping of str to str
        `RATECARD_LEDGER_ROOT`, a folder; or else `RATECARD_ACCOUNTS`, a table, and `RATECARD_LEDGER` and
        `RATECARD_SHELF`, buckets.

    Raises
    ------
    KeyError
        If it names none.
    """
    root = environment.get(ROOT)
    if root:
        return _open_folder(Path(root))
    return _open_aws(environment[TABLE], ledger=environment[LEDGER], shelf=environment[SHELF])


def _open_folder(root: Path) -> Stores:
    from ratecard.storage.accounts import SqliteAccounts
    from ratecard.storage.objects import LocalObjectStore
    from ratecard.storage.places import FolderPlaces

    return Stores(
        SqliteAccounts(root / "accounts.sqlite"), Shelf(LocalObjectStore(root)), FolderPlaces(root / "invoices")
    )


def _open_aws(table: str, *, ledger: str, shelf: str) -> Stores:
    import boto3

    from ratecard.storage.dynamo_accounts import DynamoAccounts
    from ratecard.storage.objects import S3ObjectStore
    from ratecard.storage.places import S3Places

    accounts = DynamoAccounts(boto3.resource("dynamodb").Table(table))
    return Stores(accounts, Shelf(S3ObjectStore(), shelf), S3Places(ledger, "invoices/"))
