"""Starts that fail before there is a process: callers are answered, and the next try works."""

import asyncio
import resource
import subprocess

import pytest

from ratecard_workbench.local import launch, worker
from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.errors import FunctionFailedError
from ratecard_workbench.local.launch import Surroundings
from ratecard_workbench.local.pool import FunctionPool


class Lines:
    """Collects log lines."""

    def __init__(self) -> None:
        self.logged: list[str] = []

    def record_log(self, origin, line):
        self.logged.append(f"{origin} {line}")


def spec_in(folder):
    return FunctionSpec(
        name="Echo",
        handler="echo.handler",
        paths=(folder,),
        memory_megabytes=128,
        timeout_seconds=1,
        concurrency=1,
        environment={},
        arrivals=None,
    )


@pytest.mark.parametrize(
    "error", [subprocess.SubprocessError("Exception occurred in preexec_fn."), OSError(11, "Try again"), ValueError()]
)
def test_a_process_that_cannot_be_made_fails_its_call_at_once(tmp_path, monkeypatch, error):
    """The caller hears of it, no slot is lost, and the pool tries again after its pause."""

    def refuse(*_):
        raise error

    monkeypatch.setattr(worker, "start_process", refuse)
    lines = Lines()

    async def call_twice():
        pool = FunctionPool(spec_in(tmp_path), Surroundings(tmp_path), lines)
        for _ in range(2):
            pool._retry_at = 0.0
            with pytest.raises(FunctionFailedError):
                await asyncio.wait_for(pool.submit("id", b"{}", 30.0), 5)
        return pool.state()

    state = asyncio.run(call_twice())
    assert (state.workers, state.in_flight) == (0, 0)
    assert sum("could not be started" in line for line in lines.logged) == 2


@pytest.mark.parametrize(
    ("hard", "expected"), [(resource.RLIM_INFINITY, 512 << 20), (1 << 40, 512 << 20), (300 << 20, 300 << 20)]
)
def test_no_limit_is_set_above_the_hard_one(tmp_path, monkeypatch, hard, expected):
    """Where the system allows less memory than the function's own limit, the smaller one holds."""
    limits = []
    monkeypatch.setattr(launch.resource, "getrlimit", lambda _: (hard, hard))
    monkeypatch.setattr(launch.resource, "setrlimit", lambda kind, pair: limits.append((kind, pair)))
    monkeypatch.setattr(launch.subprocess, "Popen", lambda *_, preexec_fn, **__: preexec_fn)
    monkeypatch.setattr(launch.ctypes, "CDLL", lambda _: type("Libc", (), {"prctl": lambda *_: 0}))
    monkeypatch.setattr(launch.os, "getppid", launch.os.getpid)
    launch.start_process(spec_in(tmp_path), Surroundings(tmp_path), "127.0.0.1:1")()

    assert (resource.RLIMIT_DATA, (expected, expected)) in limits
