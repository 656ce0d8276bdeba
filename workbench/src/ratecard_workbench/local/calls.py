"""A call and what workers, pools and sinks tell each other about it."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ratecard_workbench.local.worker import Worker


class State(Enum):
    """Where a worker is in its life."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    GONE = "gone"


class End(Enum):
    """How a worker's process ended."""

    AFTER_START = "after it had waited for a call"
    KILLED_AT_START = "killed by somebody else before it waited for a call"
    FAILED_AT_START = "by itself, or for its limits, before it waited for a call"


class Call:
    """One invocation, from the gateway to its answer.

    Attributes
    ----------
    request_id : str
        Lambda's request id.
    event : bytes
        The event as JSON.
    answer : asyncio.Future of bytes
        What the caller waits for.
    submitted_at, started_at, answer_by, run_until : float
        Monotonic seconds: when it came, when a worker got it (0 before), when the caller stops waiting, when the
        function is killed.
    """

    __slots__ = ("answer", "answer_by", "event", "request_id", "run_until", "started_at", "submitted_at")

    def __init__(self, request_id: str, event: bytes, submitted_at: float, answer_by: float) -> None:
        self.request_id = request_id
        self.event = event
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.submitted_at = submitted_at
        self.answer_by = answer_by
        self.started_at = 0.0
        self.run_until = float("inf")

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless there is an answer already."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Owner(Protocol):
    """What a worker tells the pool it belongs to."""

    def worker_idle(self, worker: Worker) -> None:
        """It waits for a call."""

    def call_ended(self, call: Call) -> None:
        """A call no longer runs, whatever came of it."""

    def worker_gone(self, worker: Worker, end: End) -> None:
        """Its process ended."""


class Sinks(Protocol):
    """Where the lines of a worker go."""

    def record_usage(self, hour: str, line: bytes) -> None:
        """Store a usage line; raises OSError if it cannot."""

    def record_log(self, origin: str, line: bytes | str) -> None:
        """Store a log line."""
