"""Steps on words, lowered exactly: a fitted step that takes a word has finitely many answers, and all are asked for.

Encoders differ in what they do with rare, unknown and missing words, and converters follow them only so far. Here the
step itself is asked, once for every word the contract allows; the graph then holds its answers as a table.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import BaseEstimator, TransformerMixin

from ratecard_workbench.bring.fields import Field
from ratecard_workbench.bring.refusals import Refused, first_line


class Lookup(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """A fitted step on columns of words as one table for each column, by the word's code; the last row is missing."""

    def __init__(self, tables: list[NDArray[np.float64]] | None = None) -> None:
        self.tables = tables

    def fit(self, rows: object, labels: object = None) -> Lookup:
        """Do nothing: the tables are all there is."""
        return self

    def transform(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Look codes up; NaN is missing."""
        assert self.tables is not None
        places = [np.where(np.isnan(codes[:, j]), len(t) - 1, codes[:, j]) for j, t in enumerate(self.tables)]
        parts = [table[place.astype(int)] for table, place in zip(self.tables, places, strict=True)]
        return np.asarray(np.sum(parts, axis=0))


def tabulate(step: Any, fields: list[Field], frame: pd.DataFrame, name: str) -> Lookup:
    """Ask a fitted step for its answer to every word of every column.

    Parameters
    ----------
    step : fitted transformer
        Takes the columns of `fields`, in their order.
    fields : list of Field
        Categories and booleans.
    frame : DataFrame
        The sample's columns: words are asked for as the type that they have there.
    name : str
        Name of the step in the pipeline, for messages.

    Raises
    ------
    Refused
        If an answer depends on two words at once, or the step fails.
    """
    domains = [_domain(field, frame[field.column]) for field in fields]
    base = [domain[0] for domain in domains]
    asked = [base] + [[*base[:j], value, *base[j + 1 :]] for j, domain in enumerate(domains) for value in domain]
    questions = pd.DataFrame(asked, columns=[field.column for field in fields])
    for field in fields:
        questions[field.column] = _typed(questions[field.column], frame[field.column])
    try:
        answers = step.transform(questions)
    except Exception as error:
        # A step of somebody's own can fail in any way.
        raise Refused(
            f"the step {name} ({type(step).__name__}) fails on words of its own columns: {first_line(error)}"
        ) from error
    matrix = np.asarray(answers.toarray() if hasattr(answers, "toarray") else answers, dtype=np.float64)
    return Lookup(_split_tables(matrix, [len(domain) for domain in domains], name))


def _split_tables(answers: NDArray[np.float64], sizes: list[int], name: str) -> list[NDArray[np.float64]]:
    """Give each answer to the one column it depends on; the first has what depends on none."""
    first, starts = answers[0], 1 + np.cumsum([0, *sizes])
    blocks = [answers[start:end] for start, end in pairwise(starts)]
    moved = np.array([[not _same(block[:, k], first[k]) for k in range(answers.shape[1])] for block in blocks])
    if (moved.sum(axis=0) > 1).any():
        raise Refused(
            f"the step {name} mixes several columns of words into one value, which cannot be lowered: encode each "
            "column by itself, and combine them in a later step"
        )
    owners = np.where(moved.any(axis=0), moved.argmax(axis=0), 0)
    return [np.where(owners == j, block, 0.0) for j, block in enumerate(blocks)]


def _same(column: NDArray[np.float64], value: float) -> bool:
    return bool(np.isnan(column).all()) if np.isnan(value) else bool((column == value).all())


def _domain(field: Field, column: pd.Series) -> list[Any]:
    """Return what a client can send, as the training library sees it; the last one is missing."""
    if field.kind == "boolean":
        return [False, True, np.nan] if field.missing else [False, True, False]
    found = {_word(value): value for value in column.dropna().tolist()}
    numeric = pd.api.types.is_numeric_dtype(column)
    values = [found[word] if word in found else float(word) if numeric else word for word in field.values or []]
    return [*values, np.nan if field.missing else values[0]]


def _word(value: Any) -> str:
    from ratecard_workbench.bring.fields import word_of

    return word_of(value)


def _typed(questions: pd.Series, column: pd.Series) -> pd.Series:
    """Give questions the type of the sample's column where they can have it."""
    try:
        return questions.astype(column.dtype)
    except (ValueError, TypeError):
        return questions.astype(object)


def _shape(operator: Any) -> None:
    kind = DoubleTensorType if isinstance(operator.inputs[0].type, DoubleTensorType) else FloatTensorType
    operator.outputs[0].type = kind([None, operator.raw_operator.tables[0].shape[1]])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the tables as Gather nodes: code -> row of the table, the tables' rows added."""
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    element, kind = (11, np.float64) if double else (1, np.float32)

    def new(node: str, inputs: list[str], **attributes: object) -> str:
        output: str = scope.get_unique_variable_name(node.lower())
        container.add_node(node, inputs, output, name=scope.get_unique_operator_name(node), op_version=13, **attributes)
        return output

    def constant(values: NDArray[Any], tensor: int) -> str:
        stored: str = scope.get_unique_variable_name("table")
        container.add_initializer(stored, tensor, list(values.shape), values.ravel().tolist())
        return stored

    rows, parts = operator.inputs[0].full_name, []
    for place, table in enumerate(operator.raw_operator.tables):
        code = new("Gather", [rows, constant(np.array(place), 7)], axis=1)
        last = constant(np.array([len(table) - 1], dtype=kind), element)
        known = new("Where", [new("IsNaN", [code]), last, code])
        index = new("Cast", [known], to=7)
        parts.append(new("Gather", [constant(table.astype(kind), element), index], axis=0))
    while len(parts) > 1:
        parts = [new("Add", parts[:2]), *parts[2:]]
    container.add_node(
        "Identity", parts, operator.outputs[0].full_name, name=scope.get_unique_operator_name("Identity"), op_version=13
    )


def register_lookup() -> None:
    """Tell skl2onnx how a `Lookup` is written."""
    update_registered_converter(Lookup, "RatecardLookup", _shape, _convert, overwrite=True)
