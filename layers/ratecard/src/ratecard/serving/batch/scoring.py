"""Blocks of rows become columns of outputs: by columns where model and engine can, by rows where not."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import memmove
from math import log
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ratecard.contract import Amount, Choice, Integer, Points
from ratecard.serving.batch.table import Block, encode_columns
from ratecard.serving.batch.treetables import find_tables

if TYPE_CHECKING:
    from ratecard.contract import Output, PointsDecision, Row
    from ratecard.engines.engine import ColumnEngine
    from ratecard.engines.manifest import Calibration
    from ratecard.serving.model import Model, Prediction

ROWS_AT_ONCE = 1024
"""Rows that are scored in one call where it is done by rows; bounds memory."""

ROWS_OF_COLUMNS = 1 << 16
"""Rows that are best scored in one call where it is done by columns."""

ROWS_PROVED = 1 << 8
"""First rows of a part that tables and library both score."""


class Scorer:
    """Scores blocks.

    Parameters
    ----------
    model : Model
        Ready to score.
    explain : bool
        Also give reasons (codes, strongest first, joined by ;) and advice.
    by_rows : bool
        Never score by columns.
    """

    def __init__(self, model: Model, *, explain: bool, by_rows: bool = False) -> None:
        self._model = model
        self._explain = explain
        contract = model.contract
        self.names = [output.name for output in contract.outputs] + (["reasons", "advice"] if explain else [])
        self.types = [output_type(output) for output in contract.outputs] + ([pa.string()] * 2 if explain else [])
        parts = model.find_columnar()
        self._columns = None if explain or by_rows or parts is None else ColumnScorer(model, *parts)
        self.rows = 1 if self._columns is None else ROWS_OF_COLUMNS
        """How many rows a block should have, about."""

    def score(self, block: Block) -> list[pa.Array]:
        """Return the outputs as columns, in the order of `names`; words may come as places in a dictionary."""
        if not len(block.lines):
            return [pa.array([], kind) for kind in self.types]
        if self._columns is not None:
            return self._columns.score(block)
        rows = typed_rows(self._model, block)
        predictions: list[Prediction] = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            predictions += self._model.predict(some, explain=self._explain, adverse=False)
        columns = self._explained(predictions) if self._explain else columns_of(predictions, self.names)
        return [pa.array(column, kind) for column, kind in zip(columns, self.types, strict=True)]

    def _explained(self, predictions: list[Prediction]) -> list[list[Any]]:
        columns = columns_of(predictions, self.names[:-2])
        reasons: list[Any] = [one.get("reasons", ()) for one in predictions]
        advice: list[Any] = [one.get("advice", ()) for one in predictions]
        return [
            *columns,
            [";".join(reason["code"] for reason in some) for some in reasons],
            [" ".join(some) for some in advice],
        ]


def columns_of(predictions: Sequence[Prediction], names: Sequence[str]) -> list[list[Any]]:
    """Turn predictions into columns."""
    return [[prediction[name] for prediction in predictions] for name in names]


class ColumnScorer:
    """Scores blocks of a model that decides by points, through an engine that takes columns."""

    def __init__(self, model: Model, engine: ColumnEngine, calibration: Calibration, decide: PointsDecision) -> None:
        self._contract = model.contract
        self._engine = engine
        self._slope, self._intercept = calibration.slope, calibration.intercept
        self._decide = decide
        text = getattr(engine, "text", None)
        self._tables = None if text is None else find_tables(text)
        self._proved = False
        self._types = [output_type(output) for output in model.contract.outputs[2:]]
        table = decide.table()
        self._table = [pa.array([outputs[place] for outputs in table], kind) for place, kind in enumerate(self._types)]

    def score(self, block: Block) -> list[pa.Array]:
        """Return the outputs as columns."""
        margins = pc.add(pc.multiply(self._margins(block), self._slope), self._intercept)
        points = self._points(margins)
        places = pc.cast(pc.subtract(points, self._decide.minimum), pa.int32())
        words = [pa.DictionaryArray.from_arrays(places, column) for column in self._table]
        return [probabilities(margins), points, *words]

    def _margins(self, block: Block) -> pa.Array:
        """Return the engine's raw scores."""
        columns = encode_columns(self._contract, block)
        if self._tables is None:
            return self._library_scores(columns)
        scores = self._tables.score(columns)
        if not self._proved:
            some = [column.slice(0, ROWS_PROVED) for column in columns]
            if not scores.slice(0, ROWS_PROVED).equals(self._library_scores(some)):
                self._tables = None
                return self._library_scores(columns)
            self._proved = True
        return scores

    def _library_scores(self, columns: list[pa.Array]) -> pa.Array:
        count = len(columns[0])
        matrix = pa.allocate_buffer(8 * count * len(columns))
        place = matrix.address
        for column in columns:
            values = column.buffers()[1]
            memmove(place, values.address + 8 * column.offset, 8 * count)
            place += 8 * count
        scores = pa.allocate_buffer(8 * count)
        self._engine.score_columns(matrix.address, count, scores.address)
        return pa.Array.from_buffers(pa.float64(), count, [None, scores])

    def _points(self, margins: pa.Array) -> pa.Array:
        # Step by step what `ScoreScale.score` and `PointsDecision.points` do: float64 rounds alike only in one order.
        scale = self._decide.scale
        score = pc.subtract(scale.points, pc.multiply(pc.add(margins, log(scale.odds)), scale.factor))
        whole = pc.cast(pc.round(score, round_mode="half_to_even"), pa.int64())
        return pc.min_element_wise(pc.max_element_wise(whole, self._decide.minimum), self._decide.maximum)


def probabilities(log_odds: pa.Array) -> pa.Array:
    """Turn log-odds into fractions as `ratecard.serving.scores.probability_of` does, digit by digit."""
    small = pc.exp(pc.negate(pc.abs(log_odds)))
    return pc.divide(pc.if_else(pc.less(log_odds, 0.0), small, 1.0), pc.add(small, 1.0))


def output_type(output: Output) -> pa.DataType:
    """Return the type of an output's column."""
    if isinstance(output, (Choice, Amount)):
        return pa.string()
    return pa.int64() if isinstance(output, Points) else pa.float64()


def typed_rows(model: Model, block: Block) -> list[Row]:
    """Return rows as the contract's parser gives them: whole numbers are int."""
    columns = []
    for feature, column in zip(model.contract.features, block.columns, strict=True):
        whole = pc.cast(column, pa.int64()) if isinstance(feature, Integer) else column
        columns.append(whole.to_pylist())
    return list(zip(*columns, strict=True))
