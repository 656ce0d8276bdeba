"""Lines of the lake as values: what the function says it did, and what the gateway says the caller got."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ratecard.billing.plans import STANDARD_LEVEL
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, RatecardError

CALL_TYPE = "ratecard.call.v1"
ABSENT = "-"

ANNOUNCEMENTS = "/batches"
"""How the route ends on which a client announces a file: the file's rows are sold, not its announcement."""

CALL, OTHER = "call", "other"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class DamagedLineError(RatecardError):
    """A line of the lake is torn, or is not what its stream holds."""

    code = "damaged_line"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What a function did for a call; see `ratecard.metering.usage`.

    Attributes
    ----------
    id : str
        The gateway's extended request id, which no caller can set; of a file, the hash of its version.
    subject : str
        The key's id, or ``inbox/<customer>``.
    at_ms : int
        When the gateway received the call, milliseconds since the epoch.
    model, model_version, operation, level : str
        What was called.
    units, status : int
        Rows answered, and the function's status.
    billable : bool
        Whether a served answer is charged.
    idempotency_key : str or None
        The caller's mark of a retry.
    input_sha256 : str
        Hash of the body.
    fingerprint : str
        Hash of the whole line: two lines with one id and two fingerprints contradict each other.
    """

    id: str
    subject: str
    at_ms: int
    model: str
    model_version: str
    operation: str
    level: str
    units: int
    status: int
    billable: bool
    idempotency_key: str | None
    input_sha256: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """What the gateway answered to a call.

    Attributes
    ----------
    id : str
        The gateway's extended request id.
    key_id : str
        ``-`` if the call had no key that the gateway knows.
    at_ms : int
        When the gateway received the call.
    status : int
        What the caller saw; 499 if the caller was gone.
    integration_status : str
        What the function said to the gateway; ``-`` if it was not asked.
    kind : str
        CALL if rows were brought to a model, which is what is sold; else OTHER.
    fingerprint : str
        Hash of the whole line.
    """

    id: str
    key_id: str
    at_ms: int
    status: int
    integration_status: str
    kind: str
    fingerprint: str


def parse_usage(event: Mapping[str, object] | None) -> UsageRecord:
    """Read a usage line, a CloudEvent.

    Raises
    ------
    DamagedLineError
        If it is torn (None) or has not the members of a usage line.
    """
    if event is None or event.get("type") != CALL_TYPE or not isinstance(event.get("data"), dict):
        raise DamagedLineError("not a usage line")
    work = event["data"]
    assert isinstance(work, dict)
    key, level = work.get("idempotency_key"), work.get("level")
    if not (key is None or isinstance(key, str)) or not isinstance(work.get("billable"), bool):
        raise DamagedLineError("a usage line with a member of the wrong type")
    return UsageRecord(
        id=_text(event, "id"),
        subject=_text(event, "subject"),
        at_ms=_epoch_ms(_text(event, "time")),
        model=_text(work, "model"),
        model_version=_text(work, "model_version"),
        operation=_text(work, "operation"),
        level=STANDARD_LEVEL if level is None else _text(work, "level"),
        units=_count(work, "units"),
        status=_count(work, "status"),
        billable=work["billable"],
        idempotency_key=key,
        input_sha256=_text(work, "input_sha256"),
        fingerprint=_fingerprint(event),
    )


def parse_access(event: Mapping[str, object] | None) -> AccessRecord:
    """Read a line of the access log, all of whose values are strings.

    Raises
    ------
    DamagedLineError
        If it is torn (None) or has not the members of an access line.
    """
    if event is None:
        raise DamagedLineError("not an access line")
    call_id = _text(event, "extendedRequestId")
    if call_id == ABSENT:
        raise DamagedLineError("an access line without the gateway's id")
    return AccessRecord(
        id=call_id,
        key_id=_text(event, "apiKeyId"),
        at_ms=_number(event, "requestTimeEpoch"),
        status=_number(event, "status"),
        integration_status=_text(event, "integrationStatus"),
        kind=_kind(event),
        fingerprint=_fingerprint(event),
    )


def _kind(event: Mapping[str, object]) -> str:
    announces = str(event.get("resourcePath")).endswith(ANNOUNCEMENTS)
    return CALL if _text(event, "httpMethod") == "POST" and not announces else OTHER


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise DamagedLineError(f"a line without {name}")
    return value


def _count(event: Mapping[str, object], name: str) -> int:
    value = event.get(name)
    if type(value) is not int or value < 0:
        raise DamagedLineError(f"{name} must be a whole number, not negative")
    return value


def _number(event: Mapping[str, object], name: str) -> int:
    text = _text(event, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise DamagedLineError(f"{name} must be digits")
    return int(text)


def _epoch_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DamagedLineError("time must be an RFC 3339 instant") from None
    if moment.tzinfo is None:
        raise DamagedLineError("time must have a zone")
    return (moment - _EPOCH) // _MILLISECOND


def _fingerprint(event: Mapping[str, object]) -> str:
    return sha256_hex(json.dumps(event, sort_keys=True, separators=(",", ":")).encode())
