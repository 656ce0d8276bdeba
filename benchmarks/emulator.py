"""AWS's Runtime Interface Emulator, without Docker: the binary lies inside SAM CLI's package."""

from __future__ import annotations

import contextlib
import http.client
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import TracebackType

from benchmarks.environments import BUILD, REQUIREMENTS, EnvironmentNotReadyError, run_or_explain
from benchmarks.machine import ROOT
from benchmarks.processes import child_processes, is_running

INVOKE_PATH = "/2015-03-31/functions/function/invocations"
START_SECONDS = 10.0
CALL_SECONDS = 120.0


def binary_name() -> str:
    """Return the emulator's file name for this machine."""
    return "aws-lambda-rie-arm64" if platform.machine() in ("aarch64", "arm64") else "aws-lambda-rie-x86_64"


def ensure_emulator() -> Path:
    """Return the emulator's binary: from `.venv-sam` if SAM CLI is installed, else out of SAM CLI's pinned wheel.

    Raises
    ------
    EnvironmentNotReadyError
        If neither is there.
    """
    member = f"samcli/local/rapid/{binary_name()}"
    installed = sorted(ROOT.glob(f".venv-sam/lib/python3*/site-packages/{member}"))
    if installed:
        return installed[0]
    folder = BUILD / "sam"
    binary = folder / member
    if not binary.exists():
        fetch_sam_wheel(folder, member)
    binary.chmod(0o755)
    return binary


def fetch_sam_wheel(folder: Path, member: str) -> None:
    """Fetch SAM CLI's wheel with the hashes of requirements/sam.txt and unpack the emulator only."""
    pin = re.search(
        r"^aws-sam-cli==.*?(?=^\S)", (REQUIREMENTS / "sam.txt").read_text() + "\n_", re.MULTILINE | re.DOTALL
    )
    if pin is None:
        raise EnvironmentNotReadyError("requirements/sam.txt does not pin aws-sam-cli")
    folder.mkdir(parents=True, exist_ok=True)
    pins = folder / "pin.txt"
    pins.write_text(pin.group(0))
    run_or_explain(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "-r", str(pins), "-d", str(folder)]
    )
    with zipfile.ZipFile(next(folder.glob("aws_sam_cli-*.whl"))) as wheel:
        wheel.extract(member, folder)


def free_port() -> int:
    """Return a TCP port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Emulator:
    """A fresh emulator around one function; the runtime starts with the first call, as a cold start does.

    Parameters
    ----------
    command : sequence of str
        The runtime, e.g. `python -m awslambdaric handler.lambda_handler`.
    environment : dict
        The whole environment of emulator and function.
    folder : Path
        The working directory, /var/task in Lambda.
    log : Path
        Receives what emulator and function print.
    """

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path, log: Path) -> None:
        self._port = free_port()
        self._log = log.open("wb")
        addresses = [
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{self._port}",
            "--runtime-api-address",
            f"127.0.0.1:{free_port()}",
            "--log-level",
            "error",
        ]
        self._child = subprocess.Popen(
            [str(ensure_emulator()), *addresses, *command],
            env=environment,
            cwd=folder,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=CALL_SECONDS)

    def __enter__(self) -> Emulator:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connection.connect()
                break
            except OSError:
                if time.monotonic() > deadline:
                    self.close()
                    raise
                time.sleep(0.002)
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The emulator forks, links and settles for a moment after it listens; that is not part of a cold start.
        time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def invoke(self, event: bytes) -> tuple[float, bytes]:
        """Send one event on the kept connection.

        Returns
        -------
        tuple
            Seconds from the request to the last byte of the answer, and the answer.
        """
        start = time.perf_counter()
        self._connection.request("POST", INVOKE_PATH, body=event)
        answer = self._connection.getresponse().read()
        return time.perf_counter() - start, answer

    def close(self) -> None:
        """Stop the emulator and the runtime it started.

        The runtime is killed with it: left alone it would notice that its emulator is gone, import `traceback` and
        complain, just when the next function is timed.
        """
        self._connection.close()
        runtimes = child_processes(self._child.pid)
        for process in (*runtimes, self._child.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._child.wait()
        self._log.close()
        deadline = time.monotonic() + START_SECONDS
        while any(is_running(process) for process in runtimes) and time.monotonic() < deadline:
            time.sleep(0.01)
