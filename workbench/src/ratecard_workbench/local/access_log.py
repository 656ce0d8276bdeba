"""The access log: one line for each answer, written only after its bytes were handed to the socket.

No line, no charge: a call whose answer was not sent before the platform died has a usage line and no access line.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

from ratecard.storage.lake import ShortWriteError
from ratecard_workbench.local.exchange import Exchange
from ratecard_workbench.local.proxy_event import API_ID, request_time
from ratecard_workbench.local.templates import ContextTemplate

# Source: reference format for delivery through Firehose; all values are strings, so that an absent one ("-") is JSON.
DEFAULT_FORMAT = (
    '{"requestId":"$context.requestId","extendedRequestId":"$context.extendedRequestId","apiId":"$context.apiId",'
    '"stage":"$context.stage","requestTimeEpoch":"$context.requestTimeEpoch","httpMethod":"$context.httpMethod",'
    '"resourcePath":"$context.resourcePath","status":"$context.status","protocol":"$context.protocol",'
    '"responseLength":"$context.responseLength","apiKeyId":"$context.identity.apiKeyId",'
    '"sourceIp":"$context.identity.sourceIp","principalId":"$context.authorizer.principalId",'
    '"responseType":"$context.error.responseType","integrationStatus":"$context.integration.status",'
    '"integrationLatency":"$context.integration.latency","responseLatency":"$context.responseLatency",'
    '"lambdaRequestId":"$context.integration.requestId","wafResponseCode":"$context.wafResponseCode"}'
)
# The client closed the connection before the answer could be handed to the socket (as nginx names it).
CLIENT_CLOSED_REQUEST = 499

# Of lines that could not be stored so many are kept, about 30,000; what comes on top of them is lost, and said.
MAXIMUM_KEPT_BYTES = 16 * 1024 * 1024

Sink = Callable[[str, bytes], None]


class AccessLog:
    """Writes access lines in batches, one batch for each turn of the event loop.

    Parameters
    ----------
    template : str or None
        The stage's access-log format; None is the default one.
    stage : str
        Name of the stage.
    sink : callable
        Stores lines under an hour (`YYYY-MM-DDTHH`, UTC); may raise OSError.
    on_error : callable
        Told of lines that could not be stored, and are kept for the next batch, and of lines that are lost.
    """

    def __init__(self, template: str | None, *, stage: str, sink: Sink, on_error: Callable[[OSError], None]) -> None:
        self._format, self._pick = _compile(template or DEFAULT_FORMAT)
        self._stage = stage
        self._sink = sink
        self._on_error = on_error
        self._sent: list[Exchange] = []
        self._kept: deque[tuple[str, bytes]] = deque()
        self._kept_bytes = 0
        self._hour_number = -1
        self._hour = ""

    def answer_written(self, exchange: Exchange) -> None:
        """Log the request once its answer has left; called right after the answer was written to the transport.

        The event loop hands a write to the socket at once or, in older versions, after it has polled: in a callback
        scheduled now the answer is in the socket, or in the transport's buffer, or the connection is known as broken.
        """
        if not self._sent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._sent.append(exchange)

    def flush_now(self) -> None:
        """Log every answer that has left, and what could not be stored before; for the end of the platform."""
        self._flush()

    def _flush(self) -> None:
        sent, self._sent = self._sent, []
        by_hour: dict[str, list[str]] = {}
        for exchange in sent:
            if exchange.connection.broken:
                mark_unsent(exchange)
            elif exchange.connection.unsent_bytes():
                exchange.connection.when_drained(partial(self._drained, exchange))
                continue
            by_hour.setdefault(self._hour_of(exchange.received_ms), []).append(self._line(exchange))
        for hour, lines in by_hour.items():
            self._keep(hour, "".join(lines))
        self._store_kept()

    def _drained(self, exchange: Exchange, sent: bool) -> None:
        if not sent:
            mark_unsent(exchange)
        self._keep(self._hour_of(exchange.received_ms), self._line(exchange))
        self._store_kept()

    def _keep(self, hour: str, text: str) -> None:
        lines = text.encode("utf-8", "replace")
        if self._kept_bytes + len(lines) > MAXIMUM_KEPT_BYTES:
            self._on_error(OSError(errno.ENOBUFS, "too many are kept already; the newest are lost"))
            return
        self._kept.append((hour, lines))
        self._kept_bytes += len(lines)

    def _store_kept(self) -> None:
        """Store what is kept, oldest first; the answers have left, so their lines must not be lost to a full disk."""
        while self._kept:
            hour, lines = self._kept.popleft()
            self._kept_bytes -= len(lines)
            try:
                self._sink(hour, lines)
            except OSError as error:
                rest = lines[error.stored_bytes :] if isinstance(error, ShortWriteError) else lines
                self._kept.appendleft((hour, rest))
                self._kept_bytes += len(rest)
                self._on_error(error)
                return

    def _hour_of(self, epoch_ms: int) -> str:
        number = epoch_ms // 3_600_000
        if number != self._hour_number:
            self._hour_number = number
            self._hour = time.strftime("%Y-%m-%dT%H", time.gmtime(epoch_ms // 1000))
        return self._hour

    def _line(self, exchange: Exchange) -> str:
        route = exchange.route
        values = {
            "requestId": exchange.request_id,
            "extendedRequestId": exchange.extended_request_id,
            "apiId": API_ID,
            "stage": self._stage,
            "requestTimeEpoch": exchange.received_ms,
            "httpMethod": exchange.method,
            "resourcePath": "-" if route is None else route.resource,
            "status": exchange.status,
            "protocol": exchange.protocol,
            "responseLength": exchange.response_bytes,
            "identity.apiKeyId": "-" if exchange.holder is None else exchange.holder.key_id,
            "identity.sourceIp": exchange.source_ip,
            "error.responseType": exchange.error_type,
            "integration.status": exchange.integration_status,
            "integration.latency": exchange.integration_ms,
            "integration.requestId": "-" if exchange.integration_status == "-" else exchange.lambda_request_id,
            "responseLatency": int((time.monotonic() - exchange.started) * 1000),
            "requestTime": request_time(exchange.received_ms // 1000),
        }
        return self._format % self._pick(_Known(values))


def mark_unsent(exchange: Exchange) -> None:
    """Note that nobody got the answer."""
    exchange.status = CLIENT_CLOSED_REQUEST
    exchange.response_bytes = 0


class _Known(dict[str, Any]):
    """Values of `$context`; `-` stands for what is absent, as in API Gateway."""

    def __missing__(self, name: str) -> str:
        return "-"


def _compile(template: str) -> tuple[str, Callable[[_Known], tuple[Any, ...]]]:
    """Turn the format into one for `%` and a function that picks its values."""
    parsed = ContextTemplate(template)
    text = "%s".join(part.replace("%", "%%") for part in parsed.parts)
    if len(parsed.names) < 2:
        return text + "\n", lambda known: tuple(known[name] for name in parsed.names)
    return text + "\n", itemgetter(*parsed.names)
