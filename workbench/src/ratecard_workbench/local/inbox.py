"""The inbox: files that land in a folder are announced to the batch functions, as S3 and EventBridge would."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from functools import partial

from ratecard.kernel.errors import Problem
from ratecard.serving.arrival import Created
from ratecard.serving.batch.undeliverable import MISPLACED, find_problems, store_failure, withdraw_failure
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.objects import LocalObjectStore, local_version
from ratecard_workbench.local.arrivals import Arrivals
from ratecard_workbench.local.deliveries import Delivery, Status
from ratecard_workbench.local.errors import ConcurrencyLimitError, FunctionFailedError, FunctionTimeoutError
from ratecard_workbench.local.faults import place_of
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.inbox_folder import PARTIAL_SUFFIX, InboxFolder
from ratecard_workbench.local.logfile import LogFile
from ratecard_workbench.local.object_event import compute_etag, object_created_event
from ratecard_workbench.local.opening import open_deliveries
from ratecard_workbench.local.pool import FunctionPool
from ratecard_workbench.local.stepwise import Stepwise

INBOX, OUTBOX = "inbox", "outbox"
SCAN_SECONDS = 0.25
# As Lambda does with an event: two more attempts, with growing pauses.
ATTEMPTS = 3
FIRST_RETRY_MS = 1_000
BUSY_RETRY_MS = 500


class Inbox:
    """Watches the folder and delivers its files.

    Parameters
    ----------
    home : Home
        Has the folder.
    pools : Mapping of str to FunctionPool
        All functions; those with arrivals take files.
    accounts : SqliteAccounts
        Knows who pays.
    log : LogFile
        Told of what happens to files.
    """

    def __init__(self, home: Home, pools: Mapping[str, FunctionPool], accounts: SqliteAccounts, log: LogFile) -> None:
        self._home = home
        self._takers: list[tuple[Arrivals, FunctionPool]] = [
            (pool.spec.arrivals, pool) for pool in pools.values() if pool.spec.arrivals is not None
        ]
        self._accounts = accounts
        self._log = log
        self._deliveries = open_deliveries(home)
        self._folder = InboxFolder(home.inbox)
        self._objects = LocalObjectStore(home.root)
        self._trouble = ""
        self._known: set[tuple[str, str]] = set()
        self._running: dict[str, asyncio.Task[None]] = {}

    def slugs(self) -> tuple[str, ...]:
        """Return the models that take files: the second folder of each pattern that names one."""
        parts = [pattern.split("/") for arrivals, _ in self._takers for pattern in arrivals.patterns]
        return tuple(sorted({steps[2] for steps in parts if len(steps) > 2 and "*" not in steps[2]}))

    def prepare(self, customer_id: str) -> None:
        """Make a customer's folders, for people to drop files into, and remove what broken uploads left behind."""
        for leftover in self._home.inbox.rglob(f".*{PARTIAL_SUFFIX}"):
            leftover.unlink(missing_ok=True)
        for slug in self.slugs():
            (self._home.inbox / customer_id / slug).mkdir(parents=True, exist_ok=True)

    async def run(self) -> None:
        """Watch and deliver until cancelled; whatever goes wrong in one round is told, and the next one follows."""
        while True:
            trouble = ""
            try:
                await self._watch_once()
            except Exception as error:
                trouble = f"the inbox cannot be watched: {place_of(error)}"
                if trouble != self._trouble:
                    self._log.record("inbox", trouble)
            self._trouble = trouble
            await asyncio.sleep(SCAN_SECONDS)

    async def close(self) -> None:
        """Give up deliveries that are under way: they are due again at the next start, and score a file once."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._deliveries.close()

    async def _watch_once(self) -> None:
        complete, passed_over = await asyncio.to_thread(self._folder.scan, time.monotonic())
        for sentence in passed_over:
            self._log.record("inbox", sentence)
        for name, version in complete:
            self._announce(f"{INBOX}/{name}", version)
        self._deliver_due()

    def _announce(self, key: str, version: str) -> None:
        if (key, version) in self._known:
            return
        if self._deliveries.announce(key, version, int(version.rpartition("-")[2], 16), _now_ms()):
            self._log.record("inbox", f"{key} arrived")
        self._known.add((key, version))

    def _deliver_due(self) -> None:
        for delivery in self._deliveries.due(_now_ms()):
            if delivery.key not in self._running:
                task = asyncio.create_task(self._deliver(delivery))
                self._running[delivery.key] = task
                task.add_done_callback(partial(self._forget, delivery.key))

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        del self._running[key]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.record("inbox", f"what became of {key} could not be noted: {place_of(error)}")

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await self._attempt(delivery)
        except ConcurrencyLimitError:
            self._deliveries.postpone(delivery, _now_ms() + BUSY_RETRY_MS, attempted=False)
        except (FunctionFailedError, FunctionTimeoutError, OSError) as error:
            self._attempt_failed(delivery, str(error))
        except Exception as error:
            self._attempt_failed(delivery, place_of(error))

    async def _attempt(self, delivery: Delivery) -> None:
        reason = self._refuse(delivery)
        if reason is not None:
            self._finish(delivery, *reason)
            return
        problems = find_problems(delivery.key, self.slugs(), self._accounts.has_customer)
        taker = self._find_taker(delivery.key)
        if problems or taker is None:
            self._finish(delivery, Status.FAILED, self._tell_failure(delivery, problems or (MISPLACED,)))
            return
        arrivals, pool = taker
        withdraw_failure(_created(delivery, arrivals.bucket), self._objects, OUTBOX)
        etag = await asyncio.to_thread(compute_etag, self._home.root / delivery.key)
        event = object_created_event(delivery, bucket=arrivals.bucket, etag=etag)
        reply = await Stepwise(pool, self._home.root).run(event)
        self._finish(delivery, Status.DELIVERED, _outcome(reply))

    def _refuse(self, delivery: Delivery) -> tuple[Status, str] | None:
        """Tell why nothing at all can be said of a file."""
        path = self._home.root / delivery.key
        if not path.is_file() or local_version(path) != delivery.version:
            return Status.SUPERSEDED, "the file was replaced or removed before it was delivered"
        if not self._folder.holds(delivery.key.removeprefix(f"{INBOX}/")):
            return Status.FAILED, "a link leads to the file"
        return None

    def _tell_failure(self, delivery: Delivery, problems: tuple[Problem, ...]) -> str:
        """Write the manifest of a file that belongs to no model; returns what is wrong."""
        bucket = self._takers[0][0].bucket if self._takers else INBOX
        manifest = store_failure(_created(delivery, bucket), self._objects, OUTBOX, problems)
        return "; ".join(f"{problem['code']}: {problem['detail']}" for problem in manifest["problems"])

    def _attempt_failed(self, delivery: Delivery, reason: str) -> None:
        if delivery.attempts + 1 >= ATTEMPTS:
            self._finish(delivery, Status.FAILED, reason)
            return
        delay_ms = FIRST_RETRY_MS * 4**delivery.attempts
        self._deliveries.postpone(delivery, _now_ms() + delay_ms, attempted=True, detail=reason)
        self._log.record("inbox", f"{delivery.key} failed and is tried again in {delay_ms / 1000:g} s")

    def _finish(self, delivery: Delivery, status: Status, detail: str) -> None:
        self._deliveries.finish(delivery, status, detail)
        self._log.record("inbox", f"{delivery.key} is {status.value}: {detail}")

    def _find_taker(self, key: str) -> tuple[Arrivals, FunctionPool] | None:
        return next((taker for taker in self._takers if taker[0].take(key)), None)


def _created(delivery: Delivery, bucket: str) -> Created:
    return Created(bucket, delivery.key, delivery.version, delivery.size, delivery.announced_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _outcome(reply: bytes) -> str:
    """Return the function's own word on the file."""
    try:
        status = json.loads(reply)["status"]
    except (ValueError, KeyError, TypeError):
        return "delivered"
    return str(status)[:100]
