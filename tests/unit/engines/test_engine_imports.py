"""What loading an engine imports: that is the cold start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import graphs
from support.artifacts import write_model
from support.boosters import NAMES, train_lightgbm, train_xgboost
from support.cards import encode_card, made_card
from support.wordmodels import COLUMN, encode_words, made_words

#: What costs more than it gives (DESIGN.md, reference/engines.md), and what has no place in a function.
FORBIDDEN = {"typing", "dataclasses", "inspect", "datetime", "uuid", "hashlib", "pathlib", "numpy", "pandas", "scipy"}
FORBIDDEN |= {"lightgbm", "xgboost", "onnxruntime", "onnx", "sklearn", "subprocess", "tempfile", "logging"}

SCRIPT = """
import json, sys
before = set(sys.modules)
from ratecard.engines import load_engine, load_manifest
engine = load_engine(sys.argv[1], load_manifest(sys.argv[1]), sys.argv[2])
row = ["a loan"] if engine.name == "text" else [0.5] * engine.columns
engine.score([row])
print(json.dumps(sorted(set(sys.modules) - before)))
"""

MODELS = {
    "lightgbm": lambda: train_lightgbm("binary").model_to_string().encode(),
    "xgboost": lambda: bytes(train_xgboost("binary").save_raw("ubj")),
    "onnx": lambda: graphs.logistic().SerializeToString(),
    "scorecard": lambda: encode_card(made_card()),
    "text": lambda: encode_words(made_words()),
}
COLUMNS = {"text": [COLUMN]}
CHANGES = {"text": {"output": "log_odds_by_class"}}


def write_artifact(folder: Path, engine: str) -> Path:
    """Write a sound artifact of an engine."""
    return write_model(folder, engine, MODELS[engine](), COLUMNS.get(engine, NAMES), **CHANGES.get(engine, {}))


@pytest.mark.parametrize("engine", MODELS)
def test_an_engine_imports_itself_and_little_else(engine: str, native_dir: Path, tmp_path: Path) -> None:
    """No numpy, no front end, none of the slow modules, and no other engine."""
    folder = write_artifact(tmp_path, engine)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(native_dir)]
    imported = set(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))

    assert not imported & FORBIDDEN
    assert engine not in {"scorecard", "text"} or "ctypes" not in imported
    assert {name for name in MODELS if f"ratecard.engines.{name}" in imported} == {engine}


@pytest.mark.parametrize("engine", MODELS)
def test_an_engine_prints_nothing(engine: str, native_dir: Path, tmp_path: Path) -> None:
    """Usage lines own stdout, people own stderr: loading, scoring and explaining are silent."""
    folder = write_artifact(tmp_path, engine)
    script = SCRIPT.replace("print(", "str(") + (
        "engine.score([row if engine.name == 'text' else [float('nan')] * engine.columns] * 3)\n"
        "if engine.name != 'onnx': engine.contributions([row])\n"
        "engine.close()\n"
    )
    command = [sys.executable, "-c", script, str(folder), str(native_dir)]
    child = subprocess.run(command, capture_output=True, check=True)

    assert (child.stdout, child.stderr) == (b"", b"")
