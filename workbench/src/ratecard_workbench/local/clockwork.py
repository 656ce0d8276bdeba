"""What the platform does by the clock: deadlines, memory, changed keys, plans of a new day, and syncing the lake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from ratecard.billing.plans import PriceBook
from ratecard_workbench.local.faults import place_of
from ratecard_workbench.local.keyring import Keyring
from ratecard_workbench.local.pool import FunctionPool
from ratecard_workbench.local.sinks import PlatformSinks

TICK_SECONDS = 0.02
MEMORY_SECONDS = 0.1
KEY_SECONDS = 0.25
PLAN_SECONDS = 10.0
# What a loss of power (not the death of the process, which loses nothing) may cost.
SYNC_SECONDS = 5.0


class Clockwork:
    """Runs the periodic work; one failure is logged and does not stop the others.

    Parameters
    ----------
    book : PriceBook
        Gives the plans in force.
    keyring : Keyring
        Reloaded when keys or plans change.
    pools : Mapping of str to FunctionPool
        Their deadlines and memory are checked.
    sinks : PlatformSinks
        Its files are synced.
    """

    def __init__(
        self, book: PriceBook, keyring: Keyring, pools: Mapping[str, FunctionPool], sinks: PlatformSinks
    ) -> None:
        self._book = book
        self._keyring = keyring
        self._pools = tuple(pools.values())
        self._sinks = sinks
        self._day = datetime.now(UTC).date()
        self._tasks = (
            (TICK_SECONDS, self._check_deadlines),
            (MEMORY_SECONDS, self._check_memory),
            (KEY_SECONDS, self._keyring.refresh),
            (PLAN_SECONDS, self._check_plans),
            (SYNC_SECONDS, self._sync),
        )

    async def run(self) -> None:
        """Run until cancelled."""
        due = [0.0] * len(self._tasks)
        while True:
            now = time.monotonic()
            for number, (interval, work) in enumerate(self._tasks):
                if now >= due[number]:
                    due[number] = now + interval
                    try:
                        work()
                    except Exception as error:
                        self._sinks.platform_log.record("clockwork", f"{work.__name__} failed: {place_of(error)}")
            await asyncio.sleep(TICK_SECONDS)

    def _check_deadlines(self) -> None:
        now = time.monotonic()
        for pool in self._pools:
            pool.tick(now)

    def _check_memory(self) -> None:
        for pool in self._pools:
            pool.check_memory()

    def _check_plans(self) -> None:
        now = datetime.now(UTC)
        if now.date() != self._day:
            self._day = now.date()
            self._keyring.replace_plans(self._book.plans_at(now))

    def _sync(self) -> None:
        work = self._sinks.take_sync()
        if work is not None:
            asyncio.get_running_loop().run_in_executor(None, work).add_done_callback(self._synced)

    def _synced(self, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._sinks.platform_log.record("clockwork", f"the lake could not be synced: {place_of(error)}")
