"""The committed artifact, its measurements and its card belong together, and the recipe makes them again."""

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from credit_rating.contract import CONTRACT, GRADE_FLOORS, GRADES
from ratecard.engines.manifest import load_manifest
from ratecard_workbench.training.artifact import Provenance
from ratecard_workbench.training.table import load_csv

MODEL = Path(__file__).resolve().parents[3] / "functions" / "models" / "credit_rating"
ARTIFACT = MODEL / "src" / "credit_rating" / "artifact"
RECIPE = MODEL / "training" / "recipe.py"
MEASURED = json.loads((MODEL / "training" / "measured.json").read_text())


def run_recipe(target: Path, shared: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe as a person would."""
    command = [sys.executable, str(RECIPE), "--quiet", "--target", str(target), *options]
    environ = os.environ | {"RATECARD_DATA_DIR": str(shared / "data")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def read_artifact(target: Path) -> dict[str, bytes]:
    """Return the files of an artifact."""
    return {path.name: path.read_bytes() for path in (target / "src" / "credit_rating" / "artifact").iterdir()}


@pytest.fixture(scope="module")
def retrained(tmp_path_factory, requires_shared):
    """Train twice, on all rows, into folders of the test."""
    targets = [tmp_path_factory.mktemp(f"run{number}") for number in (1, 2)]
    for target in targets:
        finished = run_recipe(target, requires_shared, "--artifact-only")
        assert finished.returncode == 0, finished.stderr
    return targets


@pytest.mark.xdist_group("credit-rating-recipe")
def test_two_runs_write_the_same_bytes(retrained):
    """The recipe is seeded from the split to the last digit of the manifest."""
    first, second = (read_artifact(target) for target in retrained)
    assert first == second


@pytest.mark.xdist_group("credit-rating-recipe")
def test_the_committed_artifact_is_the_recipes(retrained):
    """Another processor may sum otherwise, so scores are compared and not bytes; the rest of the manifest is equal."""
    again = retrained[0] / "src" / "credit_rating" / "artifact"
    ours, theirs = load_manifest(ARTIFACT), load_manifest(again)
    assert (ours.columns, ours.data_sha256, ours.recipe["sha256"]) == (
        theirs.columns,
        theirs.data_sha256,
        theirs.recipe["sha256"],
    )
    assert ours.calibration.slope == pytest.approx(theirs.calibration.slope, abs=0.01)
    rows = np.random.default_rng(1).uniform(0, 2, (500, len(ours.columns)))
    one, two = (
        lightgbm.Booster(model_file=str(folder / "model.txt")).predict(rows, raw_score=True)
        for folder in (ARTIFACT, again)
    )
    assert np.abs(one - two).mean() < 0.02


def test_the_artifact_was_made_by_the_recipe_that_is_committed():
    """A changed recipe asks for a new training: its digest is in the manifest."""
    described = Provenance(RECIPE, MODEL.parents[2], "").describe_recipe()
    assert load_manifest(ARTIFACT).recipe["sha256"] == described["sha256"]
    assert load_manifest(ARTIFACT).recipe["path"] == described["path"]


def test_the_artifact_is_small():
    """Load time is cold start, and every leaf is paid for in each explanation."""
    assert (ARTIFACT / "model.txt").stat().st_size < 100_000
    assert load_manifest(ARTIFACT).metrics["trees"] <= 80


def test_the_cross_validated_auc_reaches_the_bar():
    """At least 0.78 over five repeats of five folds, with an interval that holds it."""
    auc = MEASURED["measured"]["cross_validated_auc"]
    assert auc["value"] >= 0.78
    assert auc["lower"] < auc["value"] < auc["upper"]
    assert auc["upper"] - auc["lower"] < 0.02


def test_the_probabilities_are_calibrated():
    """Slope 1 and intercept 0 lie within the intervals on rows the model has not seen."""
    for rows in ("holdout", "all_rows"):
        figures = MEASURED["measured"][rows]
        assert figures["calibration_slope"]["lower"] < 1 < figures["calibration_slope"]["upper"]
        assert figures["calibration_intercept"]["lower"] < 0 < figures["calibration_intercept"]["upper"]


@pytest.mark.parametrize("table", ["grades", "grades_holdout"])
def test_the_contracts_grades_are_the_measured_ones(table):
    """Ten grades, the contract's floors, and default rates that rise strictly from each to the next."""
    rows = MEASURED["measured"][table]
    assert [(row["grade"], row["floor"]) for row in rows] == [*GRADE_FLOORS, (GRADES[-1], None)]
    rates = [row["rate"]["value"] for row in rows]
    assert all(better < worse for better, worse in itertools.pairwise(rates))


def test_intervals_of_neighbouring_grades_do_not_overlap():
    """On all rows each grade is told from the next beyond its 95 % interval."""
    rates = [row["rate"] for row in MEASURED["measured"]["grades"]]
    assert all(better["upper"] < worse["lower"] for better, worse in itertools.pairwise(rates))


def test_the_asked_for_alternatives_are_measured():
    """All seven of the issue are in the table, on the same folds, each with its difference."""
    names = [row["name"] for row in MEASURED["comparison"]]
    asked = ("Logistic", "Decision tree", "Random forest", "AdaBoost", "Naive Bayes", "GBDT", "XGBoost")
    assert all(any(name.startswith(one) for name in names) for one in asked)
    assert all(row["difference"] for row in MEASURED["comparison"][1:])


def test_the_tree_budget_loses_less_than_a_thousandth():
    """More trees than the model has would not be worth their time."""
    best = max(row["auc"] for row in MEASURED["budgets"])
    ours = next(row for row in MEASURED["budgets"] if row["trees"] == MEASURED["trees"])
    assert best - ours["auc"] < 0.001


def test_the_card_says_what_was_measured():
    """Headline figures, every figure's name and each protected attribute are in the card, and no gap is open."""
    card = (MODEL / "MODEL_CARD.md").read_text()
    auc = MEASURED["measured"]["cross_validated_auc"]
    assert f"{auc['value']:.4f} [{auc['lower']:.4f}, {auc['upper']:.4f}]" in card
    for word in ("Gini", "KS", "average precision", "Brier", "calibration slope", "sex", "marital status", "age"):
        assert word in card
    assert "$" not in card


def test_every_training_row_lies_within_the_contract(requires_shared):
    """Bounds were chosen around the data: no row of it would be refused."""
    sys.path.insert(0, str(MODEL / "training"))
    try:
        specification = importlib.util.spec_from_file_location(
            "credit_rating_data", MODEL / "training" / "credit_rating_data.py"
        )
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    table = load_csv(requires_shared / "data" / "taiwan_credit_default" / "UCI_Credit_Card.csv.gz")
    population, cleaning = module.clean_table(table)
    assert len(population) == cleaning.rows_read - cleaning.repeated == 29_965
    assert population.columns.shape == (29_965, len(CONTRACT.columns))
    assert set(population.groups) == {"sex", "marital status", "age"}
    assert MEASURED["cleaning"]["repeated"] == cleaning.repeated


def test_without_data_the_recipe_says_how_to_get_it(tmp_path):
    """One sentence with the official address, and an exit code that is not success."""
    environ = {name: value for name, value in os.environ.items() if name != "RATECARD_DATA_DIR"}
    finished = subprocess.run(
        [sys.executable, str(RECIPE), "--quiet", "--target", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environ | {"XDG_CACHE_HOME": str(tmp_path)},
    )
    assert finished.returncode == 1
    assert "https://archive.ics.uci.edu/static/public/350/data.csv" in finished.stderr
    assert "Traceback" not in finished.stderr
