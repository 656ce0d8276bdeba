"""The usage line: the log record and the usage event of a call at once, a valid CloudEvent of at most 1 KB.

It names no customer and no plan: they are resolved from the key's id when the line is rated. It holds no payload, only
the payload's hash.
"""

from __future__ import annotations

import sys

from ratecard.kernel import jsontext
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import InvalidRequestError, Problem
from ratecard.kernel.value import Value

EVENT_TYPE = "ratecard.call.v1"
MAX_IDEMPOTENCY_KEY = 64
MAX_LEVEL = 32
STANDARD_LEVEL = "standard"
"""The level of lines that name none."""

MAX_LINE_BYTES = 1024
"""What a line stays under, line end included, with every caller-controlled part at its longest."""


class Caller(Value):
    """Who called, and under which ids.

    Attributes
    ----------
    call_id : str
        `requestContext.extendedRequestId`, which a caller cannot set; Lambda's request id where no gateway was passed.
    source : str
        Where the id is unique: ``/<api id>/<stage>``, ``/direct`` or ``/inbox``.
    at_epoch_ms : int
        When the gateway received the call.
    subject : str
        The key's id; for a file, the prefix that names who pays.
    api_key_id, lambda_request_id, client_request_id, idempotency_key : str or None
        `client_request_id` can be chosen by the caller and is for finding a call only.
    billable : bool
        Whether a served answer is charged.
    """

    call_id: str
    source: str
    at_epoch_ms: int
    subject: str
    api_key_id: str | None
    lambda_request_id: str | None
    client_request_id: str | None
    idempotency_key: str | None
    billable: bool


class Work(Value):
    """What was done for the caller.

    Attributes
    ----------
    operation : str
        predict, explain, batch or batch_explain.
    model, model_version : str
        Slug and version.
    units : int
        Rows answered.
    request_bytes, response_bytes : int
        Size of the bodies.
    input_sha256 : str
        SHA-256 of the body or of the file, hexadecimal.
    latency_ms : float or None
        Time inside the function; None for files, whose line must be the same when it is written again.
    """

    operation: str
    model: str
    model_version: str
    units: int
    request_bytes: int
    response_bytes: int
    input_sha256: str
    latency_ms: float | None


class ServiceLevel:
    """At which service level this function is offered: a property of the function, so that no caller can choose it.

    The same model behind two functions, with different memory, concurrency or timeout, can be sold at two prices.
    """

    __slots__ = ("_member",)

    def __init__(self) -> None:
        self._member: dict[str, str] = {}

    @property
    def member(self) -> dict[str, str]:
        """What usage lines have of it: nothing, if it is the standard level."""
        return self._member

    def set(self, level: str) -> None:
        """Set the level, once, while the function starts.

        Raises
        ------
        ValueError
            If it is no slug of at most `MAX_LEVEL` characters, as the price book has them.
        """
        plain = level.replace("-", "")
        if not (len(level) <= MAX_LEVEL and plain.isascii() and plain.isalnum() and level == level.lower()):
            raise ValueError(f"a service level is a slug of at most {MAX_LEVEL} characters")
        self._member = {} if level == STANDARD_LEVEL else {"level": level}


SERVICE_LEVEL = ServiceLevel()


def usage_line(caller: Caller, work: Work) -> str:
    """Write the usage line of one answered call, without a line end."""
    return jsontext.encode(
        {
            "specversion": "1.0",
            "type": EVENT_TYPE,
            "id": caller.call_id,
            "source": caller.source,
            "time": rfc3339_from_epoch_ms(caller.at_epoch_ms),
            "subject": caller.subject,
            "data": {
                "operation": work.operation,
                "model": work.model,
                "model_version": work.model_version,
                **SERVICE_LEVEL.member,
                "units": work.units,
                "status": 200,
                "billable": caller.billable,
                "api_key_id": caller.api_key_id,
                "lambda_request_id": caller.lambda_request_id,
                "client_request_id": caller.client_request_id,
                "idempotency_key": caller.idempotency_key,
                "req_bytes": work.request_bytes,
                "resp_bytes": work.response_bytes,
                "latency_ms": work.latency_ms,
                "input_sha256": work.input_sha256,
            },
        }
    )


def record_usage(caller: Caller, work: Work) -> None:
    """Write the usage line to stdout, in one write, before the answer leaves the function."""
    sys.stdout.write(usage_line(caller, work) + "\n")
    sys.stdout.flush()


def parse_idempotency_key(text: str | None) -> str | None:
    """Check an Idempotency-Key header.

    Raises
    ------
    InvalidRequestError
        If it is empty, longer than `MAX_IDEMPOTENCY_KEY`, or not printable ASCII: it is kept in the usage line.
    """
    if text is None:
        return None
    if 0 < len(text) <= MAX_IDEMPOTENCY_KEY and text.isascii() and text.isprintable():
        return text
    detail = f"must be 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters"
    raise InvalidRequestError(
        f"the header Idempotency-Key {detail}", (Problem("", "bad_header", f"the header Idempotency-Key {detail}"),)
    )
