"""Entry points of the ledger's functions; each run answers with what it did, and writes it to the log.

No payload, no secret and no amount is logged: customers' ids, counts, and what stands in the way by its code.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from ledger_service.books import Books, Clients, open_books
from ledger_service.jobs import Report, run_billing, run_keys, run_refresh
from ledger_service.settings import Settings, parse_settings
from ratecard.kernel.errors import RatecardError
from ratecard.storage.accounts import now_ms
from ratecard.storage.gateway_api import open_gateway_api

REFRESH_BUDGET_BYTES = 100_000_000
BILLING_BUDGET_BYTES = 250_000_000
"""Most of a stream, as it lies in the lake, that one run counts; docs/decisions/0012 says what they come from."""

logger = Logger(service="ledger")


def refresh_handler(_event: Mapping[str, Any], _context: object) -> Report:
    """Count usage for customers to read, and net prepaid balances."""
    return _told("refreshed", lambda: run_refresh(_books(REFRESH_BUDGET_BYTES), as_of_ms=now_ms()))


def billing_handler(_event: Mapping[str, Any], _context: object) -> Report:
    """Issue what is due, or draft it."""
    settings = _settings()
    books = _books(BILLING_BUDGET_BYTES)
    report = _told("billed", lambda: run_billing(books, settings.shelf, as_of_ms=now_ms(), issues=settings.issues))
    _measure("InvoicesBlocked", int(str(report["blocked"])))
    return report


def keys_handler(_event: Mapping[str, Any], _context: object) -> Report:
    """Make the gateway's keys follow the accounts."""
    report = _told("synced", lambda: run_keys(_books(BILLING_BUDGET_BYTES)))
    waiting = report["waiting"]
    assert isinstance(waiting, list)
    _measure("KeysWaiting", len(waiting))
    return report


def _told(done: str, job: Callable[[], Report]) -> Report:
    try:
        report = job()
    except RatecardError as error:
        # What it was is said; Lambda itself writes where.
        logger.error("failed", extra={"code": error.code, "detail": error.detail})  # noqa: TRY400
        raise
    logger.info(done, extra={"report": report})
    return report


def _measure(name: str, value: int) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=value) as metric:
        metric.add_dimension(name="stage", value=_settings().stage)


def _settings() -> Settings:
    return parse_settings(os.environ)


@functools.cache
def _books(budget_bytes: int) -> Books:
    """Open the books once for an environment: what was read of a chain need not be read again."""
    import boto3

    settings = _settings()
    table = boto3.resource("dynamodb").Table(settings.accounts)
    clients = Clients(boto3.client("s3"), table, open_gateway_api())
    return open_books(settings, clients, budget_bytes=budget_bytes)
