"""The corporate-risk artifact, its measurements and its card belong together, and the recipe makes them again."""

import importlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from corporate_risk.contract import CONTRACT, GRADE_FLOORS, GRADES, TYPICAL
from ratecard.engines.manifest import load_manifest
from ratecard_workbench.training.artifact import Provenance
from ratecard_workbench.training.catalogue import get_data_set

MODEL = Path(__file__).resolve().parents[3] / "functions" / "models" / "corporate_risk"
ARTIFACT = MODEL / "src" / "corporate_risk" / "artifact"
RECIPE = MODEL / "training" / "recipe.py"
MEASURED = json.loads((MODEL / "training" / "measured.json").read_text())
CARD = (MODEL / "MODEL_CARD.md").read_text()
TIES = {year: {row["says"]: row for row in rows} for year, rows in MEASURED["ties"].items()}


def run_recipe(target: Path, shared: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe as a person would."""
    command = [sys.executable, str(RECIPE), "--quiet", "--target", str(target), *options]
    environ = os.environ | {"RATECARD_DATA_DIR": str(shared / "data")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def read_artifact(target: Path) -> dict[str, bytes]:
    """Return the files of an artifact."""
    return {path.name: path.read_bytes() for path in (target / "src" / "corporate_risk" / "artifact").iterdir()}


def find_subset(data: str) -> dict[str, dict]:
    """Return the comparison on one data set, by procedure."""
    (found,) = [subset for subset in MEASURED["subsets"] if subset["data"] == data]
    return {row["name"]: row for row in found["comparison"]}


@pytest.fixture(scope="module")
def companies(requires_shared):
    """Companies of year 3, as the recipe reads them."""
    sys.path.insert(0, str(MODEL / "training"))
    os.environ["RATECARD_DATA_DIR"] = str(requires_shared / "data")
    try:
        module = importlib.import_module("corporate_risk_data")
        return module, module.load_companies(get_data_set("polish_bankruptcy"), 3)
    finally:
        sys.path.pop(0)


@pytest.mark.slow(20)
def test_two_runs_write_the_same_bytes_and_the_committed_model(tmp_path, requires_shared):
    """Seeded to the last digit; another processor may sum otherwise, so with the committed one scores are compared."""
    for name in ("one", "two"):
        finished = run_recipe(tmp_path / name, requires_shared, "--artifact-only")
        assert finished.returncode == 0, finished.stderr
    assert read_artifact(tmp_path / "one") == read_artifact(tmp_path / "two")
    rows = np.random.default_rng(1).uniform(0, 2, (500, len(CONTRACT.columns)))
    again = tmp_path / "one/src/corporate_risk/artifact"
    one, two = (
        lightgbm.Booster(model_file=str(folder / "model.txt")).predict(rows, raw_score=True)
        for folder in (ARTIFACT, again)
    )
    assert np.abs(one - two).mean() < 0.02
    assert load_manifest(ARTIFACT).data_sha256 == load_manifest(again).data_sha256


def test_a_small_part_of_the_data_trains_to_the_end(tmp_path, requires_shared):
    """The recipe itself, on a quarter of the companies."""
    finished = run_recipe(tmp_path, requires_shared, "--artifact-only", "--rows", "2500")
    assert finished.returncode == 0, finished.stderr
    assert read_artifact(tmp_path).keys() == {"model.txt", "manifest.json"}


def test_the_artifact_was_made_by_the_recipe_that_is_committed():
    """A changed recipe asks for a new training: its digest is in the manifest."""
    described = Provenance(RECIPE, MODEL.parents[2], "").describe_recipe()
    assert load_manifest(ARTIFACT).recipe["sha256"] == described["sha256"]
    assert (ARTIFACT / "model.txt").stat().st_size < 100_000


def test_typical_values_are_the_healthy_medians(companies):
    """What an answer shows beside a company's ratios is computed from the data, not made up."""
    module, found = companies
    assert module.compute_typical(found.population) == TYPICAL


def test_training_rows_are_what_the_contract_takes(companies):
    """All rows lie within the bounds, none has a gap, and few had to be clipped or dropped."""
    _, found = companies
    cleaning = found.cleaning
    assert found.population.columns.shape == (10_358, 16)
    assert np.isfinite(found.population.columns).all()
    assert len(found.population) == cleaning.rows_read - cleaning.repeated - cleaning.incomplete
    assert cleaning.clipped / len(found.population) < 0.025
    assert MEASURED["cleaning"] == {name: getattr(cleaning, name) for name in MEASURED["cleaning"]}


@pytest.mark.parametrize("year", ["1", "3"])
def test_the_contracts_ratios_mean_the_same_for_both_groups(year):
    """Every tie that the contract rests on holds for at least 99 % of healthy and of bankrupt companies."""
    used = [row for row in TIES[year].values() if row["used"]]
    assert len(used) == 7
    assert min(min(row["healthy"], row["bankrupt"]) for row in used) > 0.99


@pytest.mark.parametrize("year", ["1", "3"])
def test_the_ratios_left_out_tell_who_computed_them(year):
    """The publisher's quick ratio is the quick ratio for the healthy only; interest cover is filled for them only."""
    quick = TIES[year]["Quick ratio (A46) from current assets and inventories"]
    cover = TIES[year]["Interest cover (A27) is given where there are no financial expenses"]
    assert quick["healthy"] > 0.99
    assert quick["bankrupt"] < 0.55
    assert cover["healthy"] > 0.8
    assert cover["bankrupt"] < 0.1


@pytest.mark.parametrize(("data", "published"), [("Poland, year 1", 0.945), ("Poland, year 3", 0.922)])
def test_all_64_columns_reach_what_is_published(data, published):
    """XGBoost of Zieba et al. 2016 by 10-fold cross-validation lies within the interval, or below it."""
    assert find_subset(data)["XGBoost, all 64 as published"]["auc"]["upper"] >= published
    assert find_subset(data)["LightGBM, all 64 as published"]["auc"]["upper"] >= published


def test_the_subset_loses_nothing_against_all_columns_that_mean_the_same():
    """On the model's year the difference to all of them holds zero."""
    names = find_subset("Poland, year 3")
    (row,) = [row for name, row in names.items() if name.endswith("mean the same for all")]
    assert row["difference"]["lower"] < 0 < row["difference"]["upper"]


def test_the_model_ranks_companies():
    """By ten folds and three repeats, with an interval well above chance, and calibrated."""
    auc = MEASURED["measured"]["cross_validated_auc"]
    assert 0.70 < auc["lower"] < auc["value"] < auc["upper"] < 0.80
    slope = MEASURED["measured"]["all_rows"]["calibration_slope"]
    assert slope["lower"] < 1 < slope["upper"]


def test_the_contracts_grades_are_the_measured_ones():
    """Six grades, the contract's floors, and bankruptcy rates told apart beyond their 95 % intervals."""
    rows = MEASURED["measured"]["grades"]
    assert [(row["grade"], row["floor"]) for row in rows] == [*GRADE_FLOORS, (GRADES[-1], None)]
    rates = [row["rate"] for row in rows]
    assert all(better["upper"] < worse["lower"] for better, worse in itertools.pairwise(rates))


def test_the_asked_for_alternatives_are_measured():
    """All of the issue are in the table, on the same folds, each with its difference."""
    names = [row["name"] for row in MEASURED["comparison"]]
    asked = ("Decision tree", "Random forest", "Support", "Naive Bayes", "AdaBoost", "GBDT", "XGBoost", "LightGBM")
    assert all(any(name.startswith(one) for name in names) for one in (*asked, "Logistic"))
    assert all(row["difference"] for row in MEASURED["comparison"][1:])


def test_the_card_says_what_was_measured():
    """Headline figures, the median of each ratio and every comparison are in the card, and no gap is open."""
    auc = MEASURED["measured"]["cross_validated_auc"]
    assert f"{auc['value']:.4f} [{auc['lower']:.4f}, {auc['upper']:.4f}]" in CARD
    for name, value in TYPICAL.items():
        assert f"| `{name}` | {value:g} |" in CARD
    for subset in MEASURED["subsets"]:
        for row in subset["comparison"]:
            assert f"| {row['name']} | {row['auc']['value']:.3f} [" in CARD
    assert "$" not in CARD
