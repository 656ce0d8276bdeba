"""Build the analytics layer: duckdb and what the platform's services use, from hash-pinned wheels.

    python layers/analytics/build.py --arch x86_64|arm64 [--target DIR]

Needs Python 3.11 and pip; the wheels are Python 3.13's, Lambda's, whatever runs this. Writes ``python/`` and
``built.json`` under the target (``build/analytics/<arch>`` of the project by default), and does nothing when they are
already there and whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
RECORD = "built.json"

#: Lambda's name of an architecture -> the name wheels use.
WHEEL_ARCHITECTURE = {"x86_64": "x86_64", "arm64": "aarch64"}

#: The oldest C libraries a wheel may ask for; Amazon Linux 2023 (python3.13) has glibc 2.34.
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")

#: Parts of packages that nothing here imports.
LEFT_OUT = ("duckdb/experimental/",)


class BuildError(Exception):
    """The layer cannot be built as asked; the message says why."""


def tell(message: str) -> None:
    """Write one line of progress to stderr."""
    print(f"analytics layer: {message}", file=sys.stderr, flush=True)


def recipe_digest() -> str:
    """Digest of all that decides the layer's content, besides the architecture."""
    digest = hashlib.sha256()
    for path in (REQUIREMENTS, HERE / "build.py"):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_built(target: Path, arch: str) -> bool:
    """Whether the target holds this recipe's layer for `arch`, with every file as it was written and no other."""
    try:
        record = json.loads((target / RECORD).read_text(encoding="utf-8"))
        if record["arch"] != arch or record["recipe_sha256"] != recipe_digest():
            return False
        return bool(record["files"] == digests_of(target / "python"))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def fetch_wheels(arch: str, folder: Path) -> None:
    """Download the pinned wheels of one architecture with pip, which checks their digests.

    Raises
    ------
    BuildError
        If pip fails: it has printed the reason to stderr.
    """
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.13"]
    for platform in PLATFORMS:
        command += ["--platform", f"{platform}_{WHEEL_ARCHITECTURE[arch]}"]
    command += ["--quiet", "--dest", str(folder), "--requirement", str(REQUIREMENTS)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise BuildError(
            "pip could not download the wheels (see above); a package index or a filled pip cache is needed"
        )


def unpack(wheel: Path, folder: Path) -> None:
    """Unpack a wheel's packages; commands for people stay behind.

    Raises
    ------
    BuildError
        If it has files that an installer would put elsewhere.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = [
            name for name in archive.namelist() if not name.startswith(LEFT_OUT) and ".data/scripts/" not in name
        ]
        if any(".data/" in name for name in members):
            raise BuildError(f"{wheel.name} has files for outside the packages' folder")
        archive.extractall(folder, members)


def build(arch: str, target: Path) -> int:
    """Build the layer of one architecture into `target`; answer its size in bytes.

    Raises
    ------
    BuildError
        If a wheel is not to be had, or is not what it should be.
    """
    target.mkdir(parents=True, exist_ok=True)
    # Beside the folder it becomes, so that it can be moved into place without a copy.
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target) as scratch:
        wheels, folder = Path(scratch) / "wheels", Path(scratch) / "python"
        tell(f"downloading the pinned wheels for {arch} (about 26 MB)")
        fetch_wheels(arch, wheels)
        for wheel in sorted(wheels.glob("*.whl")):
            unpack(wheel, folder)
        record = {"arch": arch, "recipe_sha256": recipe_digest(), "files": digests_of(folder)}
        (target / RECORD).unlink(missing_ok=True)
        shutil.rmtree(target / "python", ignore_errors=True)
        folder.rename(target / "python")
        (target / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in (target / "python").rglob("*") if path.is_file())


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, build, say what was done; answer the exit code."""
    parser = argparse.ArgumentParser(description="Build the analytics layer from hash-pinned wheels.")
    parser.add_argument(
        "--arch", choices=sorted(WHEEL_ARCHITECTURE), default="x86_64", help="Lambda's architecture name"
    )
    parser.add_argument("--target", type=Path, help="folder to build into (default: build/analytics/<arch>)")
    options = parser.parse_args(arguments)
    target = options.target or PROJECT / "build" / "analytics" / options.arch
    if is_built(target, options.arch):
        tell(f"{options.arch} is built already")
        return 0
    try:
        size = build(options.arch, target)
    except BuildError as error:
        tell(f"failed: {error}")
        return 1
    tell(f"{options.arch} built, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
