"""scikit-learn pipelines as one ONNX graph over the contract's columns: numbers as they are, words as their codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from ratecard_workbench.bring.fields import Field
from ratecard_workbench.bring.imputing import Narrowed, as_convertible, register_filled
from ratecard_workbench.bring.lookups import register_lookup, tabulate
from ratecard_workbench.bring.refusals import OWN_STEP, Refused

OPSET = {"": 18, "ai.onnx.ml": 3}
"""Old enough for every converter, new enough for every runtime of the last years."""

INPUT = "rows"
INSTEAD = {
    "TransformedTargetRegressor": "Train the regressor on the transformed target, and turn its value back in decide"
}
TEXT_STEPS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer", "TfidfTransformer")


def known_categories(model: Any) -> dict[str, list[Any]]:
    """Return the categories that the encoders of a pipeline's first step know, by column."""
    known: dict[str, list[Any]] = {}
    for _, step, columns in branches_of(first_step(model)):
        refuse_text(step)
        encoder = find_encoder(step)
        if encoder is None or columns is None:
            continue
        for column, categories in zip(columns, encoder.categories_, strict=False):
            known[column] = [value for value in np.asarray(categories, dtype=object).tolist() if not pd.isna(value)]
    return known


def unused_columns(model: Any) -> frozenset[str]:
    """Return the columns that every branch of a pipeline's column transformer drops, by name."""
    step = first_step(model)
    names = getattr(step, "feature_names_in_", None)
    if names is None or not isinstance(step, ColumnTransformer):
        return frozenset()
    return frozenset(str(name) for name in names) - {str(names[place]) for place in _used_places(step)}


def _used_places(step: ColumnTransformer) -> list[int]:
    """Return the places of the columns that a column transformer does not drop, in their order."""
    places = step._transformer_to_input_indices  # noqa: SLF001 - its only record of slices, masks and callables
    return sorted({int(place) for name, part, _ in step.transformers_ if not _drops(part) for place in places[name]})


def _drops(part: Any) -> bool:
    return isinstance(part, str) and part == "drop"


def first_step(model: Any) -> Any:
    """Return what sees the rows first."""
    return first_step(model.steps[0][1]) if isinstance(model, Pipeline) else model


def branches_of(step: Any) -> list[tuple[str, Any, list[str] | None]]:
    """Return name, fitted step and columns by name of each branch of a column transformer; of another step, itself."""
    names = getattr(step, "feature_names_in_", None)
    if not isinstance(step, ColumnTransformer):
        return [(type(step).__name__, step, None if names is None else [str(name) for name in names])]
    found = []
    for name, part, _ in step.transformers_:
        places = step._transformer_to_input_indices[name]  # noqa: SLF001 - its only record of slices, masks and callables
        found.append((name, part, None if names is None else [str(names[place]) for place in places]))
    return found


def refuse_text(step: Any) -> None:
    """Refuse steps that cut free text into words."""
    for part in parts_of(step):
        if type(part).__name__ in TEXT_STEPS:
            raise Refused(
                f"the step {type(part).__name__} takes free text apart, and a graph takes it apart in another way than "
                'Python does: chances would differ by hundredths. Train Ratecard\'s text engine instead (engine "text")'
            )


def parts_of(step: Any) -> list[Any]:
    """Return a step and, of a pipeline or a union, all that it is made of."""
    if isinstance(step, Pipeline):
        return [step, *(part for _, inner in step.steps for part in parts_of(inner))]
    if hasattr(step, "transformer_list"):
        return [step, *(part for _, inner in step.transformer_list for part in parts_of(inner))]
    return [step]


def find_encoder(step: Any) -> Any:
    """Return the part of a step that knows categories, or None."""
    return next((part for part in parts_of(step) if hasattr(part, "categories_")), None)


