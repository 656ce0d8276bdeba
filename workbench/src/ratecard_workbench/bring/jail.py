"""Starting the fenced process that opens a model, and taking back nothing from it but JSON and the lowered file."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from ratecard.kernel.errors import ErrorKind, Problem, RatecardError

ANSWER = "answer.json"
LARGEST_ANSWER_BYTES = 1 << 26
"""Far above the rows that are compared; Python's objects of a hostile text this long are a gigabyte or so."""

LONGEST_DETAIL = 2000
TIMEOUT_SECONDS = 900

#: What loading numpy, SciPy and the engines' Python packages reads beside Python's own folders.
SYSTEM_PATHS: tuple[str, ...] = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
)
SYSTEM_PATHS += (
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/dev/null",
    "/dev/urandom",
)


class BringError(RatecardError):
    """A model or a sample cannot be brought as it is; nothing was written."""

    code = "cannot_bring"
    kind = ErrorKind.UNSUPPORTED


def run_fenced(module: str, work: Path, request: Mapping[str, object]) -> dict[str, Any]:
    """Run a module of this package in a fenced process and read its answer.

    The process has an empty environment, a folder of its own, no network and no process beside it, and opens no files
    but Python's, this package's and its folder's. What it says on its way is kept in a file without a name.

    Parameters
    ----------
    module : str
        Module with a `main`; it is given the request as a file `request.json` in `work` and writes `answer.json`.
    work : Path
        The folder; what the process needs is in it.
    request : mapping
        JSON values.

    Raises
    ------
    BringError
        If the process answers with a refusal, ends without an answer, or takes too long.
    """
    paths = [str(path) for path in readable_paths()]
    text = json.dumps({**request, "readable": paths, "writable": [str(work), "/dev/null"]})
    (work / "request.json").write_text(text, encoding="utf-8")
    command = [sys.executable, "-I", "-B", "-W", "ignore", "-m", f"ratecard_workbench.bring.{module}", str(work)]
    with TemporaryFile(dir=work) as said:
        code = _run_to_its_end(command, work, said)
        return _read_answer(work / ANSWER, code, _last_line(said))


def _run_to_its_end(command: list[str], work: Path, said: IO[bytes]) -> int:
    """Run a command until it ends by itself or takes too long; wait for nothing else that it may have opened."""
    own = {"PATH": os.defpath, "HOME": str(work), "TMPDIR": str(work), "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        command,
        cwd=work,
        env={**own, "OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2", "JOBLIB_MULTIPROCESSING": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,
    )
    try:
        return process.wait(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise BringError(f"the model was not read within {TIMEOUT_SECONDS} seconds") from None
    finally:
        _end_group(process)


def readable_paths() -> list[Path]:
    """Return the folders of Python, of the installed packages and of this project's packages."""
    own = [find_spec(name) for name in ("ratecard", "ratecard_workbench")]
    packages = [Path(spec.origin).parent for spec in own if spec is not None and spec.origin]
    python = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, sysconfig.get_paths().values())}
    return sorted({*packages, *python, *map(Path, SYSTEM_PATHS), Path(os.path.realpath(sys.executable))})


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind of a process that did not end by itself; it cannot have started another."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(said: IO[bytes]) -> str:
    """Return the end of what a process said, however much that was."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - LONGEST_DETAIL))
    return (said.read(LONGEST_DETAIL).decode("utf-8", "replace").strip().splitlines() or [""])[-1][:300]


def _read_answer(path: Path, code: int, complaint: str) -> dict[str, Any]:
    """Read what the process left; its words are shown without what would steer a terminal."""
    try:
        answer: dict[str, Any] = json.loads(read_plain_file(path, LARGEST_ANSWER_BYTES))
        refusal = answer.get("refusal")
        detail = printable(refusal["detail"]) if refusal else ""
        problems = tuple(Problem(*map(printable, one)) for one in refusal.get("problems", ())) if refusal else ()
    except BringError:
        what = printable(complaint) or f"exit status {code}"
        raise BringError(f"the process that opens the model ended without an answer: {what}") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise BringError("the process that opened the model did not answer as it should") from None
    if refusal:
        raise BringError(detail, problems)
    return answer


def printable(text: object) -> str:
    """Return a text of the process's on one line, with nothing in it that would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:LONGEST_DETAIL])


def read_plain_file(path: Path, most: int = -1) -> bytes:
    """Read a file that the process wrote.

    Parameters
    ----------
    path : Path
        Where it should lie.
    most : int
        Bytes after which reading ends; -1 for none.

    Raises
    ------
    BringError
        If there is none, or a link, a pipe or a device in its place.
    """
    try:
        place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise BringError(f"the process that opened the model left no file {path.name}") from None
    if not stat.S_ISREG(os.fstat(place).st_mode):
        os.close(place)
        raise BringError(f"the process that opened the model left no plain file {path.name}")
    with os.fdopen(place, "rb") as file:
        return file.read(most)
