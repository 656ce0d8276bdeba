"""Artifacts of any engine, written as the workbench exports them, and a child process that loads them."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from ratecard.engines import Engine, load_engine, load_manifest

SUFFIXES = {"lightgbm": ".txt", "xgboost": ".ubj", "onnx": ".onnx", "scorecard": "-scorecard.json", "text": ".words"}
VERSIONS = {"lightgbm": "4.7.0", "xgboost": "3.2.0", "onnx": "1.31.1", "scorecard": "1.0.0", "text": "1.0.0"}

LOADER = Path(__file__).with_name("load_artifacts.py")


def describe_artifact(engine: str, content: bytes, columns: list[str]) -> dict[str, object]:
    """Build the manifest of a model file."""
    return {
        "format": 1,
        "model": "any-model",
        "version": "1.0.0",
        "engine": engine,
        "engine_version": VERSIONS[engine],
        "files": {f"model{SUFFIXES[engine]}": hashlib.sha256(content).hexdigest()},
        "columns": columns,
        "output": "log_odds",
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "metrics": {"auc": 0.8},
        "recipe": {"path": "recipe.py", "sha256": "0" * 64, "commit": "0" * 40},
        "data_sha256": "0" * 64,
        "trained_with": {"python": "3.11"},
    }


def write_model(folder: Path, engine: str, content: bytes, columns: list[str], **changes: object) -> Path:
    """Write a model file and a manifest whose digest is right, whatever the file holds; `changes` are members of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"model{SUFFIXES[engine]}").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(describe_artifact(engine, content, columns) | changes))
    return folder


def add_file(folder: Path, name: str, content: bytes) -> None:
    """Write a further file into an artifact, and list it."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def open_engine(folder: Path, native_dir: Path) -> Engine:
    """Load an artifact as a function does."""
    return load_engine(str(folder), load_manifest(folder), str(native_dir))


def load_in_child(native_dir: Path, folders: list[Path]) -> tuple[int, list[dict[str, object]]]:
    """Load artifacts, one after another, in one child process.

    Returns
    -------
    tuple
        The exit status (negative is a signal) and one outcome per artifact that the child lived to tell:
        {"scores": ...} or {"code": ..., "detail": ...}. Anything else on stdout is an error of the test.
    """
    command = [sys.executable, str(LOADER), str(native_dir), *map(str, folders)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    return child.returncode, [json.loads(line) for line in child.stdout.splitlines()]
