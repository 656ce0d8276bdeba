"""A transport that can hold back what is written to it, to send it in one piece."""

from __future__ import annotations

import asyncio
from typing import Any


class CorkedTransport:
    """Passes everything on to a transport; between `cork` and `uncork` it collects writes.

    Parameters
    ----------
    transport : asyncio.Transport
        The connection.
    """

    __slots__ = ("_held", "_transport", "get_extra_info", "get_write_buffer_size", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def cork(self) -> None:
        """Begin to hold back."""
        if self._held is None:
            self._held = []

    def uncork(self) -> None:
        """Write what was held back in one piece."""
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))

    def write(self, chunk: bytes) -> None:
        """Write, or hold back."""
        if self._held is None:
            self._transport.write(chunk)
        else:
            self._held.append(chunk)

    def close(self) -> None:
        """Close once everything is written, what was held back included."""
        self.uncork()
        self._transport.close()
