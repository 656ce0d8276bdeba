"""Calls whose usage line was lost and that an operator has approved to be charged, once, for one unit.

The audit trail is where they are: each approval is a record of who approved what and when, which nobody edits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ratecard.billing.counting import Counted
from ratecard.billing.events import AccessRecord, UsageRecord
from ratecard.billing.plans import STANDARD_LEVEL
from ratecard.billing.scope import Scope
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.audit import AuditTrail

RECOVERED = "call.recovered"
_MODEL = re.compile(r"/v[12]/models/([a-z0-9-]+)/")


class NotRecoverableError(RatecardError):
    """What is to be recovered is no call whose usage line is missing."""

    code = "not_recoverable"
    kind = ErrorKind.INVALID


def make_recovery(answer: AccessRecord, resource: str) -> UsageRecord:
    """Return what a call without its usage line is charged as: one row, predicted, at the standard level.

    Parameters
    ----------
    answer : AccessRecord
        The gateway's line.
    resource : str
        The route, which names the model.

    Raises
    ------
    NotRecoverableError
        If the route is no model's.
    """
    match = _MODEL.match(resource)
    if match is None:
        raise NotRecoverableError(f"call {answer.id} was not to a model")
    return _record(answer.id, answer.key_id, answer.at_ms, match.group(1))


def record_recoveries(trail: AuditTrail, actor: str, calls: Iterable[UsageRecord]) -> None:
    """Write down that calls are to be charged; raises InvalidActorError and BrokenChainError."""
    known = {each.id for each in load_recoveries(trail)}
    for call in calls:
        if call.id not in known:
            state = {"key": call.subject, "at_ms": call.at_ms, "model": call.model, "units": call.units}
            trail.record(actor, RECOVERED, f"call/{call.id}", before=None, after=state)


def load_recoveries(trail: AuditTrail) -> tuple[UsageRecord, ...]:
    """Return what has been approved; raises BrokenChainError if a record is missing or damaged."""
    found: dict[str, UsageRecord] = {}
    for record in trail.list_records():
        if record.action == RECOVERED:
            after = {name: change[1] for name, change in record.changes.items()}
            call_id = record.subject.removeprefix("call/")
            found[call_id] = _record(call_id, str(after["key"]), int(str(after["at_ms"])), str(after["model"]))
    return tuple(found.values())


def recovering(count: Callable[[Scope], Counted], trail: AuditTrail) -> Callable[[Scope], Counted]:
    """Return what counts a scope as `count` does, approved calls included."""
    return lambda scope: count(scope.with_recoveries(load_recoveries(trail)))


def _record(call_id: str, subject: str, at_ms: int, model: str) -> UsageRecord:
    return UsageRecord(
        id=call_id,
        subject=subject,
        at_ms=at_ms,
        model=model,
        model_version=RECOVERED,
        operation="predict",
        level=STANDARD_LEVEL,
        units=1,
        status=200,
        billable=True,
        idempotency_key=None,
        input_sha256=RECOVERED,
        fingerprint=RECOVERED,
    )
