"""What every engine can do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol
else:
    Protocol = object  # `typing` costs more of a cold start than loading a model


class Engine(Protocol):
    """A loaded model.

    One caller at a time: the buffers of the one-row path are reused (a Lambda environment serves one call at a time).

    Attributes
    ----------
    name : str
        "lightgbm", "xgboost", "onnx", "scorecard" or "text".
    library_version : str
        Version of the loaded shared library, as "4.7.0"; of a scorecard or text model, of its format.
    columns : int
        Values per row, >= 1.
    outputs : int
        Scores per row, >= 1; 1 for a binary booster.
    """

    name: str
    library_version: str
    columns: int
    outputs: int

    def score(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Score rows in one call of the library.

        Parameters
        ----------
        rows : sequence of sequences
            `columns` values each, in the manifest's order; NaN is missing. Text only for an ONNX graph that
            takes strings, and a text model.

        Returns
        -------
        list of tuple of float
            `outputs` values per row, in the order of the rows: a booster's raw margin (log-odds for a binary
            objective), a graph's floating-point outputs.

        Raises
        ------
        EngineError
            If a row has the wrong number or type of values, or the library refuses it.
        """

    def contributions(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Explain rows by exact Shapley values in units of the margin.

        Returns
        -------
        list of tuple of float
            Per row, for each output in turn, `columns` contributions and then the base value; each such group sums to
            the output's margin.

        Raises
        ------
        EngineError
            As `score`; always for an ONNX graph, which has no such values.
        """

    def close(self) -> None:
        """Free the model. A second call does nothing; scoring afterwards is an `EngineError`."""


class ColumnEngine(Engine, Protocol):
    """An engine that also takes many rows as columns, without a Python number for each value."""

    def score_columns(self, matrix: int, rows: int, scores: int) -> None:
        """Score rows that lie column by column in memory.

        Parameters
        ----------
        matrix : int
            Address of `columns` times `rows` float64, one column after the other; NaN is missing.
        rows : int
            How many rows, >= 1.
        scores : int
            Address of room for `rows` times `outputs` float64, which get the same scores as `score` gives.

        Raises
        ------
        EngineError
            If the library refuses them.
        """
