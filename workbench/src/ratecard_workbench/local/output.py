"""What a worker prints: usage lines go to the lake, everything else to the function's log."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable

USAGE_TYPE = "ratecard.call.v1"
_USAGE_MARK = b'"ratecard.call.v1"'
_HOUR = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}")
READ_BYTES = 65_536
LONGEST_LINE_BYTES = 262_144
PIPE_BYTES = 1 << 20

LineSink = Callable[[bytes], None]


def find_usage_hour(line: bytes) -> str | None:
    """Tell whether a line is a usage line, and in which hour (UTC) its call happened.

    Parameters
    ----------
    line : bytes
        One printed line without its end.

    Returns
    -------
    str or None
        `YYYY-MM-DDTHH` for a usage line, None for any other.
    """
    # The cheap test first: almost every line that passes it is a usage line.
    if line[:1] != b"{" or _USAGE_MARK not in line:
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("type") != USAGE_TYPE or "specversion" not in event:
        return None
    moment = event.get("time")
    match = _HOUR.match(moment) if isinstance(moment, str) else None
    return match.group() if match else None


class LineReader:
    """Splits what arrives in a non-blocking pipe into lines.

    Parameters
    ----------
    descriptor : int
        The pipe's read end; it is closed by `close`.
    on_line : callable
        Gets each line without its end.
    """

    def __init__(self, descriptor: int, on_line: LineSink) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._on_line = on_line
        self._rest = b""

    def drain(self) -> bool:
        """Read everything that is in the pipe now.

        Returns
        -------
        bool
            False when the other end is closed and nothing more can come.
        """
        while True:
            try:
                chunk = os.read(self.descriptor, READ_BYTES)
            except BlockingIOError:
                return True
            except InterruptedError:
                continue
            if not chunk:
                self._flush()
                return False
            self._split(chunk)
            # A short read has emptied the pipe: no second system call to learn so.
            if len(chunk) < READ_BYTES:
                return True

    def widen_pipe(self) -> None:
        """Let the pipe hold a megabyte instead of 64 KB, where the system can."""
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.descriptor)

    def _split(self, chunk: bytes) -> None:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._on_line(line)
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rest:
            rest, self._rest = self._rest, b""
            self._on_line(rest)
