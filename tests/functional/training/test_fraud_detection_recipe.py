"""The simulator, the committed artifact, its measurements and its card; and the recipe, which needs no data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost

from ratecard.engines.manifest import load_manifest
from ratecard_workbench.training.artifact import Provenance

MODEL = Path(__file__).resolve().parents[3] / "functions" / "models" / "fraud_detection"
ARTIFACT = MODEL / "src" / "fraud_detection" / "artifact"
RECIPE = MODEL / "training" / "recipe.py"
sys.path.append(str(MODEL / "training"))

import fraud_detection_handbook as handbook  # noqa: E402
from fraud_detection_simulator import World, simulate  # noqa: E402

MEASURED = json.loads((MODEL / "training" / "measured.json").read_text())
HANDBOOK = MEASURED["handbook"]


def run_recipe(target: Path, *options: str) -> str:
    """Run the recipe as a person without any data would; return what it says on stderr."""
    command = [sys.executable, str(RECIPE), "--quiet", "--target", str(target), *options]
    environ = {name: value for name, value in os.environ.items() if name != "RATECARD_DATA_DIR"}
    environ["XDG_CACHE_HOME"] = str(target)
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert finished.returncode == 0, finished.stderr
    return finished.stderr


def test_two_small_runs_without_data_write_the_same_bytes(tmp_path):
    """From the first draw of the simulator to the last digit of the manifest."""
    targets = [tmp_path / "one", tmp_path / "two"]
    for target in targets:
        run_recipe(target, "--rows", "2500", "--artifact-only")
    first, second = (
        {path.name: path.read_bytes() for path in (target / "src/fraud_detection/artifact").iterdir()}
        for target in targets
    )
    assert first == second
    assert set(first) == {"model.ubj", "manifest.json"}


@pytest.mark.slow(38)
def test_the_committed_artifact_is_the_recipes(tmp_path):
    """Every user can make it again: the same data to the digest, the same scores."""
    run_recipe(tmp_path, "--artifact-only")
    again = tmp_path / "src" / "fraud_detection" / "artifact"
    ours, theirs = load_manifest(ARTIFACT), load_manifest(again)
    assert (ours.columns, ours.data_sha256) == (theirs.columns, theirs.data_sha256)
    assert ours.calibration.slope == pytest.approx(theirs.calibration.slope, abs=0.01)
    rows = xgboost.DMatrix(np.random.default_rng(1).uniform(0, 2, (500, len(ours.columns))), feature_names=ours.columns)
    one, two = (xgboost.Booster(model_file=str(folder / "model.ubj")).predict(rows) for folder in (ARTIFACT, again))
    assert np.abs(one - two).mean() < 0.02


def test_the_artifact_was_made_by_the_recipe_that_is_committed():
    """A changed recipe asks for a new training: its digest is in the manifest."""
    described = Provenance(RECIPE, MODEL.parents[2], "").describe_recipe()
    assert load_manifest(ARTIFACT).recipe["sha256"] == described["sha256"]
    assert load_manifest(ARTIFACT).metrics["trees"] == MEASURED["trees"] <= 80
    assert (ARTIFACT / "model.ubj").stat().st_size < 150_000


def test_the_handbooks_split_and_scores_are_reached():
    """Its very rows; AUC, average precision and card precision at least those of its XGBoost and its random forest."""
    assert HANDBOOK["rows"] == {"train": 67_240, "test": 58_264}
    own = HANDBOOK["procedures"][0]
    found = (own["auc"], own["average_precision"], own["card_precision"])
    for name in ("XGBoost", "Random forest"):
        for figure, published in zip(found, handbook.SCORES[name], strict=True):
            assert figure["value"] >= published
            assert figure["lower"] < figure["value"] < figure["upper"]


@pytest.mark.parametrize("table", [HANDBOOK["procedures"], MEASURED["procedures"], MEASURED["comparison"]])
def test_the_asked_for_alternatives_are_measured(table):
    """All nine of the issue, on the handbook's transactions and on our own."""
    names = [row["name"] for row in table]
    asked = ("Logistic", "Decision tree", "Random forest", "Support vectors", "AdaBoost", "Naive Bayes", "GBDT")
    assert all(any(name.startswith(one) for name in names) for one in (*asked, "XGBoost", "LightGBM"))


