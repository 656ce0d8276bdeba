"""Which bin of a column each value lies in, exactly, without a branch: `bisect_left` of its thresholds, for columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import inf, isfinite, sqrt

import pyarrow as pa
import pyarrow.compute as pc

FEW = 4
"""So many thresholds are compared one by one, and more where they lie too close together for cells."""

CELLS = 4096
MOST_IN_A_CELL = 4
CODE = pa.uint16()


class Bins:
    """The bins between some thresholds.

    A value's cell is a rounded square root of its distance from the lowest threshold: every step of that is monotone,
    however it rounds, so that thresholds in lower cells are surely below the value, those in higher ones surely above,
    and only the few in its own cell are compared with it.

    Parameters
    ----------
    thresholds : sequence of float
        Ascending, finite, at least one. A value that equals a threshold lies below it.
    """

    def __init__(self, thresholds: Sequence[float]) -> None:
        self.count = len(thresholds) + 1
        self._low, self._span = thresholds[0], thresholds[-1] - thresholds[0]
        self._scale = (CELLS - 1) / sqrt(self._span) if 0.0 < self._span < inf else inf
        self._one_by_one = [pa.scalar(threshold) for threshold in thresholds]
        self._below: pa.Array | None = None
        self._inside: list[pa.Array] = []
        if len(thresholds) > FEW and isfinite(self._scale):
            self._make_cells(thresholds)

    def find(self, column: pa.Array) -> pa.Array:
        """Return each value's bin, from 0.

        Parameters
        ----------
        column : pa.DoubleArray
            Without nulls and NaN.
        """
        if self._below is None:
            return self._count(column, self._one_by_one, None)
        cells = self._cells(column)
        limits = [pc.take(limit, cells, boundscheck=False) for limit in self._inside]
        return self._count(column, limits, pc.take(self._below, cells, boundscheck=False))

    def _count(self, column: pa.Array, limits: Sequence[pa.Array | pa.Scalar], found: pa.Array | None) -> pa.Array:
        for limit in limits:
            above = pc.cast(pc.greater(column, limit), CODE)
            found = above if found is None else pc.add(found, above)
        return found

    def _cells(self, column: pa.Array) -> pa.Array:
        away = pc.min_element_wise(pc.max_element_wise(pc.subtract(column, self._low), 0.0), self._span)
        return pc.cast(pc.multiply(pc.sqrt(away), self._scale), CODE, safe=False)

    def _make_cells(self, thresholds: Sequence[float]) -> None:
        inside: dict[int, list[float]] = {}
        for cell, threshold in zip(
            self._cells(pa.array(thresholds, pa.float64())).to_pylist(), thresholds, strict=True
        ):
            inside.setdefault(cell, []).append(threshold)
        most = max(map(len, inside.values()))
        if most > MOST_IN_A_CELL:
            return
        count = CELLS + 1  # the last one is for what rounding may do
        counts, layers = [0] * count, [[inf] * count for _ in range(most)]
        for cell, some in inside.items():
            counts[cell] = len(some)
            for layer, threshold in zip(layers, some, strict=False):
                layer[cell] = threshold
        self._below = pa.array([0, *accumulate(counts[:-1])], CODE)
        self._inside = [pa.array(layer, pa.float64()) for layer in layers]
