"""LightGBM and XGBoost models: kept in their own formats, with the contract's names for their columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from ratecard_workbench.bring.fields import Field, word_of, words_of
from ratecard_workbench.bring.lowered import Lowered, class_names
from ratecard_workbench.bring.opening import Opened
from ratecard_workbench.bring.refusals import Refused
from ratecard_workbench.bring.sample import Sample, listed
from ratecard_workbench.training.lightgbm_export import shorten_model

# Objectives whose raw score is what the engine's output says; others bend it afterwards, by exp for example.
LIGHTGBM_OUTPUTS = {
    **dict.fromkeys(("binary", "cross_entropy"), "log_odds"),
    **dict.fromkeys(("multiclass",), "log_odds_by_class"),
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), "value"),
}
XGBOOST_OUTPUTS = {
    **dict.fromkeys(("binary:logistic", "binary:logitraw", "reg:logistic"), "log_odds"),
    **dict.fromkeys(("multi:softprob", "multi:softmax"), "log_odds_by_class"),
    **dict.fromkeys(
        ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror", "reg:squaredlogerror"),
        "value",
    ),
}


def bent(library: str, objective: str) -> Refused:
    """Say that a model's answer is not its score."""
    return Refused(
        f"the {library} model has the objective {objective}, whose answer is not its score but bent after it; export "
        "it as ONNX, or train one of: binary or multi-class probability, or a plain regression"
    )


def lightgbm_columns(booster: Any) -> tuple[list[str] | None, int]:
    """Return names and number of a LightGBM model's columns; the library's own stand-ins are no names."""
    names = booster.feature_name()
    invented = all(name == f"Column_{place}" for place, name in enumerate(names))
    return (None if invented else names), len(names)


def lightgbm_categories(booster: Any, sample: Sample) -> dict[str, list[Any]]:
    """Return the categories of each column of words, in the order of LightGBM's codes.

    Raises
    ------
    Refused
        If it cannot be told which columns they belong to.
    """
    lists = booster.pandas_categorical or []
    columns = [str(column) for column in sample.frame.columns]
    wordy = [column for column in columns if not pd.api.types.is_numeric_dtype(sample.frame[column])]
    if len(wordy) != len(lists):
        infos = next(line for line in booster.model_to_string().splitlines() if line.startswith("feature_infos="))
        coded = [info[:1] not in "[n" for info in infos.removeprefix("feature_infos=").split(" ")]
        wordy = [column for column, is_coded in zip(columns, coded, strict=True) if is_coded]
    if lists and len(wordy) != len(lists):
        raise Refused("it cannot be told which columns of the sample the LightGBM model's categories belong to")
    return dict(zip(wordy, lists, strict=True)) if lists else {}


def lower_lightgbm(opened: Opened, fields: list[Field], sample: Sample) -> Lowered:
    """Keep a LightGBM model's text, with the contract's names in it."""
    booster = opened.model
    text = booster.model_to_string()
    objective = next((line for line in text.splitlines() if line.startswith("objective=")), "objective=none")
    name, *settings = objective.removeprefix("objective=").split(" ")
    if name not in LIGHTGBM_OUTPUTS or "sqrt" in settings:
        raise bent("LightGBM", name)
    refuse_words(fields, lightgbm_categories(booster, sample))
    frame = sample.frame.copy()
    for column, categories in lightgbm_categories(booster, sample).items():
        frame[column] = pd.Categorical(frame[column], categories=categories)
    output = LIGHTGBM_OUTPUTS[name]
    reference = np.asarray(booster.predict(frame if booster.pandas_categorical else frame.astype(float)))
    names = " ".join(one.name for one in fields)
    lines = [f"feature_names={names}" if line.startswith("feature_names=") else line for line in text.split("\n")]
    width = reference.shape[1] if reference.ndim == 2 else 2
    slopes = [float(setting.split(":")[1]) for setting in settings if setting.startswith("sigmoid:")]
    return Lowered(
        engine="lightgbm",
        content=shorten_model("\n".join(lines)).encode(),
        output=output,
        reference=reference.astype(np.float64),
        slope=slopes[0] if slopes and output == "log_odds" else 1.0,
        classes=[] if output == "value" else class_names(opened.classes, width),
        steps=f"LightGBM, objective {name}, {booster.num_trees()} trees",
    )


