"""Starting the fenced process that opens a model, and taking back nothing from it but JSON and the lowered file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import ErrorKind, Problem, RatecardError

ANSWER = "answer.json"
LARGEST_ANSWER_BYTES = 1 << 28
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

    The process has an empty environment, a folder of its own, no network, and sees no files but Python's, this
    package's and its folder's.

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
    process = subprocess.Popen(
        command,
        cwd=work,
        env={"PATH": os.defpath, "HOME": str(work), "TMPDIR": str(work), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "2"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, complaint = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise BringError(f"the model was not read within {TIMEOUT_SECONDS} seconds") from None
    finally:
        _end_group(process)
    return _read_answer(work / ANSWER, process.returncode, complaint)


def readable_paths() -> list[Path]:
    """Return the folders of Python, of the installed packages and of this project's packages."""
    own = [find_spec(name) for name in ("ratecard", "ratecard_workbench")]
    packages = [Path(spec.origin).parent for spec in own if spec is not None and spec.origin]
    python = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, sysconfig.get_paths().values())}
    return sorted({*packages, *python, *map(Path, SYSTEM_PATHS), Path(os.path.realpath(sys.executable))})


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Leave no descendant behind: what an opened file started ends with the process that opened it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_answer(path: Path, code: int, complaint: bytes) -> dict[str, Any]:
    """Read what the process left; a link in the answer's place is not followed."""
    try:
        place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(place, "rb") as file:
            answer: dict[str, Any] = json.loads(file.read(LARGEST_ANSWER_BYTES))
    except (OSError, ValueError):
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit status {code}"]
        raise BringError(f"the process that opens the model ended without an answer: {last[0][:300]}") from None
    if refusal := answer.get("refusal"):
        problems = tuple(Problem(*map(str, one)) for one in refusal.get("problems", ()))
        raise BringError(str(refusal["detail"]), problems)
    return answer


def read_plain_file(path: Path) -> bytes:
    """Read a file that the process wrote; a link is refused."""
    place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(place, "rb") as file:
        return file.read()
