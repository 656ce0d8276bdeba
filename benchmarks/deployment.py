"""Our functions as they are deployed: zips and layers, built by the project's Makefiles and unpacked as Lambda does."""

from __future__ import annotations

import platform
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import BUILD, EnvironmentNotReadyError, clean_environment, compile_bytecode
from benchmarks.machine import ROOT
from benchmarks.models import BenchModel

LAYERS = {
    "ratecard": (ROOT / "layers" / "ratecard", "build-RatecardLayer"),
    "native": (ROOT / "layers" / "native", "build-NativeLayer"),
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the unpacked parts lie, and how large they are.

    Attributes
    ----------
    tasks : mapping of str to Path
        What Lambda has at /var/task, by model.
    layer : Path
        The ratecard layer's `python` folder, /opt/python in Lambda.
    native : Path
        The native layer's `lib` folder, /opt/lib in Lambda.
    zip_bytes : mapping of str to int
        Size of each model's zip.
    layer_bytes, native_bytes : int
        Sizes of the layers, unzipped.
    """

    tasks: Mapping[str, Path]
    layer: Path
    native: Path
    zip_bytes: Mapping[str, int]
    layer_bytes: int
    native_bytes: int


def build_deployment(python: str, models: tuple[BenchModel, ...]) -> Deployment:
    """Build zips and layers with the project's own Makefiles and unpack them under `build/bench/deployed`.

    Parameters
    ----------
    python : str
        The interpreter of the bench; where it is not the 3.13 the Makefiles compile for, bytecode is compiled again.
    models : tuple of BenchModel
        The functions to build.

    Raises
    ------
    EnvironmentNotReadyError
        If a target fails.
    """
    parts = LAYERS | {model.slug: (model.source, f"build-{model.package}") for model in models}
    zips, folders = {}, {}
    for name, (source, target) in parts.items():
        zips[name] = zip_folder(build_part(name, source, target, python=python), BUILD / "built" / f"{name}.zip")
        folders[name] = unzip(zips[name], BUILD / "deployed" / name)
        if name != "native" and not has_bytecode(folders[name], python):
            compile_bytecode(python, folders[name])
    return Deployment(
        tasks={model.slug: folders[model.slug] for model in models},
        layer=folders["ratecard"] / "python",
        native=folders["native"] / "lib",
        zip_bytes={model.slug: zips[model.slug].stat().st_size for model in models},
        layer_bytes=folder_bytes(folders["ratecard"]),
        native_bytes=folder_bytes(folders["native"]),
    )


def build_part(name: str, source: Path, target: str, *, python: str) -> Path:
    """Run one part's SAM target (BuildMethod: makefile) into a fresh folder."""
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
