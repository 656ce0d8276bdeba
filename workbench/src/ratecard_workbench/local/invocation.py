"""One invocation of a function outside the platform, through the same runtime."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.clockwork import MEMORY_SECONDS
from ratecard_workbench.local.ids import new_uuid
from ratecard_workbench.local.launch import Surroundings
from ratecard_workbench.local.pool import FunctionPool


class LineListener:
    """Passes a worker's lines on, each with a word on what it is.

    Parameters
    ----------
    tell : callable
        Gets the kind (`usage` or `log`) and the line.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell

    def record_usage(self, hour: str, line: bytes) -> None:
        """Pass a usage line on; no gateway counted the call, so it is no part of the lake."""
        self._tell("usage", line.decode("utf-8", "replace"))

    def record_log(self, origin: str, line: bytes | str) -> None:
        """Pass a log line on."""
        text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
        self._tell("log", f"{origin} {text}")


async def invoke_once(spec: FunctionSpec, surroundings: Surroundings, event: bytes, listener: LineListener) -> bytes:
    """Start the function, run it once, and end it.

    Parameters
    ----------
    spec : FunctionSpec
        The function; it gets its memory, timeout and environment.
    surroundings : Surroundings
        What workers share.
    event : bytes
        The event as JSON.
    listener : LineListener
        Gets what it prints.

    Returns
    -------
    bytes
        What the function returned, as JSON.

    Raises
    ------
    FunctionFailedError, FunctionTimeoutError
        If it did not.
    """
    pool = FunctionPool(spec, surroundings, listener)
    ticking = asyncio.create_task(_tick(pool))
    try:
        return await pool.submit(new_uuid(), event, 2.0 * spec.timeout_seconds + 60.0)
    finally:
        await pool.stop(lambda: False)
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking


async def _tick(pool: FunctionPool) -> None:
    while True:
        pool.tick(time.monotonic())
        pool.check_memory()
        await asyncio.sleep(MEMORY_SECONDS / 5)
