"""Steps that scikit-learn's converter does not take as they are, written so that it does.

Numeric imputers, with and without columns that say what was missing: the converter forgets those columns, and its
operator knows no float64. NumPy's functions of one number, of which it knows none. And votes, whose setting for another
method than the served one it refuses.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer


class Filled(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Numbers with what is missing filled in, and after them one column for each of `flagged`: 1 where it was."""

    def __init__(self, fills: list[float] | None = None, flagged: list[int] | None = None) -> None:
        self.fills = fills
        self.flagged = flagged

    def fit(self, rows: object, labels: object = None) -> Filled:
        """Do nothing: the fills are all there is."""
        return self

    def transform(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fill and flag."""
        assert self.fills is not None
        missing = np.isnan(rows)
        return np.hstack([np.where(missing, self.fills, rows), missing[:, self.flagged].astype(rows.dtype)])


class Narrowed(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Numbers rounded to float32, as scikit-learn's trees and XGBoost round their input themselves."""

    def fit(self, rows: object, labels: object = None) -> Narrowed:
        """Do nothing."""
        return self

    def transform(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """Round."""
        return np.asarray(rows, dtype=np.float32)


FUNCTIONS: dict[Any, tuple[tuple[str, float | None], ...]] = {
    np.log: (("Log", None),),
    np.log1p: (("Add", 1.0), ("Log", None)),
    np.exp: (("Exp", None),),
    np.expm1: (("Exp", None), ("Sub", 1.0)),
    np.sqrt: (("Sqrt", None),),
    np.square: (("Pow", 2.0),),
    np.abs: (("Abs", None),),
}
"""What a function of one number is in a graph: operators, and what each is given beside the number."""


class Applied(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Numbers through one of `FUNCTIONS`."""

    def __init__(self, function: Any = None) -> None:
        self.function = function

    def fit(self, rows: object, labels: object = None) -> Applied:
        """Do nothing."""
        return self

    def transform(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply it."""
        return np.asarray(self.function(rows))


def as_convertible(step: Any) -> Any:
    """Return a step in which imputers of numbers, functions and votes are written so that they can be converted."""
    if isinstance(step, Pipeline):
        return Pipeline([(name, as_convertible(part)) for name, part in step.steps])
    if isinstance(step, SimpleImputer) and isinstance(step.missing_values, float):
        fills = np.asarray(step.statistics_)
        if fills.dtype.kind == "f" and not np.isnan(fills).any():
            return Filled(fills.tolist(), step.indicator_.features_.tolist() if step.add_indicator else [])
    if isinstance(step, FunctionTransformer) and isinstance(step.func, np.ufunc) and not step.kw_args:
        return Applied(step.func) if step.func in FUNCTIONS else step
    if isinstance(step, VotingClassifier):
        step = copy(step)
        step.flatten_transform = False
    return step


def _shape(operator: Any) -> None:
    kind = DoubleTensorType if isinstance(operator.inputs[0].type, DoubleTensorType) else FloatTensorType
    step = operator.raw_operator
    operator.outputs[0].type = kind([None, len(step.fills) + len(step.flagged)])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    step, rows = operator.raw_operator, operator.inputs[0].full_name
    element = 11 if isinstance(operator.inputs[0].type, DoubleTensorType) else 1

    def new(kind: str, inputs: list[str], output: str = "", **attributes: object) -> str:
        target: str = output or scope.get_unique_variable_name(kind.lower())
        container.add_node(kind, inputs, target, name=scope.get_unique_operator_name(kind), op_version=13, **attributes)
        return target

    def constant(values: list[Any], tensor: int) -> str:
        stored: str = scope.get_unique_variable_name("fill")
        container.add_initializer(stored, tensor, [len(values)], values)
        return stored

    missing = new("IsNaN", [rows])
    filled = new("Where", [missing, constant(step.fills, element), rows])
    if not step.flagged:
        new("Identity", [filled], operator.outputs[0].full_name)
        return
    flags = new("Gather", [new("Cast", [missing], to=element), constant(step.flagged, 7)], axis=1)
    new("Concat", [filled, flags], operator.outputs[0].full_name, axis=1)


def _narrow_shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([None, operator.inputs[0].type.shape[1]])


def _convert_narrowed(scope: Any, operator: Any, container: Any) -> None:
    names = operator.inputs[0].full_name, operator.outputs[0].full_name
    container.add_node("Cast", *names, name=scope.get_unique_operator_name("Cast"), op_version=13, to=1)


def _same_shape(operator: Any) -> None:
    kind = DoubleTensorType if isinstance(operator.inputs[0].type, DoubleTensorType) else FloatTensorType
    operator.outputs[0].type = kind([None, operator.inputs[0].type.shape[1]])


def _convert_applied(scope: Any, operator: Any, container: Any) -> None:
    element = 11 if isinstance(operator.inputs[0].type, DoubleTensorType) else 1
    last = operator.inputs[0].full_name
    for kind, beside in FUNCTIONS[operator.raw_operator.function]:
        given = [last]
        if beside is not None:
            given.append(scope.get_unique_variable_name("beside"))
            container.add_initializer(given[1], element, [1], [beside])
        last = scope.get_unique_variable_name(kind.lower())
        container.add_node(kind, given, last, name=scope.get_unique_operator_name(kind), op_version=13)
    name = scope.get_unique_operator_name("Identity")
    container.add_node("Identity", [last], operator.outputs[0].full_name, name=name, op_version=13)


def register_filled() -> None:
    """Tell skl2onnx how a `Filled`, a `Narrowed` and an `Applied` are written."""
    update_registered_converter(Applied, "RatecardApplied", _same_shape, _convert_applied, overwrite=True)
    update_registered_converter(Narrowed, "RatecardNarrowed", _narrow_shape, _convert_narrowed, overwrite=True)
    update_registered_converter(Filled, "RatecardFilled", _shape, _convert, overwrite=True)
