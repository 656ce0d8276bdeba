"""Which kind of model file it is, told by what stands in it and not by its name. Reads bytes and opens nothing."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ratecard_workbench.bring.refusals import Refused

PICKLES = ("joblib", "pickle")
COMPRESSED = (b"\x1f\x8b", b"x\x9c", b"x^", b"x\xda", b"x\x01", b"BZh", b"\xfd7zXZ", b"]\x00\x00", b"\x04\x22\x4d\x18")
"""First bytes of gzip, zlib, bzip2, xz, lzma and lz4, in which joblib may wrap a pickle."""

FLAVOURS = ("lightgbm", "xgboost", "onnx", "sklearn")
KNOWN = "a joblib, pickle or skops file of scikit-learn, a LightGBM text, an XGBoost UBJSON or JSON file, an ONNX graph"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file and what is known of it before it is opened.

    Attributes
    ----------
    kind : str
        "lightgbm", "xgboost", "onnx", "skops" or "pickle".
    path : Path
        The file.
    versions : dict of str to str
        Library versions that an MLflow directory states.
    """

    kind: str
    path: Path
    versions: dict[str, str]

    @property
    def runs_code(self) -> bool:
        """Whether opening it runs whatever its maker put in."""
        return self.kind == "pickle"


def find_model_file(path: Path) -> ModelFile:
    """Tell what a file or an MLflow directory holds.

    Raises
    ------
    Refused
        If it is none of the known kinds.
    """
    if path.is_dir():
        return _find_in_mlflow(path)
    return ModelFile(kind_of(path), path, {})


def kind_of(path: Path) -> str:
    """Tell the kind of a file by its first bytes."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"tree\n"):
        return "lightgbm"
    if head.lstrip()[:1] == b"{" and b'"learner"' in head:
        return "xgboost"
    if head[:1] == b"{" and b"learner" in head[:64]:
        return "xgboost"
    if zipfile.is_zipfile(path) and "schema.json" in zipfile.ZipFile(path).namelist():
        return "skops"
    if head[:1] == b"\x80" or head.startswith(COMPRESSED):
        return "pickle"
    # An ONNX file is a protobuf message whose first field is its version, and which names its producer or graph.
    if head[:1] == b"\x08" and path.suffix != ".txt":
        return "onnx"
    raise Refused(f"{path.name} is none of the kinds that can be brought: {KNOWN}, or an MLflow directory{_hint(head)}")


def _hint(head: bytes) -> str:
    if b'"name":"tree"' in head.replace(b" ", b""):
        return " (it looks like LightGBM's JSON dump, which cannot be read back: use booster.save_model)"
    if head.lstrip().startswith(b"[") and b"nodeid" in head:
        return " (it looks like XGBoost's JSON dump, which cannot be read back: use booster.save_model)"
    return ""


def _find_in_mlflow(folder: Path) -> ModelFile:
    description = folder / "MLmodel"
    if not description.is_file():
        raise Refused(f"{folder.name} is a folder without MLmodel, so it is no MLflow model directory")
    try:
        flavours: dict[str, Any] = yaml.safe_load(description.read_text(encoding="utf-8"))["flavors"]
        name = next(name for name in FLAVOURS if name in flavours)
        flavour = dict(flavours[name])
    except StopIteration:
        raise Refused(f"{folder.name}/MLmodel has none of the flavours {', '.join(FLAVOURS)}") from None
    except (yaml.YAMLError, KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise Refused(f"{folder.name}/MLmodel cannot be read as MLflow's description of a model") from error
    inner = flavour.get("pickled_model") or flavour.get("data")
    path = folder / str(inner)
    if inner is None or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise Refused(f"{folder.name}/MLmodel names no model file in its folder for the flavour {name}")
    stated = {"sklearn_version": "scikit-learn", "lgb_version": "LightGBM", "xgb_version": "XGBoost"}
    versions = {library: str(flavour[key]) for key, library in stated.items() if flavour.get(key)}
    return ModelFile(kind_of(path), path, versions)


def xgboost_version(content: bytes) -> str | None:
    """Read the version that wrote an XGBoost JSON file; UBJSON files are read by the engine's own parser."""
    if content[:2] in (b"{L", b"{l", b"{i", b"{U"):
        from ratecard.engines.xgboost_ubjson import parse_model_version

        return parse_model_version(content)
    version = json.loads(content).get("version")
    return ".".join(str(part) for part in version) if isinstance(version, list) else None
