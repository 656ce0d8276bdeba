"""Tables score one row to the bit as the library does, or are not used."""

import math
from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import open_engine, write_model
from support.boosters import COLUMNS, NAMES, made_labels, made_rows, train_xgboost

from ratecard.engines import xgboost as engine_module
from ratecard.engines.engine import Engine
from ratecard.engines.xgboost_trees import TreeTables, find_tables

FRAUD = Path(__file__).parents[3] / "functions/models/fraud_detection/src/fraud_detection/artifact"
Pair = tuple[TreeTables, Engine]


def train(rounds: int = 5, **parameters: object) -> bytes:
    """A model of chosen parameters, as its file."""
    rows = made_rows(600)
    data = xgboost.DMatrix(rows, made_labels(rows, 2), feature_names=NAMES)
    return bytes(xgboost.train({"nthread": 1, "seed": 3, "max_depth": 3, **parameters}, data, rounds).save_raw("ubj"))


FITTING = {
    "binary": {"objective": "binary:logistic"},
    "regression": {"objective": "reg:squarederror"},
    "rare": {"objective": "binary:logistic", "base_score": 0.0007},
    "forest": {"objective": "binary:logistic", "num_parallel_tree": 4, "subsample": 0.5},
    "leaves alone": {"objective": "reg:squarederror", "gamma": 1e9},
    "pruned": {"objective": "binary:logistic", "max_depth": 5, "gamma": 2.0},
}


@pytest.fixture(params=[*FITTING, "fraud-detection"])
def pair(request: pytest.FixtureRequest, native_dir: Path, tmp_path: Path) -> Pair:
    """Tables of a model, and an engine that has the library alone."""
    if request.param == "fraud-detection":
        folder, content = FRAUD, (FRAUD / "model.ubj").read_bytes()
    else:
        content = train(**FITTING[request.param])
        folder = write_model(tmp_path, "xgboost", content, NAMES)
    tables = find_tables(content)
    engine = open_engine(folder, native_dir)
    assert tables is not None
    assert engine._tables is not None
    engine._tables = None
    return tables, engine


def test_rows_at_every_threshold_score_as_the_library_scores_them(pair: Pair) -> None:
    """At a threshold, one float32 beside it, missing, infinite: the same bits."""
    tables, engine = pair
    chance = np.random.default_rng(5)
    edges = {feature: [*thresholds, -0.0, 1e30, math.inf, -math.inf] for feature, thresholds, _, _ in tables._columns}
    rows = np.full((4000, engine.columns), np.nan)
    for feature, values in edges.items():
        near = np.array(values, dtype=np.float32)[chance.integers(0, len(values), len(rows))]
        for toward in (-np.inf, np.inf):
            moved = np.isfinite(near) & (chance.random(len(rows)) < 0.2)
            near[moved] = np.nextafter(near[moved], np.float32(toward))
        near[chance.random(len(rows)) < 0.1] = np.nan
        rows[:, feature] = near

    assert [tables.score(row) for row in rows.tolist()] == [score for (score,) in engine.score(rows.tolist())]


@pytest.mark.parametrize("kind", ["multi-class", "categorical", "dart"])
def test_other_models_are_the_librarys(kind: str) -> None:
    """Classes, categories and weights by tree are not what the tables hold."""
    assert find_tables(bytes(train_xgboost(kind).save_raw("ubj"))) is None


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": "count:poisson"},
        {"objective": "binary:logistic", "max_depth": 9, "min_child_weight": 0},
        {"objective": "binary:logistic", "rounds": 1000},
    ],
    ids=["objective", "leaves", "trees"],
)
def test_models_that_the_tables_do_not_fit_are_the_librarys(parameters: dict[str, object]) -> None:
    """An intercept that is not known, too many leaves for a word, too many trees."""
    assert find_tables(train(**parameters)) is None


@pytest.mark.parametrize(
    "row", [[1.0] * (COLUMNS - 1), [10**400] * COLUMNS, ["x"] * COLUMNS], ids=["short", "huge", "text"]
)
def test_a_row_that_does_not_fit_is_the_librarys(row: list[object]) -> None:
    """Its refusal is the library's too."""
    tables = find_tables(train(objective="binary:logistic"))
    assert tables is not None
    assert tables.score(row) is None


def test_tables_that_differ_in_a_bit_are_not_used(
    native_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's margins are asked for when the model is loaded."""
    content = train(objective="binary:logistic")
    tables = find_tables(content)
    assert tables is not None
    tables.probes = [(row, (margin or 0.0) + 1e-5) for row, margin in tables.probes]
    monkeypatch.setattr(engine_module, "find_tables", lambda _: tables)

    engine = open_engine(write_model(tmp_path, "xgboost", content, NAMES), native_dir)

    assert engine._tables is None


CONTENT = train(objective="binary:logistic", rounds=2)


@settings(max_examples=200)
@given(place=st.integers(0, len(CONTENT) - 1), piece=st.binary(max_size=9), cut=st.integers(0, 9))
def test_no_file_breaks_the_reader(place: int, piece: bytes, cut: int) -> None:
    """Whatever stands in a file, there are tables or none."""
    find_tables(CONTENT[:place] + piece + CONTENT[place + cut :])
