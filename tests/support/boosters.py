"""Boosters of several kinds, trained by the Python packages that are the reference for the engines."""

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray

COLUMNS = 8
NAMES = [f"c{place}" for place in range(COLUMNS)]

#: Column that the models with a category treat as one, and its categories in training.
CATEGORY = 7
CATEGORIES = 6

LIGHTGBM_MODELS = {
    "binary": {"objective": "binary"},
    "multi-class": {"objective": "multiclass", "num_class": 3},
    "categorical": {"objective": "binary", "min_data_per_group": 5, "cat_smooth": 1.0},
    "random-forest": {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
    "dart": {"objective": "regression", "boosting": "dart"},
    "monotone": {"objective": "binary", "monotone_constraints": [1, -1, 0, 0, 0, 0, 0, 0]},
}
XGBOOST_MODELS = {
    "binary": {"objective": "binary:logistic"},
    "multi-class": {"objective": "multi:softprob", "num_class": 3},
    "categorical": {"objective": "binary:logistic", "max_cat_to_onehot": 2},
    "dart": {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.2},
    "monotone": {"objective": "binary:logistic", "monotone_constraints": "(1,-1,0,0,0,0,0,0)"},
}


def made_rows(count: int) -> NDArray[np.float64]:
    """Rows of every scale, a tenth of them missing, with a category in the last column."""
    chance = np.random.default_rng(11)
    rows = chance.normal(size=(count, COLUMNS)) * np.array([1, 1, 1e-3, 1e6, 1e12, 1, 1, 1])
    rows[chance.random(rows.shape) < 0.1] = np.nan
    rows[:, CATEGORY] = chance.integers(0, CATEGORIES, count)
    return rows


def made_labels(rows: NDArray[np.float64], classes: int) -> NDArray[np.int64]:
    """Classes that depend on several columns and on the category."""
    known = np.nan_to_num(rows)
    signal = known[:, 0] - known[:, 1] * known[:, 5] + np.sin(known[:, CATEGORY] * 2) + known[:, 3] / 1e6
    return np.digitize(signal, np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1]))


def train_lightgbm(kind: str) -> lightgbm.Booster:
    """Train one of LIGHTGBM_MODELS."""
    parameters = {"verbose": -1, "seed": 3, "num_threads": 1, "num_leaves": 15} | LIGHTGBM_MODELS[kind]
    rows = made_rows(1500)
    categorical = [CATEGORY] if kind == "categorical" else []
    labels = made_labels(rows, int(str(parameters.get("num_class", 2))))
    data = lightgbm.Dataset(rows, label=labels, feature_name=NAMES, categorical_feature=categorical)
    return lightgbm.train(parameters, data, num_boost_round=40)


def train_xgboost(kind: str) -> xgboost.Booster:
    """Train one of XGBOOST_MODELS."""
    parameters = {"nthread": 1, "seed": 3, "max_depth": 4} | XGBOOST_MODELS[kind]
    rows = made_rows(1500)
    types = ["c" if kind == "categorical" and place == CATEGORY else "float" for place in range(COLUMNS)]
    labels = made_labels(rows, int(str(parameters.get("num_class", 2))))
    data = xgboost.DMatrix(rows, labels, feature_names=NAMES, feature_types=types, enable_categorical=True)
    return xgboost.train(parameters, data, num_boost_round=40)
