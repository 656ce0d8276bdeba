"""Locks as files: the system frees one when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HELD = b"held"
TRIES = 5
TRY_SECONDS = 0.05
"""Who only looks whether a lock is held, holds it himself for a moment."""


class LockHeldError(Exception):
    """Another process holds the lock."""


class LockFile:
    """A lock that one process holds at a time; its file says whether its last holder let it go or died.

    Parameters
    ----------
    path : Path
        Made when it is held first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self, *, tries: int = TRIES) -> Iterator[None]:
        """Hold the lock.

        Raises
        ------
        LockHeldError
            If another process holds it, however often it is tried.
        """
        descriptor = self._take(tries)
        try:
            os.pwrite(descriptor, HELD, 0)
            yield
        finally:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def is_held(self) -> bool:
        """Tell whether a process holds the lock."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def was_held(self) -> bool:
        """Tell whether any process ever held it."""
        return self._path.exists()

    def is_orphaned(self) -> bool:
        """Tell whether the last process that held it died with it."""
        try:
            return self._path.read_bytes() == HELD and not self.is_held()
        except FileNotFoundError:
            return False

    def remove(self) -> None:
        """Remove the file; for its holder only. Who waits for it finds that it is not the one any more."""
        self._path.unlink(missing_ok=True)

    def _take(self, tries: int) -> int:
        for _ in range(tries):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_present(descriptor):
                    return descriptor
            except BlockingIOError:
                time.sleep(TRY_SECONDS)
            os.close(descriptor)
        raise LockHeldError

    def _is_present(self, descriptor: int) -> bool:
        """Tell whether an open file is the one that the path leads to: a lock on a removed file keeps nobody out."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False