def test_the_actions_keep_within_the_budget():
    """At most 100 cards a day in the test week, about so many in the training week; most blocks are frauds."""
    stepped_up, blocked, both = MEASURED["actions"]
    assert (stepped_up["action"], blocked["action"]) == ("step_up", "block")
    assert both["cards_a_day"] <= handbook.ALERTS
    assert MEASURED["development_cards_a_day"] == pytest.approx(handbook.ALERTS, rel=0.05)
    assert blocked["precision"] > 0.8
    assert both["value_recall"] > 0.8
    assert both["recall"] == pytest.approx(stepped_up["recall"] + blocked["recall"], abs=1e-5)


def test_the_card_says_what_was_measured():
    """Headline figures of both worlds, money and limits are in the card, and no gap is open."""
    card = (MODEL / "MODEL_CARD.md").read_text()
    own = HANDBOOK["procedures"][0]
    for figure in (own["auc"], own["average_precision"], own["card_precision"]):
        assert f"{figure['value']:.3f} [{figure['lower']:.3f}, {figure['upper']:.3f}]" in card
    auc = MEASURED["measured"]["pooled_auc"]
    assert f"{auc['value']:.4f} [{auc['lower']:.4f}, {auc['upper']:.4f}]" in card
    for word in ("value of frauds", "Outcomes come late", "Drift", "licence is not stated", "not approved"):
        assert word in card
    assert "$" not in card


def test_without_the_handbooks_file_its_figures_are_taken_from_before(tmp_path):
    """With the same settings, and the card says so; with others, or nowhere, it says that nothing was compared."""
    measured = MODEL / "training" / "measured.json"
    stored = handbook.find_stored(measured, HANDBOOK["settings"])
    assert stored == HANDBOOK
    assert "measured earlier with the same settings" in handbook.write_comparison(stored, fresh=False)
    assert handbook.find_stored(measured, "other settings") is None
    assert handbook.find_stored(tmp_path / "measured.json", HANDBOOK["settings"]) is None
    assert "Not compared here" in handbook.write_comparison(None, fresh=False)


@pytest.fixture(scope="module")
def world():
    """The whole world, for two months."""
    return simulate(World(days=60), 3)


def test_the_simulated_world_is_as_described(world):
    """About two payments a day and customer around noon; amounts positive; the seed says everything."""
    again = simulate(World(days=60), 3)
    for name in world.__slots__:
        assert np.array_equal(getattr(world, name), getattr(again, name))
    assert not np.array_equal(world.amounts[:1000], simulate(World(days=60), 4).amounts[:1000])
    assert 9_000 < world.seconds.size / 60 < 10_200
    assert np.all(np.diff(world.seconds) >= 0)
    assert (world.days.min(), world.days.max()) == (0, 59)
    assert world.amounts.min() >= 0
    assert 0.46 < np.mean(world.seconds % 86_400 < 43_200) < 0.54


def test_the_three_scenarios_make_what_the_handbook_counts(world):
    """Every amount above 220 is fraud; kinds are as frequent as in the handbook: 973, 9,077 and 4,631 in 183 days.

    Two months begin without compromised terminals, so scenario 2 is somewhat rarer.
    """
    assert np.all(world.frauds[world.amounts > 220] == 1)
    counts = np.bincount(world.scenarios) * 183 / 60
    assert counts[1] == pytest.approx(973, rel=0.3)
    assert counts[2] == pytest.approx(9_077 * (60 - 14) / 60, rel=0.15)
    assert counts[3] == pytest.approx(4_631, rel=0.15)
    stolen = world.amounts[world.scenarios == 3]
    assert np.median(stolen) == pytest.approx(5 * np.median(world.amounts[world.scenarios == 0]), rel=0.2)


def test_customers_pay_nearby_and_compromised_terminals_stay_so_for_weeks():
    """In a world without other fraud: few terminals a customer, and a terminal's frauds are one run of 28 days."""
    small = World(customers=80, terminals=400, days=70, terminals_a_day=1, customers_a_day=0, large_amount=1e9)
    found = simulate(small, 9)
    for customer in np.unique(found.customers)[:20]:
        assert np.unique(found.terminals[found.customers == customer]).size <= 15
    for terminal in np.unique(found.terminals[found.scenarios == 2])[:10]:
        theirs = found.terminals == terminal
        days = np.unique(found.days[theirs & (found.scenarios == 2)])
        assert set(found.scenarios.tolist()) == {0, 2}
        inside = theirs & (found.days >= days[0]) & (found.days <= days[-1])
        if days[-1] - days[0] < 28:
            assert np.all(found.scenarios[inside] == 2)
