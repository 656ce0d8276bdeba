"""`ratecard up` as a program under measurement: a fresh home, a key of the highest plan, and its books counted."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.environments import BUILD, EnvironmentNotReadyError, clean_environment
from benchmarks.load import Target
from benchmarks.processes import (
    await_quiet,
    child_processes,
    descendants_of,
    processor_seconds,
    proportional_bytes,
)
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.lake import scan

START_SECONDS = 30.0
STOP_SECONDS = 40.0
PLAN = "business"
SERVED = "200"


@dataclass(frozen=True, slots=True)
class Count:
    """What the platform's own books say.

    Attributes
    ----------
    served : int
        Access lines with status 200 of POST routes.
    metered : int
        Usage lines.
    lost : int
        Served calls without their usage line: must be 0.
    repeated : int
        Usage lines that stand twice: must be 0.
    unsent : int
        Usage lines of calls whose answer could not be sent, because the caller had gone; they are not charged.
    """

    served: int
    metered: int
    lost: int
    repeated: int
    unsent: int


class RunningPlatform:
    """A platform that answers.

    Parameters
    ----------
    home : Path
        Its folder.
    url : str
        Where it answers.
    secret : str
        The caller's key.
    process : Popen
        The platform.

    Attributes
    ----------
    started : float
        `time.perf_counter()` just before the process was started.
    """

    def __init__(self, home: Path, url: str, secret: str, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self._url = url
        self._secret = secret
        self._process = process
        self.started = 0.0

    def target(self, path: str, body: bytes) -> Target:
        """Return the target of a call with this platform's key; body and headers go through files."""
        body_file, headers = self.home / "bench-body.json", self.home / "bench-headers.txt"
        body_file.write_bytes(body)
        headers.touch(mode=0o600)
        headers.write_text(f"Content-Type: application/json\nx-api-key: {self._secret}\n")
        return Target(self._url + path, body_file, headers)

    def call(self, path: str, body: bytes) -> bytes:
        """Call once, on a connection of its own; return the answer's body.

        Raises
        ------
        EnvironmentNotReadyError
            If it is not served.
        """
        address = urlsplit(self._url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=START_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json", "x-api-key": self._secret})
            response = connection.getresponse()
            answer = response.read()
        if response.status != http.HTTPStatus.OK:
            raise EnvironmentNotReadyError(f"{path} answers {response.status}")
        return answer

    def proportional_bytes(self) -> dict[str, int]:
        """Return the memory of the gateway and of all workers together, shared pages divided by who shares them."""
        workers = descendants_of(self._process.pid)[1:]
        return {
            "gateway": proportional_bytes(self._process.pid),
            "workers": sum(proportional_bytes(worker) for worker in workers),
        }

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time used so far by the gateway and by all workers together."""
        workers = child_processes(self._process.pid)
        return {
            "gateway": processor_seconds(self._process.pid),
            "workers": sum(processor_seconds(worker) for worker in workers),
        }

    def await_quiet(self) -> None:
        """Wait until no worker is starting and no call is under way."""
        await_quiet(self._process.pid, START_SECONDS)

    def stop(self) -> None:
        """Stop in order, as Ctrl-C does, and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def running_platform(project: Path, name: str, *parameters: str) -> Iterator[RunningPlatform]:
    """Start a platform on a project in a fresh home `build/bench/homes/<name>` and stop it at the end.

    Parameters
    ----------
    parameters : str
        `Name=Value` of the template's parameters.

    Raises
    ------
    EnvironmentNotReadyError
        If it does not stand after `START_SECONDS`.
    """
    home = BUILD / "homes" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    secret = issue_key(home)
    command = [str(Path(sys.executable).parent / "ratecard"), "up", "--json", "--port", "0"]
    command += ["--project", str(project), "--home", str(home)]
    command += [f"--parameter={parameter}" for parameter in parameters]
    with (home / "bench-stderr.txt").open("w") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=errors)
    platform = RunningPlatform(home, await_address(process, home), secret, process)
    platform.started = started
    try:
        yield platform
    finally:
        platform.stop()


def issue_key(home: Path) -> str:
    """Give a customer of the bench a key of the highest plan."""
    with contextlib.closing(SqliteAccounts(home / "accounts.sqlite")) as accounts:
        accounts.ensure_customer("bench", "Bench")
        return accounts.create_key("bench", PLAN, "bench").secret


def await_address(process: subprocess.Popen[bytes], home: Path) -> str:
    """Wait for the platform's announcement and return its address."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    deadline, text = time.monotonic() + START_SECONDS, b""
    while time.monotonic() < deadline and process.poll() is None:
        text += process.stdout.read() or b""
        with contextlib.suppress(ValueError, LookupError):
            return str(json.loads(text)["url"])
        time.sleep(0.05)
    process.kill()
    errors = (home / "bench-stderr.txt").read_text()
    raise EnvironmentNotReadyError(f"ratecard up did not stand:\n{errors[-1500:]}")


def count_calls(home: Path) -> Count:
    """Count access and usage lines of a stopped platform and match them by id."""
    access = Counter(
        str(event["extendedRequestId"])
        for event in events(home, "access")
        if event["status"] == SERVED and event["httpMethod"] == "POST"
    )
    usage = Counter(str(event["id"]) for event in events(home, "usage"))
    return Count(
        served=access.total(),
        metered=usage.total(),
        lost=sum(1 for call in access if call not in usage),
        repeated=usage.total() - len(usage),
        unsent=sum(1 for call in usage if call not in access),
    )


def events(home: Path, stream: str) -> Iterator[dict[str, object]]:
    """Read the lines of one stream of the lake; a line that cannot be read counts as lost."""
    return (line.event for line in scan(home / "lake", stream) if line.event is not None)
