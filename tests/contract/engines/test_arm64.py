"""The arm64 native layer, run under qemu, scores as the x86-64 layer does.

Run by `python layers/native/prove_arm64.py`, which fetches what it needs; not part of the default run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import graphs
from support.artifacts import write_model
from support.boosters import LIGHTGBM_MODELS, NAMES, XGBOOST_MODELS, made_rows, train_lightgbm, train_xgboost
from support.rows import CODES, FLOAT32_LARGEST

SCORER = Path(__file__).parents[2] / "support" / "score_artifacts.py"

#: Largest difference an ONNX graph may show between the architectures, relative or absolute: the platform's bar.
TOLERANCE = 1e-6

#: Largest difference where arithmetic is more than adding leaves: compilers for arm64 join a multiplication and an
#: addition into one rounding, which shows in the last digits (LightGBM adds in float64, XGBoost in float32).
ROUNDING = {"lightgbm": 1e-12, "xgboost": 1e-5}

#: XGBoost multiplies each DART tree by its weight while it adds them up, so its margins are rounded in this way too.
WEIGHTED = "xgboost-dart"

Rows = list[list[float | int | str]]
Outcome = dict[str, list[list[str]]]

pytestmark = pytest.mark.arm64


def edge_rows() -> Rows:
    """Made rows, then missing values, extremes and unseen categories."""
    edges = [[value] * len(NAMES) for value in (float("nan"), 0.0, -0.0, 1e-45, FLOAT32_LARGEST, -FLOAT32_LARGEST)]
    codes = [[0.5] * (len(NAMES) - 1) + [code] for code in CODES]
    return [*made_rows(40).tolist(), *edges, *codes]


def usual_rows() -> Rows:
    """Made rows, scaled, nothing missing: what a graph without imputation takes."""
    scale = np.array([1, 1, 1e-3, 1e6, 1e12, 1, 1, 1])
    return (np.nan_to_num(made_rows(60)) / scale).tolist()


def write_job(folder: Path) -> dict[str, dict[str, object]]:
    """Write an artifact of every kind; answer what to score with each."""
    job: dict[str, dict[str, object]] = {}
    for kind in LIGHTGBM_MODELS:
        content = train_lightgbm(kind).model_to_string().encode()
        artifact = write_model(folder / f"lightgbm-{kind}", "lightgbm", content, NAMES)
        job[artifact.name] = {"folder": str(artifact), "rows": edge_rows()}
    for kind in XGBOOST_MODELS:
        artifact = write_model(folder / f"xgboost-{kind}", "xgboost", bytes(train_xgboost(kind).save_raw("ubj")), NAMES)
        job[artifact.name] = {"folder": str(artifact), "rows": edge_rows()}
    for kind, make in graphs.NUMERIC.items():
        artifact = write_model(folder / f"onnx-{kind}", "onnx", make().SerializeToString(), NAMES)
        job[artifact.name] = {"folder": str(artifact), "rows": usual_rows()}
    texts = write_model(folder / "onnx-texts", "onnx", graphs.texts().SerializeToString(), ["degree", "other"])
    job[texts.name] = {"folder": str(texts), "rows": [["graduate", "school"], ["", "other"], ["université", "?"]]}
    mixed = write_model(folder / "onnx-mixed", "onnx", graphs.mixed().SerializeToString(), graphs.MIXED_NAMES)
    job[mixed.name] = {"folder": str(mixed), "rows": [[0.5, 3, "own", 0.25], [-1e30, -(2**40), "unseen", 1e-300]]}
    return job


def run_scorer(python: list[str], layer: Path, job: Path) -> list[Outcome]:
    """Score the job with a Python and a native layer."""
    library = SCORER.parents[2] / "layers" / "ratecard" / "src"
    command = [*python, str(SCORER), str(layer), str(job)]
    environment = os.environ | {"PYTHONPATH": str(library)}
    child = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    return [json.loads(line) for line in child.stdout.splitlines()]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Outcome, Outcome]]:
    """What both architectures answer, by artifact: x86-64 first."""
    home, native = repository / "build" / "arm64", repository / "build" / "native"
    emulator, python = home / "qemu" / "usr" / "bin" / "qemu-aarch64", home / "root" / "usr" / "bin" / "python3.13"
    if "arm64" not in str(request.config.getoption("markexpr")):
        pytest.skip("runs by `python layers/native/prove_arm64.py` only: emulation takes its time")
    if not all(path.exists() for path in (emulator, python, native / "arm64" / "lib", native / "x86_64" / "lib")):
        pytest.skip(
            "no emulator, arm64 root or layer: `python layers/native/prove_arm64.py --prepare-only` fetches them"
        )
    tasks = write_job(tmp_path_factory.mktemp("arm64"))
    job = tmp_path_factory.mktemp("job") / "job.json"
    job.write_text(json.dumps(list(tasks.values())))
    emulated = [str(emulator), "-L", str(home / "root"), str(python)]
    here = run_scorer([sys.executable], native / "x86_64" / "lib", job)
    there = run_scorer(emulated, native / "arm64" / "lib", job)
    return dict(zip(tasks, zip(here, there, strict=True), strict=True))


def difference(one: list[list[str]], other: list[list[str]]) -> float:
    """Largest difference, relative above 1 and absolute below."""
    left, right = (np.array([[float.fromhex(value) for value in row] for row in rows]) for rows in (one, other))
    both = np.isnan(left) & np.isnan(right)
    return float(np.max(np.where(both, 0.0, np.abs(left - right) / np.maximum(1.0, np.abs(left)))))


@pytest.mark.parametrize("engine", ["lightgbm", "xgboost"])
def test_boosters_agree_to_the_last_bit(engine: str, outcomes: dict[str, tuple[Outcome, Outcome]]) -> None:
    """Margins of one row and of many are the same numbers on both architectures; contributions differ by rounding."""
    for name, (here, there) in outcomes.items():
        if name.startswith(engine):
            margins = max(difference(here[part], there[part]) for part in ("together", "alone"))
            parts = difference(here["contributions"], there["contributions"])
            print(f"{name}: {here['library']}, {len(here['alone'])} rows, {margins:.1e}, contributions {parts:.1e}")
            assert margins <= ROUNDING[engine]
            assert parts <= ROUNDING[engine]
            if name != WEIGHTED:
                assert (here["together"], here["alone"]) == (there["together"], there["alone"])


def test_graphs_agree_within_the_bar(outcomes: dict[str, tuple[Outcome, Outcome]]) -> None:
    """ONNX Runtime has kernels of its own for each architecture; what they answer differs by rounding at most."""
    for name, (here, there) in outcomes.items():
        if name.startswith("onnx"):
            worst = max(difference(here[part], there[part]) for part in ("together", "alone"))
            print(f"{name}: {here['library']}, {len(here['alone'])} rows, largest difference {worst:.1e}")
            assert worst <= TOLERANCE
