"""Lambda's Runtime API for one worker process: the HTTP interface that `awslambdaric` polls.

Each worker has a listener of its own, so a call is tied to its process.
Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Protocol

import httptools

PREFIX = b"/2018-06-01/runtime/"
# Lambda's limit of a synchronous response, as its error message states it.
MAXIMUM_RESPONSE_BYTES = 6_291_556
_INVOCATION = re.compile(rb"/2018-06-01/runtime/invocation/([0-9A-Za-z-]{1,64})/(response|error)")
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


def _refusal(status: str, error_type: str) -> bytes:
    body = json.dumps({"errorMessage": error_type, "errorType": error_type}).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_NOT_FOUND = _refusal("404 Not Found", "NotFound")
_INVALID_ID = _refusal("400 Bad Request", "InvalidRequestID")
_TOO_LARGE = _refusal("413 Payload Too Large", "RequestEntityTooLarge")


class RuntimeHost(Protocol):
    """What a worker must offer to its Runtime API."""

    def admits(self, transport: asyncio.Transport) -> bool:
        """Tell whether the other end is the worker's own process."""

    def next_requested(self, transport: asyncio.Transport) -> None:
        """The process waits for a call; the answer is written when there is one."""

    def response_posted(self, request_id: str, body: bytes) -> bool:
        """The call is answered; False if no such call is running."""

    def error_posted(self, request_id: str, body: bytes, *, too_large: bool = False) -> bool:
        """The call failed; False if no such call is running."""

    def initialisation_failed(self, body: bytes) -> None:
        """The process cannot start."""

    def connection_closed(self, transport: asyncio.Transport) -> None:
        """The process closed a connection, which it does when it ends."""


class RuntimeConnection(asyncio.Protocol):
    """One HTTP connection of a worker to its Runtime API."""

    __slots__ = ("_host", "_parser", "_parts", "_size", "_transport", "_url")

    def __init__(self, host: RuntimeHost) -> None:
        self._host = host
        self._parser = httptools.HttpRequestParser(self)
        self._parts: list[bytes] = []
        self._url = b""
        self._size = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, if it comes from the worker itself: an event holds the caller's key."""
        if not self._host.admits(transport):
            transport.abort()
            return
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls back below."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the worker."""
        if self._transport is not None:
            self._host.connection_closed(self._transport)

    def on_message_begin(self) -> None:
        """Start a request."""
        self._url = b""
        self._parts = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Collect the path."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Collect the body, as far as it is allowed to be long."""
        self._size += len(body)
        if self._size <= MAXIMUM_RESPONSE_BYTES:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Route the request."""
        transport = self._transport
        if transport is None:
            return
        if self._url == PREFIX + b"invocation/next":
            self._host.next_requested(transport)
            return
        transport.write(self._posted())

    def _posted(self) -> bytes:
        body = b"".join(self._parts)
        match = _INVOCATION.fullmatch(self._url)
        if match is None:
            if self._url != PREFIX + b"init/error":
                return _NOT_FOUND
            self._host.initialisation_failed(body)
            return _ACCEPTED
        request_id = match.group(1).decode()
        if self._size > MAXIMUM_RESPONSE_BYTES:
            self._host.error_posted(request_id, b"", too_large=True)
            return _TOO_LARGE
        if match.group(2) == b"response":
            known = self._host.response_posted(request_id, body)
        else:
            known = self._host.error_posted(request_id, body)
        return _ACCEPTED if known else _INVALID_ID


def invocation_head(call_id: str, arn: str, deadline_epoch_ms: int, event_bytes: int) -> bytes:
    """Write the head of the answer to `GET /invocation/next`.

    Parameters
    ----------
    call_id : str
        Lambda's request id.
    arn : str
        ARN of the invoked function.
    deadline_epoch_ms : int
        When the call will be killed, in milliseconds since 1970.
    event_bytes : int
        Length of the event that follows.
    """
    return (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {call_id}\r\nLambda-Runtime-Deadline-Ms: {deadline_epoch_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {arn}\r\nContent-Length: {event_bytes}\r\n\r\n"
    ).encode()
