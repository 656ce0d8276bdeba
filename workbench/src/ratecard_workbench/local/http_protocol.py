"""uvicorn's HTTP protocol, bounded: header size, header time, and what a refused body may still send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ratecard.kernel.problems import MEDIA_TYPE, problem_document
from ratecard_workbench.local.corked import CorkedTransport
from ratecard_workbench.local.ids import new_extended_request_id

# Longer than the gateway's own limit, which answers with words; this one only stops what never ends.
MAXIMUM_HEADER_BYTES = 65_536
HEADER_SECONDS = 10.0
# How long a client may go on sending a body that was refused.
DROP_SECONDS = 60.0
MAXIMUM_DROPPED_BYTES = 64 * 1024 * 1024
# How long a client may leave an answer unread.
DRAIN_SECONDS = 60.0


class GatewayProtocol(HttpToolsProtocol):
    """One client connection.

    Attributes
    ----------
    broken : bool
        Whether the connection ended by an error, so that what was written last may not have left.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.broken = False
        self._header_timer: asyncio.TimerHandle | None = None
        self._head_open = True
        self._head_bytes = 0
        self._body_open = False
        self._dropped_bytes = 0
        self._on_drained: list[Callable[[bool], None]] = []
        self._drain_timer: asyncio.TimerHandle | None = None

    def is_closing(self) -> bool:
        """Tell whether nothing more can be written."""
        return self.transport.is_closing()

    def unsent_bytes(self) -> int:
        """Return how much of what was written has not reached the socket."""
        return self.transport.get_write_buffer_size()

    def when_drained(self, callback: Callable[[bool], None]) -> None:
        """Tell, once, when everything written has reached the socket (True) or the connection was lost (False)."""
        self._on_drained.append(callback)
        if self._drain_timer is None:
            self._drain_timer = self.loop.call_later(DRAIN_SECONDS, self.transport.abort)
            # From now on the transport reports when its buffer is empty.
            self.transport.set_write_buffer_limits(high=0)

    def resume_writing(self) -> None:
        """Note that the buffer is empty."""
        super().resume_writing()
        if self._on_drained:
            self._drained(sent=True)

    def _drained(self, *, sent: bool) -> None:
        callbacks, self._on_drained = self._on_drained, []
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        if sent:
            self.transport.set_write_buffer_limits()
        for callback in callbacks:
            callback(sent)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, but not for ever."""
        corked = CorkedTransport(transport)
        self.cork = corked.cork
        self.uncork = corked.uncork
        super().connection_made(corked)  # type: ignore[arg-type]
        self._header_timer = self.loop.call_later(HEADER_SECONDS, self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more can be sent."""
        self.broken = exc is not None
        self._stop_header_timer()
        self._drained(sent=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and watch over a head that is not complete and over bytes that begin nothing."""
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._head_open:
            self._head_bytes += len(data)
            if self._head_bytes > MAXIMUM_HEADER_BYTES:
                self._refuse("the head of the request is too long")
                return
        elif self.cycle is not None and not self.cycle.response_complete:
            # The gateway waits for the body, or the client for its answer.
            return
        if self._header_timer is None:
            seconds = DROP_SECONDS if self._body_open else HEADER_SECONDS
            self._header_timer = self.loop.call_later(seconds, self._head_too_slow)

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                if self.parser.get_method() == b"CONNECT":
                    self.send_400_response("")
                    return
                data = self._without_upgrade() + data[upgrade.args[0] :]
            except httptools.HttpParserError:
                self.send_400_response("")
                return

    def _without_upgrade(self) -> bytes:
        """Return the head just read as one that asks for no other protocol (RFC 9110, 7.8), for a new parser.

        The parser takes what follows an upgrade for the other protocol, and would lose the body.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0].lower() != b"upgrade"]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        self._head_open = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the header as it was sent: an event carries the client's own spelling."""
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start the request; one that asks for another protocol is read again without that wish."""
        if self.parser.should_upgrade():
            return
        self._head_open = False
        self._head_bytes = 0
        self._body_open = True
        self._stop_header_timer()
        self.scope["ratecard.connection"] = self  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; one that nobody reads any more is dropped, within bounds."""
        if self.cycle.response_complete:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > MAXIMUM_DROPPED_BYTES:
                self.transport.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request's body."""
        if self.parser.should_upgrade():
            return
        self._body_open = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in the words of every other refusal; an answer that is still due comes first."""
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self.cycle.keep_alive = False
        else:
            self._refuse("this is not a valid HTTP request")

    def _head_too_slow(self) -> None:
        self._header_timer = None
        if not self._head_bytes:
            # It has asked for nothing: there is nothing to answer.
            self.transport.close()
            return
        self._refuse("the head of the request did not arrive in time")

    def _refuse(self, detail: str) -> None:
        """Answer 400 and close: nothing that follows on this connection can be understood."""
        if self.transport.is_closing():
            return
        call_id = new_extended_request_id()
        body = json.dumps(problem_document("invalid_request", call_id, detail, [])).encode()
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: %b\r\ncontent-length: %d\r\n"
            b"x-amz-apigw-id: %b\r\nconnection: close\r\n\r\n%b"
            % (MEDIA_TYPE.encode(), len(body), call_id.encode(), body)
        )
        self.transport.close()

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