def convert_pipeline(model: Any, fields: list[Field], frame: pd.DataFrame, *, precision: str) -> onnx.ModelProto:
    """Convert a fitted estimator or pipeline.

    Parameters
    ----------
    model : fitted estimator
        Takes the columns of `fields`, in their order.
    fields : list of Field
        The contract's fields.
    frame : DataFrame
        The sample, for the types of its columns.
    precision : str
        "double": in float64 throughout; "mixed": the last step in float32 and all before it in float64; "single".

    Raises
    ------
    Refused
        If a step cannot be lowered; it is named.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    register_lookup()
    register_filled()
    register_boosters()
    surrogate = over_codes(model, fields, frame)
    if precision == "mixed":
        steps = surrogate.steps if isinstance(surrogate, Pipeline) else [("model", surrogate)]
        surrogate = Pipeline([*steps[:-1], ("narrowed", Narrowed()), steps[-1]])
    kind = FloatTensorType if precision == "single" else DoubleTensorType
    is_classifier = hasattr(model, "predict_proba") or hasattr(model, "decision_function")
    try:
        with plain_attributes():
            converted: onnx.ModelProto = convert_sklearn(
                surrogate,
                name="ratecard",
                initial_types=[(INPUT, kind([None, len(fields)]))],
                options={"zipmap": False} if is_classifier else None,
                target_opset=OPSET,
            )
            return converted
    except Exception as error:
        # Converters fail with whatever went wrong in them; the step is what its owner can change.
        raise Refused(blame(surrogate, error)) from error


def over_codes(model: Any, fields: list[Field], frame: pd.DataFrame) -> Any:
    """Return a pipeline over codes that answers as the model does over words: steps on words become lookups."""
    if isinstance(model, Pipeline):
        name, first = model.steps[0]
        rest = [(other, as_convertible(step)) for other, step in model.steps[1:]]
        return Pipeline([(name, over_codes(first, fields, frame)), *rest])
    wordy = {field.column for field in fields if field.kind in ("category", "boolean")}
    if isinstance(model, ColumnTransformer):
        return _columns_over_codes(model, fields, frame, wordy)
    words = {field.column for field in fields if field.kind == "category"}
    if words and len(words) == len(fields) and hasattr(model, "transform"):
        return tabulate(model, fields, frame, type(model).__name__)
    if words:
        raise Refused(
            f"{type(model).__name__} takes the words of {min(words)!r} together with numbers: put a "
            "ColumnTransformer first, in which columns of words have an encoder of their own"
        )
    return as_convertible(model)


def _columns_over_codes(model: ColumnTransformer, fields: list[Field], frame: pd.DataFrame, wordy: set[str]) -> Any:
    by_place = dict(enumerate(fields))
    used = _used_places(model) if len(fields) < model.n_features_in_ else range(len(fields))
    moved = {place: to for to, place in enumerate(used)}
    parts = []
    for name, part, _ in model.transformers_:
        if _drops(part) or not len(model._transformer_to_input_indices[name]):  # noqa: SLF001 - as in branches_of
            continue
        places = [moved[int(place)] for place in model._transformer_to_input_indices[name]]  # noqa: SLF001
        chosen = [by_place[place] for place in places]
        words = [field for field in chosen if field.column in wordy]
        if (
            isinstance(part, str)
            or part is None
            or (type(part).__name__ == "FunctionTransformer" and part.func is None)
        ):
            parts.append((name, "passthrough", places))
        elif words and len(words) == len(chosen):
            parts.append((name, tabulate(part, chosen, frame, name), places))
        elif any(field.kind == "category" for field in words):
            raise Refused(
                f"the step {name} takes words ({words[0].column!r}) together with numbers: give the columns of words a "
                "branch of their own"
            )
        else:
            parts.append((name, as_convertible(part), places))
    if any(part == "passthrough" and by_place[p].kind == "category" for _, part, places in parts for p in places):
        raise Refused("a column of words is passed through to a step that takes numbers: give it an encoder")
    return _fitted_columns(parts, len(fields))


def _fitted_columns(parts: list[tuple[str, Any, list[int]]], width: int) -> ColumnTransformer:
    """Return a column transformer that counts as fitted: its parts are."""
    whole = ColumnTransformer(parts, remainder="drop", sparse_threshold=0)
    whole.transformers_ = parts
    whole.n_features_in_ = width
    whole.sparse_output_ = False
    return whole


def blame(model: Any, error: Exception) -> str:
    """Name the step that cannot be converted, and say what to do."""
    from skl2onnx._supported_operators import sklearn_operator_name_map

    parts = every_part(model)
    for part in parts:
        name = type(part).__name__
        if name == "FunctionTransformer" and part.func is not None:
            name = f"{name}({getattr(part.func, '__name__', 'a function')})"
            return f"the step {name} cannot be lowered: a graph runs no Python. {OWN_STEP}"
        if type(part) not in sklearn_operator_name_map:
            return f"the step {name} cannot be lowered: there is no converter for it. {INSTEAD.get(name, OWN_STEP)}"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    what = lines[0].partition(". You may raise an issue")[0][:160]
    named = [type(part).__name__ for part in parts if type(part).__name__ in str(error)]
    which = f"the step {named[0]}" if named else f"one of the steps {' > '.join(type(part).__name__ for part in parts)}"
    return f"{which} cannot be lowered: {what}. {OWN_STEP}"


def every_part(model: Any) -> list[Any]:
    """Return all steps, branches and estimators inside a model, but not the containers."""
    if isinstance(model, ColumnTransformer):
        return [part for _, step, _ in model.transformers_ if not isinstance(step, str) for part in every_part(step)]
    if isinstance(model, Pipeline):
        return [part for _, step in model.steps for part in every_part(step) if not isinstance(step, str)]
    if hasattr(model, "transformer_list"):
        return [part for _, step in model.transformer_list for part in every_part(step)]
    return [model]


def register_boosters() -> None:
    """Let LightGBM's and XGBoost's estimators be a pipeline's last step."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes as classes,
    )
    from skl2onnx.common.shape_calculator import (
        calculate_linear_regressor_output_shapes as value,
    )
    from xgboost import XGBClassifier, XGBRegressor

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False]}
    split = {"split": None}
    update_registered_converter(LGBMClassifier, "LightGbmLGBMClassifier", classes, convert_lightgbm, options=options)
    update_registered_converter(LGBMRegressor, "LightGbmLGBMRegressor", value, convert_lightgbm, options=split)
    update_registered_converter(XGBClassifier, "XGBoostXGBClassifier", classes, convert_xgboost, options=options)
    update_registered_converter(XGBRegressor, "XGBoostXGBRegressor", value, convert_xgboost)


class plain_attributes:  # noqa: N801 - used as a `with` word
    """While it holds, converters may give attributes as NumPy values, which onnx refuses since 1.19."""

    def __enter__(self) -> None:
        """Put the reading of NumPy values before the container's own."""
        from skl2onnx.common._container import ModelComponentContainer

        self._own = own = ModelComponentContainer.add_node

        def add_node(container: Any, kind: str, inputs: Any, outputs: Any, **attributes: Any) -> Any:
            return own(container, kind, inputs, outputs, **{name: _plain(one) for name, one in attributes.items()})

        ModelComponentContainer.add_node = add_node

    def __exit__(self, *_: object) -> None:
        """Put the container's own back."""
        from skl2onnx.common._container import ModelComponentContainer

        ModelComponentContainer.add_node = self._own


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = list(value)
    if isinstance(value, list):
        return [_plain_number(one) for one in value]
    return _plain_number(value)


def _plain_number(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return int(plain) if isinstance(plain, bool) else plain
