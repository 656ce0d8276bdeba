"""A real platform for tests: `ratecard up` as a process of its own, on a free port, in a folder of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ratecard.storage.accounts import ApiKey, IssuedKey, SqliteAccounts
from ratecard.storage.lake import ACCESS, USAGE, scan
from ratecard_workbench.local.counters import load_counts

ROOT = Path(__file__).resolve().parents[2]
FIXTURE_APP = Path(__file__).resolve().parent / "fixture_app"
COMMAND = (sys.executable, "-m", "ratecard_workbench")
CUSTOMER = "tester"
# A platform that runs sees a new or changed key within this time.
KEY_SECONDS = 1.0


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def call_id(self) -> str:
        """Id that the gateway gave the call."""
        return self.headers["x-amz-apigw-id"]


@dataclass
class RunningPlatform:
    """A platform, seen from outside.

    Attributes
    ----------
    url, host, port : str, str, int
        Where it answers.
    home : Path
        Its folder.
    key : str
        A key of the customer `tester` on the plan that was asked for.
    announced : dict
        What `ratecard up --json` printed.
    """

    url: str
    host: str
    port: int
    home: Path
    key: str
    key_id: str
    announced: dict
    process: subprocess.Popen

    def call(
        self, method: str, path: str, body: bytes | str | dict | None = None, *, headers: dict | None = None
    ) -> Reply:
        """Send one request on a connection of its own, with the key unless other headers are given."""
        sent = {"x-api-key": self.key, "Content-Type": "application/json"} if headers is None else headers
        content = json.dumps(body) if isinstance(body, dict) else body
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def predict(self, body: dict | str | bytes, model: str = "echo", *, key: str | None = None) -> Reply:
        """Call a model of the fixture application."""
        headers = {"x-api-key": self.key if key is None else key, "Content-Type": "application/json"}
        return self.call("POST", f"/v1/models/{model}/predict", body, headers=headers)

    def usage_lines(self) -> list[dict]:
        """Return all usage lines in the lake; none may be damaged."""
        return self._lines(USAGE)

    def access_lines(self) -> list[dict]:
        """Return all access lines in the lake; none may be damaged."""
        return self._lines(ACCESS)

    def _lines(self, stream: str) -> list[dict]:
        lines = list(scan(self.home / "lake", stream))
        assert all(line.event is not None for line in lines), [line for line in lines if line.event is None]
        return [line.event for line in lines if line.event is not None]

    def counts(self) -> dict[str, int]:
        """Return the requests counted for each key, on all days."""
        found: dict[str, int] = {}
        for (key_id, _), count in load_counts(self.home / "counters.bin").items():
            found[key_id] = found.get(key_id, 0) + count
        return found

    def log_text(self, name: str | None = None) -> str:
        """Return what is in one function's log, or in all logs."""
        paths = (self.home / "logs").glob(f"{name or '*'}.log*")
        return "\n".join(path.read_text(errors="replace") for path in sorted(paths))

    def issue_key(self, plan: str = "standard", customer: str = CUSTOMER) -> IssuedKey:
        """Make a key while the platform runs, and wait until it is known there."""
        issued = issue_key(self.home, plan, customer)
        time.sleep(KEY_SECONDS)
        return issued

    def list_keys(self) -> tuple[ApiKey, ...]:
        """Return all keys."""
        accounts = SqliteAccounts(self.home / "accounts.sqlite")
        with contextlib.closing(accounts):
            return accounts.list_keys()

    def worker_pids(self) -> list[int]:
        """Return the platform's living children."""
        return children_of(self.process.pid)

    def stop(self) -> int:
        """Stop it as Ctrl-C does; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self) -> None:
        """Kill it without a chance to say anything."""
        self.process.kill()
        self.process.wait(10)


def children_of(pid: int) -> list[int]:
    """Return the processes whose parent is a process, zombies included."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[1]) == pid:
                found.append(int(folder.name))
    return found


def state_of(pid: int) -> str | None:
    """Return a process's state letter (Z is a zombie), or None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds; fails if it never does."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def issue_key(home: Path, plan: str, customer: str = CUSTOMER) -> IssuedKey:
    """Make a key in a home."""
    with contextlib.closing(SqliteAccounts(home / "accounts.sqlite")) as accounts:
        accounts.ensure_customer(customer, customer)
        return accounts.create_key(customer, plan, "test")


def start_platform(
    home: Path, *, project: Path = ROOT, plan: str = "business", arguments: Sequence[str] = (), port: int = 0
) -> RunningPlatform:
    """Start a platform and wait until it answers.

    Parameters
    ----------
    home : Path
        Its folder; it is made if there is none.
    project : Path
        Folder of the template: this repository, or `FIXTURE_APP`.
    plan : str
        Plan of the key.
    arguments : sequence of str
        Further arguments of `ratecard up`.
    """
    home.mkdir(parents=True, exist_ok=True)
    issued = issue_key(home, plan)
    errors = home.with_name(f"{home.name}.stderr")
    with errors.open("ab") as sink:
        process = subprocess.Popen(
            [*COMMAND, "up", "--json", "--port", str(port), "--home", home, "--project", project, *arguments],
            stdout=subprocess.PIPE,
            stderr=sink,
            env={**os.environ, "RATECARD_CANARY": "environment-canary"},
            text=True,
        )
    line = process.stdout.readline()
    assert line, f"the platform did not start: {errors.read_text()}"
    announced = json.loads(line)
    return RunningPlatform(
        url=announced["url"],
        host=announced["host"],
        port=announced["port"],
        home=home,
        key=issued.secret,
        key_id=issued.key.id,
        announced=announced,
        process=process,
    )


@contextlib.contextmanager
def running_platform(
    home: Path, *, project: Path = ROOT, plan: str = "business", arguments: Sequence[str] = ()
) -> Iterator[RunningPlatform]:
    """Start a platform for the length of a block; it must end in order."""
    platform = start_platform(home, project=project, plan=plan, arguments=arguments)
    try:
        yield platform
    finally:
        killed = platform.process.poll() is not None
        code = platform.stop()
        platform.process.stdout.close()
    assert killed or code == 0, home.with_name(f"{home.name}.stderr").read_text()


@contextlib.contextmanager
def fixture_platform(home: Path, *, plan: str = "standard", arguments: Sequence[str] = ()) -> Iterator[RunningPlatform]:
    """Start a platform with the application that misbehaves on demand."""
    with running_platform(home, project=FIXTURE_APP, plan=plan, arguments=arguments) as platform:
        yield platform
