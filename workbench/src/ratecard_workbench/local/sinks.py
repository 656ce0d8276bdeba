"""Where lines end up: the lake's two streams and the log files of functions and platform."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ratecard.storage.lake import ACCESS, USAGE, LakeWriter, sync_and_close
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.logfile import LogFile


class PlatformSinks:
    """The lake writers and log files of one platform process.

    Parameters
    ----------
    home : Home
        The platform's folder.
    """

    def __init__(self, home: Home) -> None:
        # Never a name that was used before: a file of a process that died is not continued.
        writer = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}-{os.urandom(3).hex()}"
        self.usage = LakeWriter(home.lake, USAGE, writer)
        self.access = LakeWriter(home.lake, ACCESS, writer)
        self._folder = home.logs
        self._logs: dict[str, LogFile] = {}
        self.platform_log = self._log("platform")

    def function(self, name: str) -> FunctionSinks:
        """Return the sinks of a function's workers."""
        return FunctionSinks(self._log(name), self.usage)

    def take_sync(self) -> Callable[[], None] | None:
        """Return the work that makes what was written so far survive a loss of power; None if there is none."""
        descriptors = self.usage.take_unsynced() + self.access.take_unsynced()
        return (lambda: sync_and_close(descriptors)) if descriptors else None

    def close(self) -> None:
        """Sync and close all files, also when one cannot be synced; that is logged."""
        for stream, writer in ((USAGE, self.usage), (ACCESS, self.access)):
            try:
                writer.close()
            except OSError as error:
                self.platform_log.record("platform", f"{stream} lines could not be synced: {error.strerror}")
        for log in self._logs.values():
            log.close()

    def _log(self, name: str) -> LogFile:
        if name not in self._logs:
            self._logs[name] = LogFile(self._folder / f"{name}.log")
        return self._logs[name]


class FunctionSinks:
    """Where the lines of one function's workers go."""

    __slots__ = ("_log", "_usage")

    def __init__(self, log: LogFile, usage: LakeWriter) -> None:
        self._log = log
        self._usage = usage

    def record_usage(self, hour: str, line: bytes) -> None:
        """Store a usage line; raises OSError if it cannot."""
        self._usage.append(hour, line + b"\n")

    def record_log(self, origin: str, line: bytes | str) -> None:
        """Store a log line."""
        self._log.record(origin, line)
