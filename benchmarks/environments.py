"""The interpreters and package folders the benchmarks run in, made from pinned, hashed requirements.

Everything lies under `build/bench`; nothing here touches the development environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import ROOT

BUILD = ROOT / "build" / "bench"
REQUIREMENTS = ROOT / "requirements"


class EnvironmentNotReadyError(RuntimeError):
    """Something the benchmark needs is missing; the text says how to get it."""


def find_lambda_python() -> str:
    """Return the interpreter that stands in for Lambda's: RATECARD_BENCH_PYTHON, else a python3.13, else this one."""
    wanted = os.environ.get("RATECARD_BENCH_PYTHON")
    for name in [wanted] if wanted else ["python3.13"]:
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", "pass"], capture_output=True, check=False).returncode == 0:
            return found
        if wanted:
            raise EnvironmentNotReadyError(f"RATECARD_BENCH_PYTHON={wanted} does not run")
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))
    return str(pyenv[-1]) if pyenv else sys.executable


def clean_environment(**extra: str) -> dict[str, str]:
    """Return a small environment for a measured program, without this machine's Python switches.

    PYTHONDONTWRITEBYTECODE, PYTHONUNBUFFERED and the like change start-up; Lambda sets PYTHONPATH and little else.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, **extra}


def ensure_environment(name: str, python: str = sys.executable) -> Path:
    """Return the python of the environment `build/bench/<name>`, made from `requirements/bench-<name>.txt` if stale.

    Raises
    ------
    EnvironmentNotReadyError
        If pip cannot install the pinned packages.
    """
    folder, pins = BUILD / name, REQUIREMENTS / f"bench-{name}.txt"
    interpreter = folder / "bin" / "python"
    stamp = digest_of(pins.read_bytes(), version_of(python).encode())
    if not is_stamped(folder, stamp):
        shutil.rmtree(folder, ignore_errors=True)
        run_or_explain([python, "-m", "venv", str(folder)])
        install([str(interpreter), "-m", "pip"], pins, ())
        compile_bytecode(str(interpreter), folder / "lib")
        write_stamp(folder, stamp)
    return interpreter


def ensure_packages(name: str, python: str) -> Path:
    """Return the folder `build/bench/<name>` of packages for `python`, as a Lambda layer would carry them."""
    folder, pins = BUILD / name, REQUIREMENTS / f"bench-{name}.txt"
    stamp = digest_of(pins.read_bytes(), version_of(python).encode())
    if not is_stamped(folder, stamp):
        shutil.rmtree(folder, ignore_errors=True)
        install([python, "-m", "pip"], pins, ("--target", str(folder)))
        compile_bytecode(python, folder)
        write_stamp(folder, stamp)
    return folder


def install(pip: Sequence[str], pins: Path, options: Sequence[str]) -> None:
    """Install pinned packages; pip checks every hash."""
    print(f"bench: installing {pins.name} ...", file=sys.stderr)
    run_or_explain(
        [*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(pins), *options]
    )


def compile_bytecode(python: str, folder: Path) -> None:
    """Compile a folder's bytecode the way our own zips are compiled: every variant starts from the same place."""
    command = [python, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", str(folder)]
    # Packages ship test files for other Python versions; those fail to compile and are never imported.
    subprocess.run(command, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def version_of(python: str) -> str:
    """Return an interpreter's full version."""
    return subprocess.run(
        [python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True
    ).stdout.strip()


def run_or_explain(command: Sequence[str]) -> None:
    """Run a build command; on failure raise with the end of its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentNotReadyError(f"{' '.join(command[:4])} ... failed:\n{(done.stdout + done.stderr)[-2000:]}")


def digest_of(*parts: bytes) -> str:
    """Return one SHA-256 over the parts."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_stamped(folder: Path, stamp: str) -> bool:
    """Whether the folder was finished from exactly these inputs."""
    mark = folder / ".stamp"
    return mark.is_file() and mark.read_text() == stamp


def write_stamp(folder: Path, stamp: str) -> None:
    """Mark the folder as finished."""
    (folder / ".stamp").write_text(stamp)
