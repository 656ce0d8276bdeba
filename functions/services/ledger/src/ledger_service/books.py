"""The books of a stage in AWS: a table, buckets, and API Gateway's API in the place of a home's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger_service.bounded import BoundedFiles
from ledger_service.settings import Settings
from ratecard.billing.pricebook import load_price_book
from ratecard.storage.accounts import now_ms
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.chain import Chain
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.gateway_api import GatewayApi
from ratecard.storage.gateway_ids import GatewayIds
from ratecard.storage.gateway_keys import GatewayKeys
from ratecard.storage.grants import Grants
from ratecard.storage.invoices import Invoices
from ratecard.storage.issued import IssuedDocuments
from ratecard.storage.issuing import Issuing
from ratecard.storage.ledger import Ledger, Sources
from ratecard.storage.objects import S3ObjectStore
from ratecard.storage.places import AUDIT, GRANTS, INVOICES, S3Places
from ratecard.storage.recoveries import recovering
from ratecard.storage.refreshing import ACTOR
from ratecard.storage.shelf import Shelf
from ratecard.storage.sqllake import Limits, SqlLake

ISSUER = "billing"
"""Who issues invoices, in the audit trail."""
LIMITS = Limits(memory_bytes=1_800_000_000, threads=2)
"""What duckdb may use of a function with 3,008 MB, the most that every new account may have."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Ways to AWS.

    Attributes
    ----------
    s3, table : object
        A boto3 client, and the `Table` of the accounts.
    gateway : GatewayApi
        Keys and usage plans.
    """

    s3: Any
    table: Any
    gateway: GatewayApi


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that the jobs work on.

    Attributes
    ----------
    ledger : Ledger
        Computes statements.
    issuing : Issuing
        Issues, as `ISSUER`.
    trail : AuditTrail
        Who changed what.
    accounts : AuditedAccounts
        Customers and keys, changed as the prepaid job.
    keys : GatewayKeys
        The gateway's keys.
    shelf : Shelf
        What customers may read.
    objects : S3ObjectStore
        For what the operator reads.
    files : BoundedFiles
        The lake.
    gateway : GatewayApi
        For the gateway's own counts.
    stage : str
        Name of the installation.
    """

    ledger: Ledger
    issuing: Issuing
    trail: AuditTrail
    accounts: AuditedAccounts
    keys: GatewayKeys
    shelf: Shelf
    objects: S3ObjectStore
    files: BoundedFiles
    gateway: GatewayApi
    stage: str


def open_books(settings: Settings, clients: Clients, *, budget_bytes: int, clock: Callable[[], int] = now_ms) -> Books:
    """Put the books together; nothing is read yet but the prices.

    Parameters
    ----------
    settings : Settings
        Where things are.
    clients : Clients
        Ways to AWS.
    budget_bytes : int
        Most of the lake, as it lies there, that one count may read.
    clock : callable, optional
        Gives the present in milliseconds since 1970.

    Raises
    ------
    PriceBookError
        If the price book is broken.
    """

    def chain(prefix: str) -> Chain:
        return Chain(S3Places(settings.ledger, prefix, clients.s3))

    accounts, ids = DynamoAccounts(clients.table, clock), GatewayIds(clients.table, clock)
    documents, trail = chain(INVOICES), AuditTrail(chain(AUDIT), clock)
    files = BoundedFiles(settings.lake, clients.s3, budget_bytes=budget_bytes)
    sources = Sources(
        accounts=accounts,
        book=load_price_book(settings.price_book),
        count=recovering(SqlLake(files, LIMITS).count_usage, trail),
        issued=IssuedDocuments(documents),
        grants=Grants(chain(GRANTS), clock),
    )
    # API Gateway's access log is delivered on best effort: a usage line without an access line is charged.
    ledger = Ledger(sources, access_log_complete=False)
    objects = S3ObjectStore()
    return Books(
        ledger=ledger,
        issuing=Issuing(ledger, Invoices(documents, clock), trail, ISSUER),
        trail=trail,
        accounts=AuditedAccounts(accounts, trail, ACTOR),
        keys=GatewayKeys(accounts, ids, clients.gateway, stage=settings.stage, clock=clock),
        shelf=Shelf(objects, settings.shelf),
        objects=objects,
        files=files,
        gateway=clients.gateway,
        stage=settings.stage,
    )
