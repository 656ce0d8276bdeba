"""The usage line: the log record and the usage event of a call at once, a valid CloudEvent of at most 1 KB.

It names no customer and no plan: they are resolved from the key's id when the line is rated. It holds no payload, only
the payload's hash.
"""

from __future__ import annotations

import os
import sys

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import InvalidRequestError, Problem
from ratecard.kernel.jsontext import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple, TextIO
else:
    from ratecard.kernel.value import NamedTuple

EVENT_TYPE = "ratecard.call.v1"
MAX_IDEMPOTENCY_KEY = 64
MAX_LEVEL = 32
STANDARD_LEVEL = "standard"
"""The level of lines that name none."""

LINE = (
    f'{{"specversion":"1.0","type":"{EVENT_TYPE}",'
    '"id":%s,"source":%s,"time":"%s","subject":%s,"data":{"operation":%s,"model":%s,"model_version":%s,%s"units":%d,'
    '"status":200,"billable":%s,"api_key_id":%s,"lambda_request_id":%s,"client_request_id":%s,"idempotency_key":%s,'
    '"req_bytes":%d,"resp_bytes":%d,"latency_ms":%s,"input_sha256":"%s"}}'
)
"""The line with places for what changes, in the order of `Caller` and `Work`: an encoder would find the same members in
the same order for each call anew, in three times the time."""

MAX_LINE_BYTES = 1024
"""What a line stays under, line end included, with every caller-controlled part at its longest."""


class Caller(NamedTuple):
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


class Work(NamedTuple):
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

    Attributes
    ----------
    member : str
        What usage lines have of it, as JSON with its comma: nothing, if it is the standard level.
    """

    __slots__ = ("member",)

    def __init__(self) -> None:
        self.member = ""

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
        self.member = "" if level == STANDARD_LEVEL else f'"level":"{level}",'


SERVICE_LEVEL = ServiceLevel()


def usage_line(caller: Caller, work: Work) -> str:
    """Write the usage line of one answered call, without a line end."""
    call_id, source, at_epoch_ms, subject, key_id, lambda_id, client_id, idempotency_key, billable = caller
    operation, model, model_version, units, request_bytes, response_bytes, input_sha256, latency_ms = work
    return LINE % (
        quote(call_id),
        quote(source),
        rfc3339_from_epoch_ms(at_epoch_ms),
        quote(subject),
        quote(operation),
        quote(model),
        quote(model_version),
        SERVICE_LEVEL.member,
        units,
        "true" if billable else "false",
        "null" if key_id is None else quote(key_id),
        "null" if lambda_id is None else quote(lambda_id),
        "null" if client_id is None else quote(client_id),
        "null" if idempotency_key is None else quote(idempotency_key),
        request_bytes,
        response_bytes,
        "null" if latency_ms is None else repr(latency_ms),
        input_sha256,
    )


class Stdout:
    """Where usage lines go: to whatever `sys.stdout` is at that moment, past its layers of text where it has a file."""

    __slots__ = ("_file", "_stream")

    def __init__(self) -> None:
        self._stream: object = None
        self._file: int | None = None

    def write(self, line: str) -> None:
        """Write a line of ASCII at once; a pipe takes one of `MAX_LINE_BYTES` whole.

        Raises
        ------
        OSError
            If it is not taken whole: a full disk takes a part, and what is not metered is not answered.
        """
        stream = sys.stdout
        if stream is not self._stream:
            self._stream, self._file = stream, find_file(stream)
        if self._file is None:
            stream.write(line)
            stream.flush()
        else:
            written = os.write(self._file, line.encode("ascii"))
            if written != len(line):
                raise OSError("the usage line was not taken whole")


def find_file(stream: TextIO) -> int | None:
    """Return the descriptor behind a stream, with what was written to it so far flushed; None if it has no file."""
    try:
        stream.flush()
        return stream.fileno()
    except (AttributeError, OSError):
        return None


STDOUT = Stdout()


def record_usage(caller: Caller, work: Work) -> None:
    """Write the usage line to stdout, in one write, before the answer leaves the function."""
    STDOUT.write(usage_line(caller, work) + "\n")


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
