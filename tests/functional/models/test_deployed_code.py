"""Every model runs with nothing but what is deployed: its own source, the library and the native layer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODELS = sorted(path for path in ROOT.glob("functions/models/*") if (path / "src" / path.name / "handler.py").is_file())

PROGRAM = """
import sys, json, types
sys.path[:0] = sys.argv[1:3]
import importlib
before = set(sys.modules)
handler = importlib.import_module(sys.argv[3] + ".handler")
from ratecard.contract.sample import sample_row
row = sample_row(importlib.import_module(sys.argv[3] + ".contract").CONTRACT)
context = types.SimpleNamespace(aws_request_id="r-1")
def blocked(*_): raise AssertionError("network")
import socket
socket.socket.connect = blocked
event = {"httpMethod": "POST", "path": sys.argv[4], "body": json.dumps(row), "headers": {}, "requestContext": {}}
answer = handler.lambda_handler(event, context)
print(json.dumps({"status": answer["statusCode"], "modules": sorted(set(sys.modules) - before)}))
"""

HEAVY = {"numpy", "pandas", "scipy", "sklearn", "lightgbm", "xgboost", "onnxruntime", "boto3", "botocore", "joblib"}
SLOW_STANDARD = {"dataclasses", "typing", "inspect", "hashlib", "datetime", "uuid"}


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_a_model_runs_with_only_its_layers(model, native_dir):
    """No site-packages, no network: one row in, 200 out, and nothing heavy was imported for it."""
    slug = model.name.replace("_", "-")
    arguments = [str(model / "src"), str(ROOT / "layers/ratecard/src"), model.name, f"/v1/models/{slug}/predict"]
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"RATECARD_NATIVE_DIR": str(native_dir), "PATH": os.environ["PATH"]},
    )
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout.splitlines()[-1])
    assert report["status"] == 200
    roots = {name.split(".")[0] for name in report["modules"]}
    assert not roots & HEAVY
    assert not roots & SLOW_STANDARD - {"typing"} if sys.version_info >= (3, 14) else not roots & SLOW_STANDARD


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "foreign", "manifest"])
def test_a_tampered_artifact_does_not_start(model, damage, native_dir, tmp_path):
    """One changed bit, a short file, a missing file, another model's file or manifest: the import fails, cleanly."""
    import shutil

    source = tmp_path / "src"
    shutil.copytree(model / "src", source)
    artifact = source / model.name / "artifact"
    manifest = json.loads((artifact / "manifest.json").read_text())
    file = artifact / next(iter(manifest["files"]))
    content = file.read_bytes()
    if damage == "flip":
        file.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    elif damage == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "remove":
        file.unlink()
    elif damage == "foreign":
        file.write_bytes(b"\x89PNG\r\n\x1a\n" * 100)
    else:
        columns = manifest["columns"][::-1] if len(manifest["columns"]) > 1 else ["another"]
        (artifact / "manifest.json").write_text(json.dumps({**manifest, "columns": columns}))
    arguments = [str(source), str(ROOT / "layers/ratecard/src"), model.name, "/"]
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"RATECARD_NATIVE_DIR": str(native_dir), "PATH": os.environ["PATH"]},
    )
    assert finished.returncode == 1
    assert "ArtifactError" in finished.stderr.splitlines()[-1]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: Path(path).name)
def test_the_model_folder_is_complete(model):
    """Contract, decision, artifact, recipe, events and card are there."""
    source = model / "src" / model.name
    for part in ("handler.py", "contract.py", "decision.py", "artifact/manifest.json"):
        assert (source / part).is_file(), part
    for part in ("training/recipe.py", "MODEL_CARD.md"):
        assert (model / part).is_file(), part
    assert list((model / "events").glob("*.json"))
