"""Ids that the gateway makes, in the shapes AWS gives them."""

from __future__ import annotations

import os
import re
from base64 import b64encode

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
# What API Gateway puts in the place of an override that is no UUID.
INVALID_REQUEST_ID = "UUID_REPLACED_INVALID_REQUEST_ID"


class _Randomness:
    """Bytes of the system's random source, fetched many at a time: one system call serves a hundred ids."""

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        if self._used + count > len(self._bytes):
            self._bytes = os.urandom(4096)
            self._used = 0
        start = self._used
        self._used += count
        return self._bytes[start : self._used]


_random = _Randomness()


def new_extended_request_id() -> str:
    """Make the id of a call: 88 random bits, which no caller can choose or guess, for example ``JKJaXmPLvHcESHA=``."""
    return b64encode(_random.take(11)).decode()


def new_uuid() -> str:
    """Make a random UUID (version 4)."""
    text = _random.take(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"


def request_id_from(override: str | None) -> str:
    """Return the request id: the caller's, if it is a UUID.

    Parameters
    ----------
    override : str or None
        The header x-amzn-RequestId of the request.

    Notes
    -----
    Source: API Gateway Developer Guide, "Set up API logging", `$context.requestId`.
    """
    if override is None:
        return new_uuid()
    return override if _UUID.fullmatch(override) else INVALID_REQUEST_ID


def new_trace_root(epoch_seconds: int) -> str:
    """Make an X-Ray trace id for the header X-Amzn-Trace-Id."""
    return f"Root=1-{epoch_seconds:08x}-{_random.take(12).hex()}"