def refuse_words(fields: list[Field], known: dict[str, Any]) -> None:
    """Refuse words in columns that a booster knows as numbers."""
    lost = [field.column for field in fields if field.kind == "category" and field.column not in known]
    if lost:
        raise Refused(
            f"the sample has words in {listed(lost)}, and the model was trained on numbers there: bring the pipeline "
            "that turns them into numbers, or a sample after it"
        )


def xgboost_columns(booster: Any) -> tuple[list[str] | None, int]:
    """Return names and number of an XGBoost model's columns."""
    return booster.feature_names, int(booster.num_features())


def xgboost_categories(booster: Any) -> dict[str, list[Any]]:
    """Return the categories of each column of words, in the order of XGBoost's codes.

    Raises
    ------
    Refused
        If the model does not say them, or not legibly.
    """
    kinds = booster.feature_types or ()
    if "c" not in kinds:
        return {}
    coded = [name for name, kind in zip(booster.feature_names or (), kinds, strict=False) if kind == "c"]
    stored = dict(booster.get_categories(export_to_arrow=True).to_arrow() or ())
    if not coded or any(stored.get(name) is None for name in coded):
        raise Refused(
            "the XGBoost model has columns of categories and does not say which; train it on a pandas table with "
            "XGBoost 3.1 or later, which keeps them in the file"
        )
    for name in coded:
        # XGBoost 3.2 counts characters where it means bytes, so these words are cut in the wrong places.
        if not b"".join(one for one in stored[name].buffers()[2:] if one is not None).isascii():
            raise Refused(
                f"XGBoost keeps the words of {name!r} illegibly, since some are not plain ASCII: train it on words of "
                "plain letters, or behind an encoder in a pipeline"
            )
    return {name: stored[name].to_pylist() for name in coded}


def xgboost_table(booster: Any, sample: Sample) -> pd.DataFrame:
    """Return the sample as XGBoost takes it: numbers, and categories as the model knows them.

    Raises
    ------
    Refused
        If a column has words that the model was not trained on: XGBoost itself has no answer to them.
    """
    known = xgboost_categories(booster)
    frame = sample.frame.astype({column: float for column in map(str, sample.frame.columns) if column not in known})
    for column, words in known.items():
        foreign = sorted(words_of(sample.seen[column], frame[column]) - set(map(word_of, words)))
        if foreign:
            raise Refused(f"the model was not trained on these words of {column!r}: {listed(foreign)}")
        frame[column] = pd.Categorical(frame[column], categories=words)
    return frame


def lower_xgboost(opened: Opened, fields: list[Field], sample: Sample) -> Lowered:
    """Keep an XGBoost model as UBJSON, with the contract's names in it."""
    import xgboost

    booster = opened.model
    refuse_words(fields, xgboost_categories(booster))
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if objective not in XGBOOST_OUTPUTS:
        raise bent("XGBoost", objective)
    matrix = xgboost.DMatrix(xgboost_table(booster, sample), enable_categorical=True)
    reference = np.asarray(booster.predict(matrix, validate_features=False, output_margin=False), dtype=np.float64)
    if objective == "multi:softmax":
        reference = _softmax(np.asarray(booster.predict(matrix, validate_features=False, output_margin=True)))
    if objective == "binary:logitraw":
        reference = 1.0 / (1.0 + np.exp(-reference))
    output = XGBOOST_OUTPUTS[objective]
    if output == "value" and reference.ndim > 1:
        raise Refused("the XGBoost model gives several values a row; one is needed")
    booster.feature_names = [one.name for one in fields]
    width = reference.shape[1] if reference.ndim == 2 else 2
    return Lowered(
        engine="xgboost",
        content=bytes(booster.save_raw("ubj")),
        output=output,
        reference=reference,
        classes=[] if output == "value" else class_names(opened.classes, width),
        steps=f"XGBoost, objective {objective}, {booster.num_boosted_rounds()} rounds",
    )


def _softmax(margins: Any) -> Any:
    odds = np.exp(margins.astype(np.float64) - margins.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
