"""The parts a platform cannot do without: when one of them ends by itself, the platform stops and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from ratecard_workbench.local.errors import PlatformBrokenError
from ratecard_workbench.local.faults import place_of


class Vigil:
    """Runs the parts and watches over them.

    Parameters
    ----------
    stop : asyncio.Event
        Set when a part ends; parts that end after it was set end in order.
    report : callable
        Told which part ended, and how.
    """

    def __init__(self, stop: asyncio.Event, report: Callable[[str], None]) -> None:
        self._stop = stop
        self._report = report
        self._failure = ""

    def start(self, name: str, part: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a part as a task."""
        task = asyncio.get_running_loop().create_task(part, name=name)
        task.add_done_callback(self._ended)
        return task

    def confirm(self) -> None:
        """Return if every part has lasted until the stop; raises PlatformBrokenError otherwise."""
        if self._failure:
            raise PlatformBrokenError(self._failure)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._stop.is_set():
            return
        how = f"with {place_of(error)}" if error is not None else "by itself"
        self._failure = f"the platform stopped because {task.get_name()} ended {how}; start it again"
        self._report(self._failure)
        self._stop.set()
