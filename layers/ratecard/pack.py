"""Pack one Python source folder for Lambda: its files, their bytecode, and nothing else.

    python layers/ratecard/pack.py --source DIR --target DIR --installed-at PATH --budget-mb N [--zip-budget-mb N]

Run by the Makefiles of this layer and of the models, which `sam build` calls. Needs Python 3.11. Bytecode is compiled
when a Python 3.13, the runtime's version, is found: named by RATECARD_PYTHON313, on the PATH or under pyenv.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

RUNTIME = "3.13"
LEFT_OUT = shutil.ignore_patterns("Makefile", "__pycache__", "*.pyc", "*.pyi", ".*", "*.egg-info")

PACKED_AT = 946_684_800
"""2000-01-01: every file gets this time, so that the same content gives the same zip."""


class PackError(Exception):
    """The folder cannot be packed as asked; the message says why."""


def tell(message: str) -> None:
    """Write one line of progress to stderr."""
    print(f"pack: {message}", file=sys.stderr, flush=True)


def find_runtime() -> str | None:
    """Find a Python of the runtime's version, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = [os.environ.get("RATECARD_PYTHON313"), shutil.which(f"python{RUNTIME}"), sys.executable]
    found = [str(path) for path in sorted(pyenv.glob(f"versions/{RUNTIME}*/bin/python{RUNTIME}"))]
    return next((path for path in [*named, *found] if path and is_runtime(path)), None)


def is_runtime(program: str) -> bool:
    """Ask a program whether it is a Python of the runtime's version; a shim without one behind it is not."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([program, "-c", ask], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.strip() == RUNTIME


def compile_bytecode(target: Path, installed_at: str) -> None:
    """Write bytecode that Python trusts without a look at the source.

    A zip keeps times to two seconds only, so bytecode that is checked by time is stale wherever it is unpacked, and the
    folders are read-only in Lambda, so it would be compiled again at every cold start.
    """
    runtime = find_runtime()
    if runtime is None:
        tell(f"no Python {RUNTIME} here: packed without bytecode, so every cold start compiles")
        return
    options = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", installed_at]
    subprocess.run([runtime, "-m", "compileall", *options, str(target)], check=True, stdout=sys.stderr)


def size_of(folder: Path) -> int:
    """Sum the files under a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def zip_size_of(folder: Path) -> int:
    """Zip the files under a folder as they are deployed, and weigh the zip in bytes."""
    with TemporaryFile() as written:
        with ZipFile(written, "w", ZIP_DEFLATED) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder))
        return written.tell()


def pack(source: Path, target: Path, installed_at: str, budget: int, *, zip_budget: int | None = None) -> int:
    """Copy, compile and weigh, unzipped and where asked zipped, too; return the unzipped size in bytes.

    Raises
    ------
    PackError
        If there is nothing to pack, or more than the budget allows.
    """
    if not any(source.rglob("*.py")):
        raise PackError(f"{source} holds no Python source")
    shutil.copytree(source, target, ignore=LEFT_OUT, dirs_exist_ok=True)
    compile_bytecode(target, installed_at)
    for path in target.rglob("*"):
        os.utime(path, (PACKED_AT, PACKED_AT))
    size = size_of(target)
    if size > budget:
        raise PackError(f"{size / 1e6:.1f} MB unzipped, more than the budget of {budget / 1e6:.1f} MB")
    if zip_budget is not None and (zipped := zip_size_of(target)) > zip_budget:
        raise PackError(f"{zipped / 1e6:.1f} MB zipped, more than the budget of {zip_budget / 1e6:.1f} MB")
    return size


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, pack, say what was done; return the exit code."""
    parser = argparse.ArgumentParser(description="Pack a Python source folder for Lambda.")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--installed-at", required=True, help="where Lambda unpacks it, for tracebacks")
    parser.add_argument("--budget-mb", type=float, required=True, help="unzipped size it may have, in 10^6 bytes")
    parser.add_argument("--zip-budget-mb", type=float, help="size its zip may have, in 10^6 bytes; any without")
    options = parser.parse_args(arguments)
    zip_budget = None if options.zip_budget_mb is None else int(options.zip_budget_mb * 1e6)
    try:
        budget = int(options.budget_mb * 1e6)
        size = pack(options.source, options.target, options.installed_at, budget, zip_budget=zip_budget)
    except (PackError, subprocess.CalledProcessError) as error:
        tell(f"failed: {error}")
        return 1
    tell(f"{options.target.name} packed, {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
