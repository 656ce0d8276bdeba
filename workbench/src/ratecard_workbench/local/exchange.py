"""One request at the gateway, from its first byte to its line in the access log."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from ratecard_workbench.local.ids import new_extended_request_id, new_trace_root, new_uuid, request_id_from
from ratecard_workbench.local.keyring import KeyHolder
from ratecard_workbench.local.openapi import Route

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Connection-level headers end at the gateway and are no part of an event; the last four the gateway sets itself.
DROPPED_HEADERS = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    )
)


class Connection(Protocol):
    """The client's connection, as far as an answer's fate is concerned."""

    broken: bool

    def cork(self) -> None:
        """Hold back what is written until `uncork`."""

    def uncork(self) -> None:
        """Write what was held back, at once."""

    def is_closing(self) -> bool:
        """Tell whether nothing more can be written."""

    def unsent_bytes(self) -> int:
        """Return how much of what was written has not reached the socket."""

    def when_drained(self, callback: Callable[[bool], None]) -> None:
        """Tell, once, when it has (True) or never will (False)."""


class Exchange:
    """A request and what becomes of it.

    Parameters
    ----------
    scope : dict
        ASGI scope; its headers keep the case in which they were sent.
    """

    __slots__ = (
        "api_key",
        "body",
        "connection",
        "content_length",
        "content_type",
        "error_type",
        "expects_continue",
        "extended_request_id",
        "forwarded_for",
        "header_bytes",
        "headers",
        "holder",
        "integration_ms",
        "integration_status",
        "lambda_request_id",
        "method",
        "multi_headers",
        "path",
        "port",
        "protocol",
        "query",
        "received_ms",
        "request_id",
        "response_bytes",
        "route",
        "source_ip",
        "started",
        "status",
        "trace",
        "user_agent",
    )

    def __init__(self, scope: Scope) -> None:
        self.received_ms = time.time_ns() // 1_000_000
        self.started = time.monotonic()
        self.connection: Connection = scope["ratecard.connection"]
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.protocol = "HTTP/" + scope["http_version"]
        server, client = scope["server"], scope["client"]
        self.port = str(server[1]) if server else ""
        self.source_ip: str = client[0] if client else "127.0.0.1"
        self.extended_request_id = new_extended_request_id()
        self.lambda_request_id = new_uuid()
        self.trace = new_trace_root(self.received_ms // 1000)
        self.route: Route | None = None
        self.holder: KeyHolder | None = None
        self.body = b""
        self.status = 0
        self.response_bytes = 0
        self.error_type = "-"
        self.integration_status = "-"
        self.integration_ms = "-"
        self._take_headers(scope["headers"])

    def _take_headers(self, raw: list[tuple[bytes, bytes]]) -> None:
        size = len(self.path) + len(self.query)
        headers: dict[str, str] = {}
        many: dict[str, list[str]] = {}
        lowered: dict[str, str] = {}
        for name_bytes, value_bytes in raw:
            name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1")
            size += len(name) + len(value)
            lower = name.lower()
            lowered[lower] = value
            if lower not in DROPPED_HEADERS:
                headers[name] = value
                many.setdefault(name, []).append(value)
        self.headers = headers
        self.multi_headers = many
        self.header_bytes = size
        self.api_key = lowered.get("x-api-key", "")
        self.content_type = lowered.get("content-type", "")
        self.user_agent = lowered.get("user-agent")
        self.forwarded_for = lowered.get("x-forwarded-for")
        # The HTTP parser has refused anything but digits.
        self.content_length = int(lowered.get("content-length", 0))
        self.expects_continue = "expect" in lowered
        self.request_id = request_id_from(lowered.get("x-amzn-requestid"))

    def query_parameters(self) -> dict[str, list[str]] | None:
        """Return the query's parameters in order, or None if there are none."""
        if not self.query:
            return None
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.query.decode("latin-1"), keep_blank_values=True):
            found.setdefault(name, []).append(value)
        return found or None
