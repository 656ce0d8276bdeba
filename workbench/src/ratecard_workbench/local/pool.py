"""The workers of one function: started when calls need them, up to the limit, and none when idle."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.calls import Call, End, Sinks, State
from ratecard_workbench.local.errors import ConcurrencyLimitError, FunctionFailedError, FunctionTimeoutError
from ratecard_workbench.local.launch import Surroundings
from ratecard_workbench.local.worker import Worker

# More starts at once, for each processor, would only starve each other and the workers that already answer.
STARTS_AT_ONCE = 2
# How long a queue may be before every processor is given a worker, and before more are thought of.
SHORT_WAIT_SECONDS = 0.002
PATIENCE_SECONDS = 0.02
# A queue that moves is given another worker when its wait is longer than this, once every processor has one.
START_WORTH_SECONDS = 0.15
# A function whose calls are short is taken to be stuck after so long, not already when the machine is busy.
STUCK_SECONDS = 0.1
RATE_MEMORY = 0.8
# So many starts in a row may be killed by somebody else before that is taken for a failure.
FORGIVEN_STARTS = 3
BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class PoolState:
    """How a pool stands now."""

    name: str
    workers: int
    idle: int
    in_flight: int
    concurrency: int


class FunctionPool:
    """Runs the calls of one function.

    Parameters
    ----------
    spec : FunctionSpec
        The function.
    surroundings : Surroundings
        What all workers share.
    sinks : Sinks
        Where their lines go.
    idle_seconds : float
        How long a worker may wait for a call before it is ended.
    """

    def __init__(
        self, spec: FunctionSpec, surroundings: Surroundings, sinks: Sinks, *, idle_seconds: float = 300.0
    ) -> None:
        self.spec = spec
        self._surroundings = surroundings
        self._sinks = sinks
        self._idle_seconds = idle_seconds
        self._processors = os.cpu_count() or 1
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._waiting: deque[Call] = deque()
        self._in_flight: set[Call] = set()
        self._starts: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._failed_at = 0.0
        self._retry_at = 0.0
        self._ended_calls = 0
        self._ended_at_tick = 0
        self._last_end = 0.0
        self._calls_per_second = 0.0
        self._call_seconds = 0.0
        self._tick_at = 0.0
        self._stopping = False

    def submit(self, request_id: str, event: bytes, wait_seconds: float) -> asyncio.Future[bytes]:
        """Run the function once.

        Parameters
        ----------
        request_id : str
            Lambda's request id of this call.
        event : bytes
            The event as JSON.
        wait_seconds : float
            How long the caller waits.

        Returns
        -------
        asyncio.Future of bytes
            What the function returned, as JSON. Fails with `FunctionFailedError` or `FunctionTimeoutError`.

        Raises
        ------
        ConcurrencyLimitError
            If as many calls as the reservation allows are in flight.
        FunctionFailedError
            If the function does not start and is not due for another try.
        """
        if len(self._in_flight) >= self.spec.concurrency or self._stopping:
            raise ConcurrencyLimitError(f"{self.spec.name} is at its limit of {self.spec.concurrency} calls at once")
        now = time.monotonic()
        if now < self._retry_at and not self._workers:
            raise FunctionFailedError(f"{self.spec.name} does not start; the next try is due in a moment")
        call = Call(request_id, event, now, now + wait_seconds)
        self._in_flight.add(call)
        while self._idle:
            # The one used last: its memory is warm, and those it leaves idle can end.
            worker = self._idle.pop()
            if worker.state is State.IDLE:
                worker.run(call)
                return call.answer
        self._waiting.append(call)
        if not self._count(State.IDLE, State.BUSY):
            self._grow(len(self._waiting))
        return call.answer

    def tick(self, now: float) -> None:
        """Check every deadline; called many times a second.

        Parameters
        ----------
        now : float
            Monotonic seconds.
        """
        for call in [call for call in self._in_flight if now > call.answer_by]:
            call.fail(FunctionTimeoutError(f"{self.spec.name} did not answer in time"))
        self._measure_rate(now)
        if self._waiting:
            self._forget_answered()
            self._grow(self._wanted_workers(now))
        for worker in list(self._workers):
            worker.check(now)
        while self._idle and now - self._idle[0].idle_since > self._idle_seconds:
            self._idle.pop(0).kill("it was idle for too long")

    def check_memory(self) -> None:
        """Check every worker's memory; called some times a second."""
        for worker in list(self._workers):
            worker.check_memory()

    def state(self) -> PoolState:
        """Tell how the pool stands."""
        return PoolState(
            self.spec.name, len(self._workers), len(self._idle), len(self._in_flight), self.spec.concurrency
        )

    async def stop(self, may_wait: Callable[[], bool]) -> None:
        """Take no more calls, wait for those somebody waits for, end all workers and wait until they are gone.

        Parameters
        ----------
        may_wait : callable
            Asked again and again whether calls in flight may still end by themselves.
        """
        self._stopping = True
        while any(not call.answer.done() for call in self._in_flight) and may_wait():
            await asyncio.sleep(0.02)
        for task in list(self._starts):
            await asyncio.wait([task])
        workers = list(self._workers)
        for worker in workers:
            worker.kill("the platform stops")
        if workers:
            await asyncio.wait([worker.gone for worker in workers], timeout=5.0)

    # What the workers tell.

    def worker_idle(self, worker: Worker) -> None:
        """Give the worker the call that waits longest, or let it wait."""
        self._failures = 0
        while self._waiting:
            call = self._waiting.popleft()
            if not call.answer.done():
                worker.run(call)
                return
            self._in_flight.discard(call)
        self._idle.append(worker)

    def call_ended(self, call: Call) -> None:
        """Make room for another call."""
        self._in_flight.discard(call)
        self._ended_calls += 1
        self._last_end = now = time.monotonic()
        if call.started_at:
            self._call_seconds = RATE_MEMORY * self._call_seconds + (1 - RATE_MEMORY) * (now - call.started_at)

    def worker_gone(self, worker: Worker, end: End) -> None:
        """Forget the worker; one that does not start delays the next try."""
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if end is not End.AFTER_START and not self._stopping:
            self._start_failed(worker.made_at, killed=end is End.KILLED_AT_START)
        if not self._count(State.IDLE, State.BUSY):
            self._grow(len(self._waiting))

    # How it grows.

    def _measure_rate(self, now: float) -> None:
        elapsed = now - self._tick_at
        if elapsed > 0:
            ended = (self._ended_calls - self._ended_at_tick) / elapsed
            self._calls_per_second = RATE_MEMORY * self._calls_per_second + (1 - RATE_MEMORY) * ended
            self._tick_at, self._ended_at_tick = now, self._ended_calls

    def _wanted_workers(self, now: float) -> int:
        """Tell how many workers should be on their way, for the calls that wait.

        As Lambda would, one for each call that found no free worker; but where the queue moves, the next free worker
        is often nearer than a new one, and more processes than processors only take turns.
        """
        if len(self._workers) < self._processors and len(self._waiting) > SHORT_WAIT_SECONDS * self._calls_per_second:
            return 1
        patience = PATIENCE_SECONDS if self._call_seconds > PATIENCE_SECONDS else STUCK_SECONDS
        impatient = sum(now - call.submitted_at > PATIENCE_SECONDS for call in self._waiting)
        if impatient == 0 or now - self._last_end > patience:
            return impatient
        return int(len(self._waiting) > START_WORTH_SECONDS * self._calls_per_second)

    def _grow(self, wanted: int) -> None:
        """Start workers until so many are on their way."""
        starting = self._count(State.STARTING)
        missing = min(wanted, STARTS_AT_ONCE * self._processors) - starting
        if missing <= 0 or self._stopping:
            return
        if time.monotonic() < self._retry_at:
            if not self._count(State.IDLE, State.BUSY, State.STARTING):
                self._fail_waiting()
            return
        for _ in range(min(missing, self.spec.concurrency - len(self._workers))):
            self._start_worker()

    def _start_worker(self) -> None:
        worker = Worker(self.spec, self, self._sinks)
        self._workers.add(worker)
        task = asyncio.get_running_loop().create_task(self._start(worker))
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    async def _start(self, worker: Worker) -> None:
        try:
            await worker.start(self._surroundings)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            # The last one when a limit could not be set between fork and exec.
            reason = getattr(error, "strerror", None) or type(error).__name__
            self._sinks.record_log(self.spec.name, f"a process could not be started: {reason}")
            self._workers.discard(worker)
            self._start_failed(worker.made_at, killed=False)

    def _start_failed(self, made_at: float, *, killed: bool) -> None:
        """Back off, and answer those that wait if nobody else can.

        Workers that were started together fail together and count once.
        """
        now = time.monotonic()
        if made_at >= self._failed_at:
            self._failures += 1
            self._failed_at = now
        if killed and self._failures <= FORGIVEN_STARTS:
            return
        # That somebody kills it says nothing about the function: the pause does not grow.
        doublings = 0 if killed else self._failures - 1
        delay = min(BACKOFF_FIRST_SECONDS * 2**doublings, BACKOFF_LONGEST_SECONDS)
        self._retry_at = now + delay
        self._sinks.record_log(self.spec.name, f"it did not start ({self._failures} times); next try in {delay:g} s")
        if not self._count(State.IDLE, State.BUSY):
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        while self._waiting:
            call = self._waiting.popleft()
            call.fail(FunctionFailedError(f"{self.spec.name} does not start; its log says why"))
            self._in_flight.discard(call)

    def _forget_answered(self) -> None:
        """Drop the calls nobody waits for any more before they reach a worker."""
        for call in [call for call in self._waiting if call.answer.done()]:
            self._waiting.remove(call)
            self._in_flight.discard(call)

    def _count(self, *states: State) -> int:
        return sum(worker.state in states for worker in self._workers)
