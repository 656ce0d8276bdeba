"""Log files of bounded size: one line is one write, and old files make room for new ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ratecard.kernel.clock import rfc3339_from_epoch_ms

MAXIMUM_BYTES = 10_000_000
KEPT_FILES = 3


class LogFile:
    """An append-only text log that rotates by size (`name.log`, `name.log.1`, …).

    Parameters
    ----------
    path : Path
        The newest file; its folder is made.
    maximum_bytes : int
        Size after which the file is rotated.
    """

    def __init__(self, path: Path, *, maximum_bytes: int = MAXIMUM_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._maximum_bytes = maximum_bytes
        self._descriptor = _open_to_append(path)
        self._size = os.fstat(self._descriptor).st_size

    def record(self, origin: str, line: str | bytes) -> None:
        """Append one line with the time and the origin in front of it; a full disk loses the line, never the caller."""
        body = line if isinstance(line, bytes) else line.encode("utf-8", "replace")
        stamp = rfc3339_from_epoch_ms(time.time_ns() // 1_000_000)
        entry = f"{stamp} {origin} ".encode() + body + b"\n"
        try:
            self._size += os.write(self._descriptor, entry)
            if self._size > self._maximum_bytes:
                self._rotate()
        except OSError:
            # Logs are a convenience; what must not be lost goes to the lake.
            return

    def close(self) -> None:
        """Close the file; lines that still come are lost, not written to whatever has its number next."""
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)

    def _rotate(self) -> None:
        # Whatever fails, the next try comes when as much was written once more, and lines go to the old file meanwhile.
        self._size = 0
        # Opened before the old one is closed: the number of a closed file may soon be somebody's socket.
        fresh = self.path.with_name(f"{self.path.name}.new")
        descriptor = _open_to_append(fresh)
        try:
            for number in range(KEPT_FILES - 1, 0, -1):
                older, newer = self._numbered(number), self._numbered(number - 1)
                if newer.exists():
                    newer.replace(older)
            fresh.replace(self.path)
        except OSError:
            os.close(descriptor)
            raise
        old, self._descriptor = self._descriptor, descriptor
        os.close(old)

    def _numbered(self, number: int) -> Path:
        return self.path if number == 0 else self.path.with_name(f"{self.path.name}.{number}")


def _open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
