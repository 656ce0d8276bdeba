"""XGBoost: seeded, constrained, and served bit for bit."""

import numpy as np
import pytest
import xgboost

from ratecard.contract import ModelContract, Number, Probability
from ratecard.engines import load_engine, load_manifest
from ratecard_workbench.training.artifact import ExportError, Provenance, Release
from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.xgboost_export import check_ubjson, export_xgboost, write_ubjson
from ratecard_workbench.training.xgboosting import XgboostPlan, choose_xgboost_trees, learn_xgboost

PLAN = XgboostPlan(
    parameters={"max_depth": 3, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8},
    column_names=("risk", "safety", "noise"),
    monotone={"risk": 1, "safety": -1},
    max_trees=60,
    patience=10,
    validation_share=0.2,
    seed=3,
)
LEARNER = learn_xgboost(PLAN)
CONTRACT = ModelContract(
    slug="small-model",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=tuple(
        Number(name, unit="points", minimum=-9, maximum=9, about="A number.", sample=0.0, missing=True)
        for name in PLAN.column_names
    ),
    outputs=(Probability("probability", about="Chance."),),
)


@pytest.fixture(scope="module")
def rows(population):
    """The population, some of it missing."""
    columns = population.columns.copy()
    columns[::8, 1] = np.nan
    return columns


@pytest.fixture(scope="module")
def booster(rows, population):
    """A grown model."""
    return LEARNER.fit(rows, population.events)


def test_it_learns_and_keeps_its_constraints(booster, rows, population):
    """Good ranking; a sweep of a constrained column never turns."""
    assert compute_auc(LEARNER.score(booster, rows), population.events) > 0.78
    swept = np.zeros((50, 3))
    swept[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(LEARNER.score(booster, swept)) >= 0).all()
    swept = np.zeros((50, 3))
    swept[:, 1] = np.linspace(-3, 3, 50)
    assert (np.diff(LEARNER.score(booster, swept)) <= 0).all()


def test_growing_again_gives_the_same_bytes(booster, rows, population):
    """Seeded, on one thread; early stopping stays within the budget."""
    assert write_ubjson(booster) == write_ubjson(LEARNER.fit(rows, population.events))
    assert 1 <= choose_xgboost_trees(rows, population.events, PLAN) <= 60
    assert booster.num_boosted_rounds() == choose_xgboost_trees(rows, population.events, PLAN)


def test_the_engine_answers_bit_for_bit(booster, rows, tmp_path, native_dir):
    """Margins through the C API are those of XGBoost's own package."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "recipe.py").write_text("print()\n")
    release = Release(
        contract=CONTRACT,
        folder=tmp_path / "artifact",
        calibration=Platt(1.0, 0.0),
        metrics={},
        provenance=Provenance(tmp_path / "training" / "recipe.py", tmp_path, "0" * 64),
        checked_on=rows,
    )
    written = export_xgboost(booster, release)
    manifest = load_manifest(release.folder)
    engine = load_engine(str(release.folder), manifest, str(native_dir))
    served = np.array([scores[0] for scores in engine.score(rows.tolist())])
    assert np.array_equal(served, LEARNER.score(booster, rows))
    assert (written["engine"], manifest.output) == ("xgboost", "log_odds")


def test_a_file_that_answers_otherwise_is_refused(booster, rows, population):
    """Another model's file is seen before anything is written."""
    other = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(rows, population.events), num_boost_round=3)
    with pytest.raises(ExportError, match="output_margin"):
        check_ubjson(write_ubjson(other), booster, rows)
