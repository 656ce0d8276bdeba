"""A load generator: wrk where it is installed, else a plain one in Python (`plainload.py`), slower and said so."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

CALL_SECONDS = 60
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Target:
    """What is called.

    Attributes
    ----------
    url : str
        Complete address.
    body : Path
        File with the request's body; a file, so that a key or a row never shows in a list of processes.
    headers : Path
        File with one `Name: value` a line.
    """

    url: str
    body: Path
    headers: Path

    def call(self) -> dict[str, object]:
        """Send the request once and return the JSON answer.

        Raises
        ------
        RuntimeError
            If the answer's status is not 200.
        """
        parts = urlsplit(self.url)
        headers = dict(line.split(": ", 1) for line in self.headers.read_text().splitlines())
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_SECONDS)
        try:
            connection.request("POST", parts.path, self.body.read_bytes(), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{parts.path} answers {answer.status}: {text[:500]!r}")
        document: dict[str, object] = json.loads(text)
        return document


@dataclass(frozen=True, slots=True)
class Load:
    """What the callers saw.

    Attributes
    ----------
    connections : int
        Calls under way at a time.
    seconds : float
        How long it went on.
    answered : int
        Answers with status 200.
    failed : int
        Other answers, timeouts and broken connections.
    p50_ms, p99_ms : float
        Percentiles of the time to an answer, in milliseconds.
    """

    connections: int
    seconds: float
    answered: int
    failed: int
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Answers with status 200 in a second."""
        return self.answered / self.seconds


def generator_name() -> str:
    """Name the load generator that will be used."""
    return "wrk" if shutil.which("wrk") else "benchmarks/plainload.py (wrk is not installed: numbers are lower)"


def apply_load(target: Target, connections: int, seconds: float) -> Load:
    """Call a target from so many connections for so long, each waiting for its answer before the next call.

    Raises
    ------
    RuntimeError
        If the generator fails.
    """
    numbers = (str(connections), f"{max(1, round(seconds))}")
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{numbers[0]}", f"-d{numbers[1]}s", "-s", str(HERE / "load.lua"), target.url]
        command += ["--", str(target.body), str(target.headers)]
    else:
        command = [
            sys.executable,
            str(HERE / "plainload.py"),
            *numbers,
            target.url,
            str(target.body),
            str(target.headers),
        ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not found:
        raise RuntimeError(f"the load generator failed: {(done.stdout + done.stderr)[-1000:]}")
    return Load(connections=connections, **json.loads(found[-1]))
