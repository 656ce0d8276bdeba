"""The platform's folder (`.ratecard`): where everything it keeps lies, and who may work in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ratecard_workbench.local.errors import HomeError, PlatformRunningError

STAGE_PREFIX = "aws:"
"""Begins the name of a deployed stage where a command takes the folder of a home."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of everything the platform keeps.

    Attributes
    ----------
    root : Path
        The folder, `.ratecard` unless told otherwise.
    """

    root: Path

    @property
    def accounts(self) -> Path:
        """Customers and keys."""
        return self.root / "accounts.sqlite"

    @property
    def audit(self) -> Path:
        """Who changed customers, keys, plans and prices."""
        return self.root / "audit"

    @property
    def invoices(self) -> Path:
        """Invoices and credit notes, one file each."""
        return self.root / "invoices"

    @property
    def grants(self) -> Path:
        """Prepaid money, one file for each grant."""
        return self.root / "grants"

    @property
    def counters(self) -> Path:
        """Requests by key and day."""
        return self.root / "counters.bin"

    @property
    def lake(self) -> Path:
        """Usage and access lines."""
        return self.root / "lake"

    @property
    def logs(self) -> Path:
        """What functions and the platform print."""
        return self.root / "logs"

    @property
    def inbox(self) -> Path:
        """Files to score, by customer and model."""
        return self.root / "inbox"

    @property
    def runtime(self) -> Path:
        """What workers import besides their own code."""
        return self.root / "runtime"

    @property
    def deliveries(self) -> Path:
        """Files seen, scored and given up."""
        return self.root / "deliveries.sqlite"

    @property
    def state(self) -> Path:
        """Where the running platform listens."""
        return self.root / "platform.json"

    def prepare(self) -> None:
        """Make the folder, for its owner only, also where it is there already.

        Raises
        ------
        HomeError
            If it cannot be made or closed to others, is a folder that everybody shares, or means a deployed stage.
        """
        if find_stage(Path(self.root.name)) is not None:
            raise HomeError("this command works on a folder of this machine, not on a deployed stage")
        with usable(self.root):
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            mode = self.root.stat().st_mode
            if mode & stat.S_ISVTX:
                raise HomeError(f"{self.root} is a folder that everybody shares; name one of your own with --home")
            if mode & 0o077:
                self.root.chmod(0o700)
            self.inbox.mkdir(exist_ok=True)


def find_stage(home: Path) -> str | None:
    """Return the deployed stage that is meant by `aws:STAGE` in the place of a folder, or None."""
    text = str(home)
    return text.removeprefix(STAGE_PREFIX) if text.startswith(STAGE_PREFIX) else None


@contextlib.contextmanager
def usable(path: Path) -> Iterator[None]:
    """Name a file or folder of the home that cannot be used; raises HomeError."""
    try:
        yield
    except OSError as error:
        raise HomeError(f"{path} cannot be used: {error.strerror}") from None
    except (sqlite3.Error, ValueError) as error:
        raise HomeError(
            f"{path} is damaged or something else ({error}): restore it from a backup, or move it away to begin anew"
        ) from None


class HomeLock:
    """Keeps a second platform out of a home. The system frees it when the process dies, however it dies.

    Raises
    ------
    PlatformRunningError
        If another platform works there.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        with usable(home.root / "lock"):
            self._descriptor = os.open(home.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise PlatformRunningError(f"another platform works in {home.root}; stop it or use --home") from None

    def announce(self, host: str, port: int) -> None:
        """Write down where the platform listens, for the other commands."""
        state = json.dumps({"pid": os.getpid(), "host": host, "port": port})
        with usable(self._home.state):
            descriptor = os.open(self._home.state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(descriptor, 0o600)
                file.write(state)

    def release(self) -> None:
        """Let others in."""
        self._home.state.unlink(missing_ok=True)
        os.close(self._descriptor)
