"""The comparison's model: trained once, pickled for the peers, published as a project of its own for us."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import BUILD, digest_of, ensure_environment, is_stamped, run_or_explain, write_stamp
from benchmarks.machine import ROOT
from ratecard.contract import ModelContract
from ratecard.contract.sample import sample_row as sample_of
from ratecard.kernel.digest import sha256_hex
from ratecard_workbench.publish.generate import generated_texts

PACKAGE = Path(__file__).parent / "bench_rows"
TRAINING = Path(__file__).parent / "servers" / "train_model.py"
PATH = "/v1/models/bench-rows/predict"
RENAMED = (("credit_rating", "bench_rows"), ("credit-rating", "bench-rows"), ("CreditRating", "BenchRows"))
COPIED = ("template.yaml", "samconfig.toml", "infra/ratecard.toml")
LINKED = ("layers", "build/native")


@dataclass(frozen=True, slots=True)
class Pair:
    """The trained model, as joblib's pickle and as LightGBM's text."""

    pickled: Path
    text: Path


def load_contract() -> ModelContract:
    """Load the contract of the comparison's model from its file."""
    spec = importlib.util.spec_from_file_location("bench_rows_contract", PACKAGE / "contract.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    contract: ModelContract = module.CONTRACT
    return contract


def sample_row() -> dict[str, object]:
    """Return the row that every server is asked."""
    return sample_of(load_contract())


def ensure_model() -> Pair:
    """Train the model, unless it is there from the same training file."""
    folder = BUILD / "model24"
    stamp = digest_of(TRAINING.read_bytes())
    if not is_stamped(folder, stamp):
        folder.mkdir(parents=True, exist_ok=True)
        run_or_explain([str(ensure_environment("flask")), str(TRAINING), str(folder)])
        write_stamp(folder, stamp)
    return Pair(folder / "model.joblib", folder / "model.txt")


def ensure_project(model: Pair) -> Path:
    """Write a project that publishes the model the way ours publishes credit-rating.

    The template, the plans and the generated API are this project's own with the model's name put in the place of
    credit-rating's; layers and native libraries are this project's.
    """
    project = BUILD / "project"
    shutil.rmtree(project, ignore_errors=True)
    for name in COPIED:
        copy_renamed(ROOT / name, project / name)
    for name in LINKED:
        link = project / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT / name)
    package = project / "functions" / "models" / "bench_rows" / "src" / "bench_rows"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    write_artifact(package / "artifact", model)
    for path, text in generated_texts(project).items():
        (project / path).write_text(text)
    return project


def copy_renamed(source: Path, target: Path) -> None:
    """Copy a text file of the project with the model's name replaced."""
    text = source.read_text()
    for old, new in RENAMED:
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def write_artifact(folder: Path, model: Pair) -> None:
    """Write model and manifest as a training would."""
    folder.mkdir()
    content = model.text.read_bytes()
    (folder / "model.txt").write_bytes(content)
    manifest = {
        "format": 1,
        "model": "bench-rows",
        "version": "1.0.0",
        "engine": "lightgbm",
        "engine_version": "4.7.0",
        "files": {"model.txt": sha256_hex(content)},
        "columns": list(load_contract().columns),
        "output": "log_odds",
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "metrics": {},
        "recipe": {
            "path": TRAINING.relative_to(ROOT).as_posix(),
            "sha256": sha256_hex(TRAINING.read_bytes()),
            "commit": None,
        },
        "data_sha256": "0" * 64,
        "trained_with": {"lightgbm": "4.7.0"},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
