"""The job of every minute on one machine: a process of its own, so that counting never takes time from a call."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import Protocol

from ratecard.billing.plans import PriceBook
from ratecard_workbench.local.faults import place_of
from ratecard_workbench.local.home import Home

NICENESS = 10
LONGEST_QUIET_SECONDS = 3600.0
"""Periods end and grants expire without a call."""


class Log(Protocol):
    """Takes what went wrong."""

    def record(self, source: str, text: str) -> None:
        """Write a line."""
        ...


class Minute:
    """Runs `ratecard invoice refresh` when something has happened; where a plan is prepaid, every time.

    Parameters
    ----------
    project : Path
        Folder of the price book.
    home : Home
        Whose ledger.
    book : PriceBook
        Says whether a plan is prepaid.
    interval_seconds : float
        From the beginning of one run to that of the next.
    log : Log
        Told when a run fails, or takes longer than the interval.
    """

    def __init__(self, project: Path, home: Home, book: PriceBook, *, interval_seconds: float, log: Log) -> None:
        self._command = (
            *(sys.executable, "-m", "ratecard_workbench", "invoice", "refresh", "--json"),
            *("--project", str(project), "--home", str(home.root)),
        )
        self._home = home
        self._always = any(plan.prepaid for plan in book.plans)
        self._interval = interval_seconds
        self._log = log
        self._seen: tuple[object, ...] = ()
        self._ran = 0.0

    async def run(self) -> None:
        """Run until cancelled."""
        # What the first minute brings is counted at its end: a start has other things to do.
        await asyncio.sleep(self._interval)
        while True:
            began = time.monotonic()
            try:
                await self._refresh_if_due(began)
            except OSError as error:
                self._log.record("ledger", f"refreshing failed: {place_of(error)}")
            took = time.monotonic() - began
            if took > self._interval:
                self._log.record("ledger", f"counting took {took:.1f} s, longer than its interval; prepaid keys lag")
            await asyncio.sleep(max(0.0, self._interval - took))

    async def _refresh_if_due(self, now: float) -> None:
        present = self._signature()
        if self._always or present != self._seen or now - self._ran > LONGEST_QUIET_SECONDS:
            self._seen, self._ran = present, now
            await self._refresh()

    async def _refresh(self) -> None:
        """Run the job once; a failure is logged, and the next run tries again."""
        # A prepaid key's bound rests on the job being in time; without one, calls come first.
        child = await asyncio.create_subprocess_exec(
            *(self._command if self._always else ("nice", "-n", str(NICENESS), *self._command)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await child.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            raise
        if child.returncode:
            last = errors.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
            self._log.record("ledger", f"refreshing ended with {child.returncode}: {last[0]}")

    def _signature(self) -> tuple[object, ...]:
        """Return what changes when a line, an account, a grant or an invoice is added."""
        days = sorted(self._home.lake.glob("*/dt=*"))[-4:]
        files = [path.stat() for day in days for path in day.glob("hour=*/*")]
        accounts = [path.stat().st_mtime_ns for path in self._home.root.glob("accounts.sqlite*")]
        books = [len(list(path.iterdir())) for path in (self._home.grants, self._home.invoices) if path.is_dir()]
        return sum(found.st_size for found in files), len(files), tuple(accounts), tuple(books)
