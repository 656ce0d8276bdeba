"""Write an artifact: the model's text, as small as its scores allow, and the manifest that vouches for it."""

import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray

from ratecard.contract import ModelContract
from ratecard.kernel.digest import sha256_hex
from ratecard_workbench.training.platt import Platt

MODEL_FILE = "model.txt"
MANIFEST_FILE = "manifest.json"

REPORT_ONLY = ("split_gain=", "internal_value=", "internal_weight=", "leaf_weight=")
"""Lines of a tree that only reports read. Scores need splits and leaf values, TreeSHAP the counts beside them."""


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


def shorten_model(text: str) -> str:
    """Drop from LightGBM's text what serving does not read: reports, importances and training parameters.

    A model's load time grows with its text, and is part of every cold start.

    Parameters
    ----------
    text : str
        As `Booster.model_to_string` writes it.

    Returns
    -------
    str
        A whole model in the same format; `tree_sizes` is true again.
    """
    header, body = text.split("\n\n", 1)
    trees = body.split("end of trees\n", 1)[0].rstrip("\n").split("\n\n\n")
    kept = ["\n".join(_needed_lines(tree)) + "\n\n\n" for tree in trees]
    sizes = " ".join(str(len(tree.encode())) for tree in kept)
    lines = [f"tree_sizes={sizes}" if line.startswith("tree_sizes=") else line for line in header.split("\n")]
    return "\n".join(lines) + "\n\n" + "".join(kept) + "end of trees\n"


def _needed_lines(tree: str) -> list[str]:
    return [line for line in tree.strip("\n").split("\n") if not line.startswith(REPORT_ONLY)]


def check_model(text: str, booster: lightgbm.Booster, columns: NDArray[np.float64]) -> None:
    """Refuse a model text whose scores or contributions differ by a single bit from the booster's.

    Raises
    ------
    ExportError
        If they differ on any of the rows.
    """
    read = lightgbm.Booster(model_str=text)
    for kind in ({"raw_score": True}, {"pred_contrib": True}):
        if not np.array_equal(read.predict(columns, **kind), booster.predict(columns, **kind)):
            raise ExportError(f"the exported model differs from the trained one in {next(iter(kind))}")


def export_lightgbm(
    booster: lightgbm.Booster,
    contract: ModelContract,
    folder: Path,
    *,
    calibration: Platt,
    metrics: Mapping[str, object],
    provenance: Provenance,
    checked_on: NDArray[np.float64],
) -> dict[str, object]:
    """Write `model.txt` and `manifest.json`. The same model gives the same bytes: no times, no paths of a machine.

    Parameters
    ----------
    booster : Booster
        Trained on the contract's columns, in their order.
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
        Rows on which the written model must answer like the booster, bit for bit.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ExportError
        If it does not.
    """
    text = shorten_model(booster.model_to_string())
    check_model(text, booster, checked_on)
    content = text.encode()
    manifest: dict[str, object] = {
        "format": 1,
        "model": contract.slug,
        "version": contract.version,
        "engine": "lightgbm",
        "engine_version": version("lightgbm"),
        "files": {MODEL_FILE: sha256_hex(content)},
        "columns": list(contract.columns),
        "output": "log_odds",
        "calibration": {"slope": calibration.slope, "intercept": calibration.intercept},
        "metrics": dict(metrics),
        "recipe": provenance.describe_recipe(),
        "data_sha256": provenance.data_sha256,
        "trained_with": {"lightgbm": version("lightgbm"), "python": ".".join(platform.python_version_tuple()[:2])},
    }
    store_artifact(folder, {MODEL_FILE: content, MANIFEST_FILE: write_json(manifest)})
    return manifest


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
