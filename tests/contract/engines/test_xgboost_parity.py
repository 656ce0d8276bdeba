"""XGBoost through its C API gives what the Python package gives, to the last bit."""

import json
from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from support.artifacts import open_engine, write_model
from support.boosters import COLUMNS, NAMES, made_rows, train_xgboost
from support.rows import FLOAT32_LARGEST, engine_rows

from ratecard.engines import Engine
from ratecard.kernel.errors import ArtifactError, EngineError

Pair = tuple[xgboost.Booster, Engine]


@pytest.fixture(scope="module")
def pair(xgboost_model: tuple[xgboost.Booster, Path], native_dir: Path) -> Pair:
    """The Python package's booster and our engine on the same file."""
    booster, folder = xgboost_model
    return booster, open_engine(folder, native_dir)


def bits(values: object) -> bytes:
    """The float32 values as memory, row after row."""
    return np.asarray(values, dtype=np.float32).tobytes()


def matrix(rows: list[list[float]]) -> xgboost.DMatrix:
    """Rows as the Python package takes them."""
    return xgboost.DMatrix(np.array(rows), nthread=1)


def is_whole(rows: list[list[float]]) -> bool:
    """Whether float32 holds every value: a DMatrix refuses rows with infinite ones."""
    with np.errstate(over="ignore"):
        return not np.isinf(np.array(rows).astype(np.float32)).any()


def is_dart(booster: xgboost.Booster) -> bool:
    """Whether the model is of DART trees: for them alone XGBoost's two ways to predict differ in the last bits."""
    return bool(json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "dart")


@settings(max_examples=60)
@given(rows=engine_rows(COLUMNS))
def test_margins_are_the_python_packages(pair: Pair, rows: list[list[float]]) -> None:
    """Missing, infinite, extreme and unseen values score the same, row by row and together."""
    booster, engine = pair
    expected = bits(booster.inplace_predict(np.array(rows), predict_type="margin", validate_features=False))

    assert bits(engine.score(rows)) == expected
    assert bits([engine.score([row])[0] for row in rows]) == expected
    if is_whole(rows) and not is_dart(booster):
        assert bits(booster.predict(matrix(rows), output_margin=True, validate_features=False)) == expected


@settings(max_examples=40)
@given(rows=engine_rows(COLUMNS, FLOAT32_LARGEST))
def test_contributions_are_the_python_packages(pair: Pair, rows: list[list[float]]) -> None:
    """TreeSHAP values are the same, row by row and together."""
    booster, engine = pair
    expected = bits(booster.predict(matrix(rows), pred_contribs=True, validate_features=False))

    assert bits(engine.contributions(rows)) == expected
    assert bits([engine.contributions([row])[0] for row in rows]) == expected


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e39])
def test_contributions_of_infinite_values_are_refused(pair: Pair, value: float) -> None:
    """What XGBoost takes for infinite has no contributions in the Python package, and none here."""
    _, engine = pair
    row = [value] * COLUMNS

    with pytest.raises(xgboost.core.XGBoostError, match="inf"):
        matrix([row])
    with pytest.raises(EngineError, match="inf"):
        engine.contributions([row])


def test_many_rows_are_one_call(pair: Pair) -> None:
    """Five thousand rows score as the Python package scores them."""
    booster, engine = pair
    rows = made_rows(5000).tolist()

    expected = booster.inplace_predict(np.array(rows), predict_type="margin", validate_features=False)

    assert bits(engine.score(rows)) == bits(expected)


def test_contributions_add_up_to_the_margin(pair: Pair) -> None:
    """Base value and contributions of each output sum to its margin (Lundberg et al. 2020, local accuracy)."""
    _, engine = pair
    rows = made_rows(200).tolist()
    parts = np.array(engine.contributions(rows)).reshape(len(rows), engine.outputs, COLUMNS + 1)

    np.testing.assert_allclose(parts.sum(axis=2), engine.score(rows), rtol=1e-4, atol=1e-4)


def test_multi_class_models_have_an_output_per_class(native_dir: Path, tmp_path: Path) -> None:
    """Three classes are three scores and three groups of contributions."""
    content = bytes(train_xgboost("multi-class").save_raw("ubj"))
    engine = open_engine(write_model(tmp_path, "xgboost", content, NAMES), native_dir)
    row = made_rows(1).tolist()

    assert (engine.outputs, engine.columns) == (3, COLUMNS)
    assert len(engine.score(row)[0]) == 3
    assert len(engine.contributions(row)[0]) == 3 * (COLUMNS + 1)


def test_a_linear_booster_is_refused(native_dir: Path, tmp_path: Path) -> None:
    """A model that is not of trees cannot be scored in place: the artifact is refused, not the first call."""
    data = xgboost.DMatrix(np.nan_to_num(made_rows(200)), made_rows(200)[:, 7] > 2, feature_names=NAMES)
    booster = xgboost.train({"booster": "gblinear", "objective": "binary:logistic", "nthread": 1}, data, 3)
    folder = write_model(tmp_path, "xgboost", bytes(booster.save_raw("ubj")), NAMES)

    with pytest.raises(ArtifactError, match="cannot score"):
        open_engine(folder, native_dir)
