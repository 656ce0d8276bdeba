"""Trees as tables: the same bits as LightGBM's own, and where trees do not fit, no tables at all."""

from bisect import bisect_left
from math import inf, nan, nextafter
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_rating.contract import CONTRACT
from credit_rating.decision import decide
from ratecard.contract.sample import sample_row
from ratecard.serving.batch.scoring import Scorer
from ratecard.serving.batch.table import GoodRow, block_of
from ratecard.serving.batch.treebins import Bins
from ratecard.serving.batch.treetables import ZERO, effective, find_tables
from ratecard.serving.handlers import load_model

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "functions/models/credit_rating/src/credit_rating/artifact/model.txt"
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def trained(categories="auto", **wishes):
    """Train a few trees on noise, with numbers around zero among the columns."""
    generator = np.random.default_rng(7)
    matrix = generator.normal(size=(2000, 5)).round(2)
    matrix[:, 1] = generator.integers(0, 5, 2000)
    target = (matrix.sum(axis=1) + generator.normal(size=2000) > 1).astype(int)
    wishes = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, "use_missing": False, **wishes}
    return lightgbm.train(wishes, lightgbm.Dataset(matrix, target, categorical_feature=categories), num_boost_round=12)


def compare(booster, matrix):
    """Score both ways."""
    tables = find_tables(booster.model_to_string().encode())
    assert tables is not None
    scores = tables.score([pa.array(np.ascontiguousarray(column)) for column in matrix.T])
    assert scores.to_pylist() == booster.predict(matrix, raw_score=True, num_threads=1).tolist()


@given(st.lists(NUMBERS, min_size=1, max_size=60, unique=True), st.lists(NUMBERS, max_size=30))
def test_bins_are_those_of_bisect(thresholds, values):
    """Whatever the thresholds: a value is put where `bisect_left` puts it, on and beside each of them, too."""
    ordered = sorted(thresholds)
    near = [nextafter(one, way) for one in ordered for way in (-inf, inf)]
    values = [*values, *ordered, *near, inf, -inf]
    found = Bins(ordered).find(pa.array(values, pa.float64()))
    assert found.to_pylist() == [bisect_left(ordered, value) for value in values]


def test_the_models_own_trees():
    """credit-rating, on random rows, on every threshold and just beside it, and where numbers are missing."""
    booster = lightgbm.Booster(model_file=str(MODEL))
    text = MODEL.read_text()
    on = [float(word) for line in text.splitlines() if line.startswith("threshold=") for word in line[10:].split()]
    near = [nextafter(one, way) for one in on for way in (-inf, inf)]
    generator = np.random.default_rng(3)
    values = np.array([*on, *near, 0.0, -0.0, ZERO, -ZERO, 5e-324, nan, inf, -inf, 1e308])
    matrix = generator.choice(values, (20_000, booster.num_feature()))
    compare(booster, matrix)


@pytest.mark.parametrize("wishes", [{}, {"num_leaves": 2}, {"min_gain_to_split": 40.0}, {"boosting": "dart"}])
def test_trained_trees(wishes):
    """Other trees, stumps and single leaves among them."""
    booster = trained(**wishes)
    matrix = np.random.default_rng(5).normal(size=(3000, 5)).round(2)
    matrix[::7, 1] = 0.0
    compare(booster, matrix)


@settings(deadline=None)
@given(st.floats(-2 * ZERO, 2 * ZERO), st.floats(-2 * ZERO, 2 * ZERO))
def test_thresholds_next_to_zero(threshold, value):
    """LightGBM takes what is as near as `kZeroThreshold` for zero, before it compares."""
    seen = 0.0 if abs(value) <= ZERO else value
    assert (value <= effective(threshold)) == (seen <= threshold)


@pytest.mark.parametrize(
    "wishes",
    [
        {"use_missing": True, "zero_as_missing": True},
        {"num_leaves": 200, "min_data_in_leaf": 2},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"categories": [1]},
        {"linear_tree": True},
    ],
)
def test_trees_that_do_not_fit(wishes):
    """Other kinds of nodes, averages, and trees of too many leaves stay with the library."""
    assert find_tables(trained(**wishes).model_to_string().encode()) is None


def test_several_scores_a_row_stay_with_the_library():
    """Trees of several classes take turns."""
    generator = np.random.default_rng(1)
    data = lightgbm.Dataset(generator.normal(size=(500, 3)), generator.integers(0, 3, 500))
    booster = lightgbm.train({"objective": "multiclass", "num_class": 3, "verbosity": -1}, data, 3)
    assert find_tables(booster.model_to_string().encode()) is None


class Contradicting:
    """Tables that are wrong in one row."""

    def __init__(self, scores):
        self.scores = scores

    def score(self, columns):
        """Answer what was given."""
        return pa.array(self.scores[: len(columns[0])])


def test_the_library_is_believed(native_dir):
    """Where tables and library differ in the first rows of a part, the library's scores are the answers."""
    model = load_model(CONTRACT, decide, str(MODEL.parent), str(native_dir))
    rows = [tuple(sample_row(CONTRACT).values()) for number in range(3)]
    block = block_of(CONTRACT, [GoodRow(number, (), row) for number, row in enumerate(rows)], [])
    right = Scorer(model, explain=False).score(block)
    scorer = Scorer(model, explain=False)
    scorer._columns._tables = Contradicting([0.0, 1.0, 2.0])
    assert [column.to_pylist() for column in scorer.score(block)] == [column.to_pylist() for column in right]
    assert scorer._columns._tables is None
