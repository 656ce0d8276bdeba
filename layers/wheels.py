"""Build a layer of Python packages from hash-pinned wheels; each layer's own build.py says what goes into it.

The wheels are Python 3.13's, Lambda's, whatever runs this (Python 3.11 or newer, with pip). A build is ``python/`` and
``built.json`` under its target, and is left alone while both are whole and of the same recipe.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
RECORD = "built.json"

#: Lambda's name of an architecture -> the name wheels use.
WHEEL_ARCHITECTURE = {"x86_64": "x86_64", "arm64": "aarch64"}

#: The oldest C libraries a wheel may ask for; Amazon Linux 2023 (python3.13) has glibc 2.34.
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


class BuildError(Exception):
    """The layer cannot be built as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a layer's content, besides the architecture.

    Attributes
    ----------
    name : str
        The layer's folder under ``layers`` and under ``build``.
    keeps : callable
        Tells by a member's path in its wheel whether it goes into the layer.
    megabytes : int
        What is downloaded, about.
    finish : callable or None
        Makes one file's bytes what they are in the layer, by its path; None leaves them.
    sources : tuple of Path
        Scripts beside the layer's own that decide its content too.
    """

    name: str
    keeps: Callable[[str], bool]
    megabytes: int
    finish: Callable[[str, bytes], bytes] | None = None
    sources: tuple[Path, ...] = ()

    @property
    def requirements(self) -> Path:
        """The pinned wheels."""
        return PROJECT / "layers" / self.name / "requirements.txt"

    def digest(self) -> str:
        """Digest of everything named here."""
        digest = hashlib.sha256()
        for path in (self.requirements, self.requirements.parent / "build.py", Path(__file__), *self.sources):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def tell(self, message: str) -> None:
        """Write one line of progress to stderr."""
        print(f"{self.name} layer: {message}", file=sys.stderr, flush=True)


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_built(recipe: Recipe, target: Path, arch: str) -> bool:
    """Whether the target holds this recipe's layer for `arch`, with every file as it was written and no other."""
    try:
        record = json.loads((target / RECORD).read_text(encoding="utf-8"))
        if record["arch"] != arch or record["recipe_sha256"] != recipe.digest():
            return False
        return bool(record["files"] == digests_of(target / "python"))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def fetch_wheels(recipe: Recipe, arch: str, folder: Path) -> None:
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
    command += ["--quiet", "--dest", str(folder), "--requirement", str(recipe.requirements)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise BuildError(
            "pip could not download the wheels (see above); a package index or a filled pip cache is needed"
        )


def unpack(recipe: Recipe, wheel: Path, folder: Path) -> None:
    """Unpack what the recipe keeps of a wheel's packages; commands for people stay behind.

    Raises
    ------
    BuildError
        If it has files that an installer would put elsewhere.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if recipe.keeps(name) and ".data/scripts/" not in name]
        if any(".data/" in name for name in members):
            raise BuildError(f"{wheel.name} has files for outside the packages' folder")
        archive.extractall(folder, members)
    if recipe.finish is not None:
        for path in (folder / name for name in members if not name.endswith("/")):
            path.write_bytes(recipe.finish(path.name, path.read_bytes()))


def build(recipe: Recipe, arch: str, target: Path) -> int:
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
        recipe.tell(f"downloading the pinned wheels for {arch} (about {recipe.megabytes} MB)")
        fetch_wheels(recipe, arch, wheels)
        for wheel in sorted(wheels.glob("*.whl")):
            unpack(recipe, wheel, folder)
        record = {"arch": arch, "recipe_sha256": recipe.digest(), "files": digests_of(folder)}
        (target / RECORD).unlink(missing_ok=True)
        shutil.rmtree(target / "python", ignore_errors=True)
        folder.rename(target / "python")
        (target / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in (target / "python").rglob("*") if path.is_file())


def run(recipe: Recipe, arguments: list[str] | None = None) -> int:
    """Parse the command line, build, say what was done; answer the exit code."""
    parser = argparse.ArgumentParser(description=f"Build the {recipe.name} layer from hash-pinned wheels.")
    parser.add_argument(
        "--arch", choices=sorted(WHEEL_ARCHITECTURE), default="x86_64", help="Lambda's architecture name"
    )
    parser.add_argument("--target", type=Path, help=f"folder to build into (default: build/{recipe.name}/<arch>)")
    options = parser.parse_args(arguments)
    target = options.target or PROJECT / "build" / recipe.name / options.arch
    if is_built(recipe, target, options.arch):
        recipe.tell(f"{options.arch} is built already")
        return 0
    try:
        size = build(recipe, options.arch, target)
    except BuildError as error:
        recipe.tell(f"failed: {error}")
        return 1
    recipe.tell(f"{options.arch} built, {size / 1e6:.1f} MB")
    return 0
