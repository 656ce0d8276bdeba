"""Our function as it is deployed: zip and layers, built by the project's Makefiles and unpacked as Lambda does."""

from __future__ import annotations

import platform
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import BUILD, EnvironmentNotReadyError, clean_environment, compile_bytecode
from benchmarks.machine import ROOT

FUNCTION = ROOT / "functions" / "models" / "credit_rating"
PARTS = {
    "task": (FUNCTION / "src", "build-CreditRatingFunction"),
    "ratecard": (ROOT / "layers" / "ratecard", "build-RatecardLayer"),
    "native": (ROOT / "layers" / "native", "build-NativeLayer"),
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the unpacked parts lie, and how large they are.

    Attributes
    ----------
    task : Path
        What Lambda has at /var/task.
    layer : Path
        The ratecard layer's `python` folder, /opt/python in Lambda.
    native : Path
        The native layer's `lib` folder, /opt/lib in Lambda.
    zip_bytes : int
        Size of the function's zip.
    layer_bytes, native_bytes : int
        Sizes of the layers, unzipped.
    """

    task: Path
    layer: Path
    native: Path
    zip_bytes: int
    layer_bytes: int
    native_bytes: int


def build_deployment(python: str) -> Deployment:
    """Build zip and layers with the project's own Makefiles and unpack them under `build/bench/deployed`.

    Parameters
    ----------
    python : str
        The interpreter of the bench; where it is not the 3.13 the Makefiles compile for, bytecode is compiled again.

    Raises
    ------
    EnvironmentNotReadyError
        If a target fails.
    """
    zips = {name: zip_folder(build_part(name, python), BUILD / "built" / f"{name}.zip") for name in PARTS}
    folders = {name: unzip(archive, BUILD / "deployed" / name) for name, archive in zips.items()}
    for name in ("task", "ratecard"):
        if not has_bytecode(folders[name], python):
            compile_bytecode(python, folders[name])
    return Deployment(
        task=folders["task"],
        layer=folders["ratecard"] / "python",
        native=folders["native"] / "lib",
        zip_bytes=zips["task"].stat().st_size,
        layer_bytes=folder_bytes(folders["ratecard"]),
        native_bytes=folder_bytes(folders["native"]),
    )


def build_part(name: str, python: str) -> Path:
    """Run one part's SAM target (BuildMethod: makefile) into a fresh folder."""
    source, target = PARTS[name]
    folder = BUILD / "built" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    names = {"ARTIFACTS_DIR": str(folder), "RATECARD_ARCH": arch, "PYTHON": python}
    done = subprocess.run(
        ["make", "-C", str(source), target, *(f"{key}={value}" for key, value in names.items())],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EnvironmentNotReadyError(f"make {target} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return folder


def has_bytecode(folder: Path, python: str) -> bool:
    """Whether the build compiled bytecode that this interpreter reads."""
    ask = [python, "-c", "import sys; print(sys.implementation.cache_tag)"]
    tag = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    return any(folder.rglob(f"*.{tag}.pyc"))


def zip_folder(folder: Path, archive: Path) -> Path:
    """Zip a folder as `sam package` does."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(folder))
    return archive


def unzip(archive: Path, folder: Path) -> Path:
    """Unpack a zip into a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as source:
        source.extractall(folder)
    return folder


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
