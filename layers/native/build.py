"""Build the native layer: the engines' shared libraries, from hash-pinned wheels, and nothing else.

    python layers/native/build.py --arch x86_64|arm64 [--target DIR]

Needs Python 3.11 and pip. Writes ``lib/*.so``, ``lib/libgomp.so.1``, ``lib/versions.json`` and ``licences/`` under the
target (``build/native/<arch>`` of the project by default), and does nothing when they are already there and whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from elf import is_library, rename_gomp, strip_symbols

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
LICENCES = HERE / "licences"

#: Unzipped size the layer may have, in bytes. Source: DESIGN.md section 3.
BUDGET_BYTES = 65 * 1000 * 1000

#: Lambda's name of an architecture -> the name wheels use.
WHEEL_ARCHITECTURE = {"x86_64": "x86_64", "arm64": "aarch64"}

#: The oldest C libraries a wheel may ask for; Amazon Linux 2023 (python3.13) has glibc 2.34.
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


class BuildError(Exception):
    """The layer cannot be built as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a wheel that belongs into the layer.

    Attributes
    ----------
    distribution : str
        Start of the wheel's file name.
    member : str
        Start of the path inside the wheel; it must match exactly one file.
    target : str
        Path inside the layer.
    """

    distribution: str
    member: str
    target: str


LIBRARIES = (
    Piece("lightgbm", "lightgbm/lib/lib_lightgbm.so", "lib/lib_lightgbm.so"),
    Piece("xgboost_cpu", "xgboost/lib/libxgboost.so", "lib/libxgboost.so"),
    Piece("xgboost_cpu", "xgboost_cpu.libs/libgomp-", "lib/libgomp.so.1"),
    Piece("onnxruntime", "onnxruntime/capi/libonnxruntime.so.", "lib/libonnxruntime.so"),
)
TEXTS = (
    Piece("lightgbm", "lightgbm-", "licences/lightgbm/LICENSE"),
    Piece("onnxruntime", "onnxruntime/LICENSE", "licences/onnxruntime/LICENSE"),
    Piece("onnxruntime", "onnxruntime/ThirdPartyNotices.txt", "licences/onnxruntime/ThirdPartyNotices.txt"),
)


def tell(message: str) -> None:
    """Write one line of progress to stderr."""
    print(f"native layer: {message}", file=sys.stderr, flush=True)


def recipe_digest() -> str:
    """Digest of all that decides the layer's content, besides the architecture."""
    digest = hashlib.sha256()
    for path in (REQUIREMENTS, HERE / "build.py", HERE / "elf.py", *sorted(LICENCES.iterdir())):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_built(target: Path, arch: str) -> bool:
    """Whether the target holds this recipe's layer for `arch`, with every file as it was written."""
    try:
        versions = json.loads((target / "lib" / "versions.json").read_text(encoding="utf-8"))
        if versions["arch"] != arch or versions["recipe_sha256"] != recipe_digest():
            return False
        files = versions["files"].items()
        return all(hashlib.sha256((target / name).read_bytes()).hexdigest() == digest for name, digest in files)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def pinned_versions() -> dict[str, str]:
    """Versions by distribution, as `requirements.txt` pins them."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pins = (line.removesuffix("\\").strip().partition("==") for line in lines if "==" in line)
    return {name: version for name, _, version in pins}


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


def read_piece(wheels: Path, piece: Piece) -> bytes:
    """Read the one file of the downloaded wheels that `piece` names.

    Raises
    ------
    BuildError
        If the wheel or the file in it is missing or ambiguous.
    """
    found = list(wheels.glob(f"{piece.distribution}-*.whl"))
    if len(found) != 1:
        raise BuildError(f"expected one wheel of {piece.distribution}, found {len(found)}")
    ending = Path(piece.target).name if piece.target.startswith("licences/") else ""
    with zipfile.ZipFile(found[0]) as wheel:
        members = [name for name in wheel.namelist() if name.startswith(piece.member) and name.endswith(ending)]
        if len(members) != 1:
            raise BuildError(f"{found[0].name}: expected one file {piece.member}*, found {len(members)}")
        return wheel.read(members[0])


def write_pieces(wheels: Path, folder: Path, arch: str) -> None:
    """Write every library and licence text into `folder`."""
    for piece in LIBRARIES:
        library = strip_symbols(rename_gomp(read_piece(wheels, piece)))
        if not is_library(library, arch):
            raise BuildError(f"{piece.target} is not a shared library for {arch}")
        place(folder / piece.target, library)
    for piece in TEXTS:
        place(folder / piece.target, read_piece(wheels, piece))
    for path in LICENCES.iterdir():
        place(folder / "licences" / path.name, path.read_bytes())


def place(path: Path, content: bytes) -> None:
    """Write a file and its parent folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def check_budget(folder: Path) -> int:
    """Sum the layer's files, in bytes; raise `BuildError` above the budget."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > BUDGET_BYTES:
        raise BuildError(f"the layer has {size / 1e6:.1f} MB, more than its budget of {BUDGET_BYTES / 1e6:.0f} MB")
    return size


def install(folder: Path, target: Path) -> None:
    """Move the built files into `target`, each in one step, the record of what was built last."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: path.name == "versions.json"):
        destination = target / path.relative_to(folder)
        destination.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755 if destination.parent.name == "lib" and path.suffix != ".json" else 0o644)
        path.replace(destination)


def build(arch: str, target: Path) -> int:
    """Build the layer of one architecture into `target`; answer its size in bytes.

    Raises
    ------
    BuildError
        If a wheel is not to be had, is not what it should be, or the layer is above its budget.
    """
    target.mkdir(parents=True, exist_ok=True)
    # Beside the files it becomes, so that they can be moved into place without a copy.
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target) as scratch:
        wheels, folder = Path(scratch) / "wheels", Path(scratch) / "layer"
        tell(f"downloading the pinned wheels for {arch} (about 33 MB)")
        fetch_wheels(arch, wheels)
        write_pieces(wheels, folder, arch)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        record = {
            "arch": arch,
            "recipe_sha256": recipe_digest(),
            "libraries": pinned_versions(),
            "files": {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        }
        place(folder / "lib" / "versions.json", (json.dumps(record, indent=2) + "\n").encode())
        size = check_budget(folder)
        install(folder, target)
    return size


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, build, say what was done; answer the exit code."""
    parser = argparse.ArgumentParser(description="Build the native layer from hash-pinned wheels.")
    parser.add_argument(
        "--arch", choices=sorted(WHEEL_ARCHITECTURE), default="x86_64", help="Lambda's architecture name"
    )
    parser.add_argument("--target", type=Path, help="folder to build into (default: build/native/<arch>)")
    options = parser.parse_args(arguments)
    target = options.target or PROJECT / "build" / "native" / options.arch
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
