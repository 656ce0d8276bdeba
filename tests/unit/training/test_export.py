"""Artifacts: small, whole, the same every time, and readable by the engines' own code."""

import json

import lightgbm
import numpy as np
import pytest
from tests.support.training import PLAN

from ratecard.contract import ModelContract, Number, Probability
from ratecard.engines.lightgbm_text import parse_model_text
from ratecard.engines.manifest import load_manifest
from ratecard_workbench.training.artifact import ExportError, Provenance, Release, find_commit
from ratecard_workbench.training.boosting import fit_booster
from ratecard_workbench.training.lightgbm_export import check_model, export_lightgbm, shorten_model
from ratecard_workbench.training.platt import Platt

CONTRACT = ModelContract(
    slug="small-model",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=tuple(
        Number(name, unit="points", minimum=-9, maximum=9, about="A number.", sample=0.0) for name in PLAN.column_names
    ),
    outputs=(Probability("probability", about="Chance."),),
)


@pytest.fixture(scope="module")
def booster(population):
    """A grown model."""
    return fit_booster(population.columns, population.events, PLAN)


@pytest.fixture
def export(booster, population, tmp_path):
    """Export the model into a folder of the test."""
    recipe = tmp_path / "recipe" / "recipe.py"
    recipe.parent.mkdir()
    recipe.write_text("print()\n")

    def run(folder):
        release = Release(
            contract=CONTRACT,
            folder=tmp_path / folder,
            calibration=Platt(1.5, -0.25),
            metrics={"auc": 0.8},
            provenance=Provenance(recipe, tmp_path, "0" * 64),
            checked_on=population.columns,
        )
        return export_lightgbm(booster, release)

    return run


def test_the_short_text_answers_bit_for_bit(booster, population):
    """Scores and contributions of the shortened model are those of the booster, at much less text."""
    text = shorten_model(booster.model_to_string())
    read = lightgbm.Booster(model_str=text)
    rows = np.vstack([population.columns, np.full((1, 3), np.nan), np.full((1, 3), 1e300)])
    for kind in ({"raw_score": True}, {"pred_contrib": True}):
        assert np.array_equal(read.predict(rows, **kind), booster.predict(rows, **kind))
    assert len(text) < 0.7 * len(booster.model_to_string())


def test_the_short_text_has_a_true_frame(booster):
    """The engines' check of header and tree offsets accepts it, with the column names."""
    assert parse_model_text(shorten_model(booster.model_to_string()).encode()).feature_names == PLAN.column_names


def test_a_text_that_answers_otherwise_is_refused(booster, population):
    """One changed leaf is seen before anything is written."""
    text = shorten_model(booster.model_to_string())
    line = next(line for line in text.splitlines() if line.startswith("leaf_value="))
    first = line.removeprefix("leaf_value=").split(" ", 1)[0]
    changed = text.replace(f"leaf_value={first}", "leaf_value=" + "9" * len(first), 1)
    with pytest.raises(ExportError, match="raw_score"):
        check_model(changed, booster, population.columns)


def test_an_export_is_an_artifact_the_engines_accept(export, tmp_path):
    """The manifest parses, its digests hold, and it names the contract's columns."""
    written = export("artifact")
    manifest = load_manifest(tmp_path / "artifact")
    assert (manifest.model, manifest.version, manifest.columns) == ("small-model", "0.1.0", PLAN.column_names)
    assert (manifest.calibration.slope, manifest.calibration.intercept) == (1.5, -0.25)
    assert written["recipe"]["path"] == "recipe/recipe.py"


def test_exports_are_equal_and_leave_nothing_else(export, tmp_path):
    """The same model gives the same bytes; a file nobody vouches for is removed."""
    export("first")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "old.txt").write_text("of an earlier format")
    export("second")
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("first", "second")
    )
    assert first == second
    assert set(first) == {"model.txt", "manifest.json"}
    assert json.loads(first["manifest.json"])["metrics"] == {"auc": 0.8}


def test_outside_git_there_is_no_commit(tmp_path):
    """A recipe in a plain folder is described by its digest alone."""
    (tmp_path / "recipe.py").write_text("")
    assert find_commit(tmp_path) is None
