"""The status matrix: what becomes of a call, from the function's line and the gateway's line together.

Source: reference "A join C, on the extended request id".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ratecard.billing.events import ABSENT, CALL, AccessRecord, UsageRecord

GONE = 499
"""The caller had closed the connection before the answer was sent."""

UNANSWERED = "not delivered: no answer in the access log"
"""Why a call is free whose answer never left, where the access log is complete."""


class Action(Enum):
    """What becomes of a call."""

    BILL = "bill"
    FREE = "free"
    """Work was done, the price is zero, and the line says why."""
    REFUSED = "refused"
    """Nothing was done; shown at price zero."""
    UNBILLED = "unbilled"
    """Served, but nobody knows what: listed for the operator, never guessed."""
    IGNORED = "ignored"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What becomes of a call, why, and whether the gateway's line is missing though there should be one."""

    action: Action
    reason: str = ""
    access_missing: bool = False


def classify(
    usage: UsageRecord | None, access: AccessRecord | None, *, access_log_complete: bool = False
) -> Disposition:
    """Decide what becomes of one call.

    Parameters
    ----------
    usage : UsageRecord or None
        The function's line, after duplicates.
    access : AccessRecord or None
        The gateway's line, after duplicates.
    access_log_complete : bool
        Whether the gateway writes a line for every answer that left, as that of the platform on one machine does: no
        line then means that the caller got nothing. API Gateway's log is best effort.

    Raises
    ------
    ValueError
        If there is neither.
    """
    if usage is None:
        if access is None:
            raise ValueError("a call has at least one line")
        return _answered_without_usage(access)
    if access is None:
        return _used_without_access(usage, access_log_complete)
    if access.key_id not in (ABSENT, usage.subject):
        return Disposition(Action.QUARANTINE, "key_mismatch")
    if not is_success(access.status):
        return Disposition(Action.FREE, f"not delivered: {access.status}")
    return _served(usage)


def is_file(usage: UsageRecord) -> bool:
    """Tell whether a line is of a file, which no gateway has seen."""
    return usage.operation.startswith("batch")


def is_success(status: int) -> bool:
    """Tell whether a status is 2xx."""
    return 200 <= status <= 299


def _served(usage: UsageRecord, *, access_missing: bool = False) -> Disposition:
    if not usage.billable:
        return Disposition(Action.FREE, "not billable")
    if not is_success(usage.status):
        return Disposition(Action.FREE, f"failed: {usage.status}", access_missing)
    return Disposition(Action.BILL, "", access_missing)


def _used_without_access(usage: UsageRecord, access_log_complete: bool) -> Disposition:
    missing = usage.billable and not is_file(usage)
    if missing and access_log_complete:
        return Disposition(Action.FREE, UNANSWERED, access_missing=True)
    # The gateway's log is delivered on best effort: the call is charged, and its id counts towards the tolerance.
    return _served(usage, access_missing=missing)


def _answered_without_usage(access: AccessRecord) -> Disposition:
    # Only calls of models are sold: what else was asked for is on no invoice, refused or not.
    if access.kind != CALL:
        return Disposition(Action.IGNORED, "nothing sold")
    if is_success(access.status):
        asked = access.integration_status.isdigit() and is_success(int(access.integration_status))
        return Disposition(Action.UNBILLED, "usage line missing") if asked else Disposition(Action.IGNORED, "not asked")
    if access.status == GONE:
        return Disposition(Action.REFUSED, f"not delivered: {access.status}")
    kind = "failed" if access.status >= 500 else "refused"
    return Disposition(Action.REFUSED, f"{kind}: {access.status}")
