"""The artifact: the model's files and the manifest that vouches for them."""

import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ratecard.contract import ModelContract
from ratecard.kernel.digest import sha256_hex
from ratecard_workbench.training.platt import Platt

MANIFEST_FILE = "manifest.json"


class ExportError(RuntimeError):
    """The model that would be written does not answer like the one that was trained."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artifact comes from.

    Attributes
    ----------
    recipe : Path
        The recipe's file.
    repository : Path
        Folder that the recipe's path is given relative to.
    data_sha256 : str
        Digest of the training data.
    """

    recipe: Path
    repository: Path
    data_sha256: str

    def describe_recipe(self) -> dict[str, str | None]:
        """Return the recipe's path, the digest of it and the modules beside it, and their commit (None outside Git)."""
        modules = sorted(self.recipe.parent.glob("*.py"))
        digests = "".join(f"{sha256_hex(module.read_bytes())}  {module.name}\n" for module in modules)
        return {
            "path": self.recipe.relative_to(self.repository).as_posix(),
            "sha256": sha256_hex(digests.encode()),
            "commit": find_commit(self.recipe.parent),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What an artifact holds beside the model.

    Attributes
    ----------
    contract : ModelContract
        Gives slug, version and columns.
    folder : Path
        The artifact's folder; made if need be. Other files in it are removed.
    calibration : Platt
        Fitted on margins of rows the model had not seen.
    metrics : mapping
        Headline figures, JSON values.
    provenance : Provenance
        Where the model comes from.
    checked_on : array of float64, shape (rows, columns)
        Rows on which the written model must answer like the trained one.
    """

    contract: ModelContract
    folder: Path
    calibration: Platt
    metrics: Mapping[str, object]
    provenance: Provenance
    checked_on: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """What one engine needs.

    Attributes
    ----------
    engine : str
        Name of the engine, as the manifest has it.
    engine_version : str
        Version of the library whose format the files have.
    files : mapping of str to bytes
        Content by file name, the model's own first.
    output : str
        What the scores are, as the manifest's member of that name has it: "log_odds", "probability", ...
    trained_with : tuple of str
        Distributions whose versions the manifest states.
    """

    engine: str
    engine_version: str
    files: Mapping[str, bytes]
    output: str
    trained_with: tuple[str, ...]


def store_release(release: Release, written: EngineFiles) -> dict[str, object]:
    """Write the files and `manifest.json`. The same model gives the same bytes: no times, no paths of a machine.

    Returns
    -------
    dict
        The manifest.
    """
    contract = release.contract
    manifest: dict[str, object] = {
        "format": 1,
        "model": contract.slug,
        "version": contract.version,
        "engine": written.engine,
        "engine_version": written.engine_version,
        "files": {name: sha256_hex(content) for name, content in written.files.items()},
        "columns": list(contract.columns),
        "output": written.output,
        "calibration": {"slope": release.calibration.slope, "intercept": release.calibration.intercept},
        "metrics": dict(release.metrics),
        "recipe": release.provenance.describe_recipe(),
        "data_sha256": release.provenance.data_sha256,
        "trained_with": {name: version(name) for name in written.trained_with}
        | {"python": ".".join(platform.python_version_tuple()[:2])},
    }
    store_artifact(release.folder, {**written.files, MANIFEST_FILE: write_json(manifest)})
    return manifest


def find_commit(folder: Path) -> str | None:
    """Return the hash of the commit that last changed a Python module in a folder, or None if Git knows of none.

    The last change rather than HEAD: an artifact is committed after its recipe, and training again must give its bytes.
    """
    command = ["git", "-C", str(folder), "log", "-1", "--format=%H", "--", "*.py"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return found or None


def store_artifact(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold exactly these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.name not in files:
            entry.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_json(content: Mapping[str, object]) -> bytes:
    """Write JSON for people and for version control: indented, keys as given, a newline at the end."""
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
