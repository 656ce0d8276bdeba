"""The steps of one file through a model's batch function: plan, all parts side by side, collect."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ratecard.serving.batch.steps import PARTS
from ratecard_workbench.local.errors import ConcurrencyLimitError
from ratecard_workbench.local.ids import new_uuid
from ratecard_workbench.local.pool import FunctionPool

BUSY_SECONDS = 0.2


class Stepwise:
    """Runs the steps of one file.

    Parameters
    ----------
    pool : FunctionPool
        Of the batch function.
    root : Path
        Folder of the objects.
    """

    def __init__(self, pool: FunctionPool, root: Path) -> None:
        self._pool = pool
        self._root = root
        # The function's own timeout ends a call; the wait only has to be longer.
        self._wait_seconds = 2.0 * pool.spec.timeout_seconds + 60.0

    async def run(self, event: bytes) -> bytes:
        """Run all steps for an announced object; what is done already is not done again.

        Parameters
        ----------
        event : bytes
            EventBridge's, as JSON.

        Returns
        -------
        bytes
            What the function said last: the manifest.

        Raises
        ------
        ConcurrencyLimitError
            If the function is busy before anything was done.
        FunctionFailedError, FunctionTimeoutError
            If a step failed; the next delivery goes on from there.
        """
        first = await self._pool.submit(new_uuid(), _with(json.loads(event), operation="plan"), self._wait_seconds)
        planned = json.loads(first)
        if not isinstance(planned, dict) or planned.get("status") != "planned":
            return first
        job = planned["job"]
        parts = json.loads((self._root / job["work_folder"] / PARTS).read_bytes())
        failed = await self._score(job, parts)
        if failed is None:
            return await self._ask(_with({"job": job}, operation="collect"))
        reason: dict[str, Any] = {name: failed[name] for name in ("reason", "problems") if name in failed}
        return await self._ask(_with({"job": job, **reason}, operation="fail"))

    async def _score(self, job: dict[str, Any], parts: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
        """Score all parts, as many at once as there are processors; return the note of one that failed."""
        todo = iter(parts)
        failed: list[dict[str, Any]] = []

        async def lane() -> None:
            for part in todo:
                if failed:
                    return
                note = json.loads(await self._ask(_with({"job": job, "part": part}, operation="score")))
                if note["status"] == "failed":
                    failed.append(note)

        lanes = min(os.cpu_count() or 1, self._pool.spec.concurrency)
        tasks = [asyncio.create_task(lane()) for _ in range(lanes)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return failed[0] if failed else None

    async def _ask(self, event: bytes) -> bytes:
        while True:
            try:
                return await self._pool.submit(new_uuid(), event, self._wait_seconds)
            except ConcurrencyLimitError:
                await asyncio.sleep(BUSY_SECONDS)


def _with(event: dict[str, Any], *, operation: str) -> bytes:
    return json.dumps({**event, "operation": operation}).encode()
