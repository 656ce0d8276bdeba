"""LightGBM through its C API gives what the Python package gives, to the last bit."""

from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from support.artifacts import open_engine, write_model
from support.boosters import COLUMNS, NAMES, made_labels, made_rows, train_lightgbm
from support.rows import engine_rows

from ratecard.engines import Engine
from ratecard.kernel.errors import EngineError

Pair = tuple[lightgbm.Booster, Engine]


@pytest.fixture(scope="module")
def pair(lightgbm_model: tuple[lightgbm.Booster, Path], native_dir: Path) -> Pair:
    """The Python package's booster and our engine on the same file."""
    booster, folder = lightgbm_model
    return booster, open_engine(folder, native_dir)


def bits(values: object) -> bytes:
    """The float64 values as memory, row after row."""
    return np.asarray(values, dtype=np.float64).tobytes()


@settings(max_examples=60)
@given(rows=engine_rows(COLUMNS))
def test_margins_are_the_python_packages(pair: Pair, rows: list[list[float]]) -> None:
    """Missing, infinite, extreme and unseen values score the same, row by row and together."""
    booster, engine = pair
    expected = bits(booster.predict(np.array(rows), raw_score=True))

    assert bits(engine.score(rows)) == expected
    assert bits([engine.score([row])[0] for row in rows]) == expected


@settings(max_examples=40)
@given(rows=engine_rows(COLUMNS))
def test_contributions_are_the_python_packages(pair: Pair, rows: list[list[float]]) -> None:
    """TreeSHAP values are the same, row by row and together."""
    booster, engine = pair
    expected = bits(booster.predict(np.array(rows), pred_contrib=True))

    assert bits(engine.contributions(rows)) == expected
    assert bits([engine.contributions([row])[0] for row in rows]) == expected


def test_many_rows_are_one_call(pair: Pair) -> None:
    """Five thousand rows score as the Python package scores them."""
    booster, engine = pair
    rows = made_rows(5000)

    assert bits(engine.score(rows.tolist())) == bits(booster.predict(rows, raw_score=True))


def test_contributions_add_up_to_the_margin(pair: Pair) -> None:
    """Base value and contributions of each output sum to its margin (Lundberg et al. 2020, local accuracy)."""
    _, engine = pair
    rows = made_rows(200).tolist()
    parts = np.array(engine.contributions(rows)).reshape(len(rows), engine.outputs, COLUMNS + 1)

    np.testing.assert_allclose(parts.sum(axis=2), engine.score(rows), rtol=1e-9, atol=1e-9)


def test_multi_class_models_have_an_output_per_class(native_dir: Path, tmp_path: Path) -> None:
    """Three classes are three scores and three groups of contributions."""
    content = train_lightgbm("multi-class").model_to_string().encode()
    engine = open_engine(write_model(tmp_path, "lightgbm", content, NAMES), native_dir)
    row = made_rows(1).tolist()

    assert (engine.outputs, engine.columns) == (3, COLUMNS)
    assert len(engine.score(row)[0]) == 3
    assert len(engine.contributions(row)[0]) == 3 * (COLUMNS + 1)


def test_linear_trees_score_and_have_no_contributions(native_dir: Path, tmp_path: Path) -> None:
    """A model with linear leaves scores as the Python package; its contributions are refused, not invented."""
    rows = made_rows(1500)
    data = lightgbm.Dataset(rows, label=made_labels(rows, 2), feature_name=NAMES)
    booster = lightgbm.train({"objective": "binary", "linear_tree": True, "verbose": -1, "num_threads": 1}, data, 20)
    engine = open_engine(write_model(tmp_path, "lightgbm", booster.model_to_string().encode(), NAMES), native_dir)

    assert bits(engine.score(rows[:50].tolist())) == bits(booster.predict(rows[:50], raw_score=True))
    with pytest.raises(EngineError, match="linear"):
        engine.contributions(rows[:1].tolist())
    with pytest.raises(EngineError, match="linear"):
        engine.contributions(rows[:2].tolist())
