"""The ledger of a deployed stage, for an operator's commands: what blocks an invoice, credit, grants, verification."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ratecard.billing.plans import PriceBook
from ratecard.storage.chain import Chain
from ratecard.storage.crediting import Crediting
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.gateway_counts import KEPT_DAYS, fetch_gateway_counts
from ratecard.storage.grants import Grants
from ratecard.storage.invoices import Invoices
from ratecard.storage.issued import IssuedDocuments
from ratecard.storage.issuing import Issuing
from ratecard.storage.lake_files import BucketFiles
from ratecard.storage.ledger import Ledger, Sources
from ratecard.storage.places import GRANTS, INVOICES, S3Places
from ratecard.storage.reconciling import Logs, Reconciling
from ratecard.storage.recoveries import recovering
from ratecard.storage.sqllake import SqlLake
from ratecard_workbench.cloud.stages import open_stage
from ratecard_workbench.local.counting_bar import show_counting
from ratecard_workbench.local.ledgers import HomeLedger


def open_stage_ledger(
    name: str, prices: PriceBook, *, actor: str, grace_ms: int, clock: Callable[[], int]
) -> HomeLedger:
    """Open the ledger of a stage; the lake is counted on this machine, which may be larger than a function.

    Raises
    ------
    StageError
        If it cannot be opened.
    """
    stage = open_stage(name)
    chain = Chain(S3Places(stage.ledger, INVOICES, stage.s3))
    grants, trail = Grants(Chain(S3Places(stage.ledger, GRANTS, stage.s3)), clock), stage.trail()
    invoices, issued = Invoices(chain, clock), IssuedDocuments(chain)
    files = BucketFiles(stage.lake, client=stage.s3)
    count = recovering(SqlLake(files, on_progress=show_counting).count_usage, trail)
    # API Gateway's access log is delivered on best effort: a usage line without an access line is charged.
    ledger = Ledger(
        Sources(DynamoAccounts(stage.table), prices, count, issued, grants),
        grace_ms=grace_ms,
        access_log_complete=False,
    )
    return HomeLedger(
        ledger=ledger,
        issuing=Issuing(ledger, invoices, trail, actor),
        crediting=Crediting(invoices, issued, grants=grants, trail=trail, actor=actor),
        chain=chain,
        grants=grants,
        trail=trail,
        accounts=stage.accounts(actor),
        reconciling=Reconciling(
            ledger, Logs(files, partial(fetch_gateway_counts, stage.gateway, stage.name), kept_days=KEPT_DAYS)
        ),
    )
