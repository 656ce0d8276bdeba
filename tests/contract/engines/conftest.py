"""Models trained once per test process, each read back by the Python package that is the reference for its engine."""

from pathlib import Path

import lightgbm
import pytest
import xgboost
from support.artifacts import write_model
from support.boosters import LIGHTGBM_MODELS, NAMES, XGBOOST_MODELS, train_lightgbm, train_xgboost


@pytest.fixture(scope="session", params=LIGHTGBM_MODELS)
def lightgbm_model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[lightgbm.Booster, Path]:
    """A LightGBM model of each kind, read back by the Python package, and its artifact."""
    content = train_lightgbm(request.param).model_to_string()
    folder = write_model(tmp_path_factory.mktemp("lightgbm"), "lightgbm", content.encode(), NAMES)
    return lightgbm.Booster(model_str=content), folder


@pytest.fixture(scope="session", params=XGBOOST_MODELS)
def xgboost_model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[xgboost.Booster, Path]:
    """An XGBoost model of each kind, read back by the Python package, and its artifact."""
    content = bytes(train_xgboost(request.param).save_raw("ubj"))
    folder = write_model(tmp_path_factory.mktemp("xgboost"), "xgboost", content, NAMES)
    return xgboost.Booster(model_file=bytearray(content), params={"nthread": 1}), folder
