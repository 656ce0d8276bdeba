"""The master scale: score bands whose measured event rates rise strictly from grade to grade."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from ratecard_workbench.training.intervals import Interval, compute_wilson

CANDIDATES = 81
"""Quantiles at which a grade may end; the search's work grows with the cube."""


@dataclass(frozen=True, slots=True)
class GradeRow:
    """What was measured in one grade.

    Attributes
    ----------
    grade : str
        Its name; the best comes first in a table.
    floor : int or None
        Lowest score in points; None for the worst grade.
    rows, events : int
        Counts.
    share : float
        Fraction of all rows.
    mean_probability : float
        Mean predicted probability of the event.
    rate : Interval
        Measured event rate with its Wilson interval.
    jeffreys : float
        Chance that the true rate is at most the predicted one, given the counts and Jeffreys' prior; a small value says
        the prediction is too low (ECB, Instructions for reporting the validation results of internal models, 2019).
    """

    grade: str
    floor: int | None
    rows: int
    events: int
    share: float
    mean_probability: float
    rate: Interval
    jeffreys: float


def propose_floors(
    scores: NDArray[np.int64], events: NDArray[np.int8], grades: int, *, smallest_share: float = 0.03
) -> list[int]:
    """Cut scores into grades so that the least separated neighbours are separated as well as can be.

    Parameters
    ----------
    scores : array of int, shape (rows,)
        Whole points; higher is better.
    events : array of int8, shape (rows,)
        1 where the bad event happened.
    grades : int
        How many, >= 2.
    smallest_share : float
        No grade holds a smaller fraction of the rows.

    Returns
    -------
    list of int
        Lowest score of each grade but the worst, best first.

    Raises
    ------
    ValueError
        If no cut has strictly ordered rates.

    Notes
    -----
    Exact search (dynamic programming) over cuts at the points of `CANDIDATES` quantiles, maximising the smallest
    z-value between neighbouring event rates.
    """
    points = np.unique(np.quantile(scores, np.linspace(0, 1, CANDIDATES), method="nearest"))
    below = np.searchsorted(np.sort(scores), points)
    rows = np.append(below, scores.size)
    bad = np.append(np.concatenate(([0], np.cumsum(events[np.argsort(scores, kind="stable")])))[below], events.sum())
    search = _Search(rows, bad, max(1, int(smallest_share * scores.size)))
    cuts = search.find_cuts(grades)
    return [int(points[cut]) for cut in reversed(cuts)]


class _Search:
    """Best chains of bands; band (start, end) holds the points from `start` up to but not `end`."""

    def __init__(self, rows: NDArray[np.int64], bad: NDArray[np.int64], smallest: int) -> None:
        self.rows = rows.tolist()
        self.bad = bad.tolist()
        self.smallest = smallest
        self.size = len(self.rows) - 1

    def find_cuts(self, bands: int) -> list[int]:
        # best[end][start] = (smallest z so far, start of the band before) of chains whose last band is (start, end)
        best = [{0: (inf, -1)} if self._wide(0, end) else {} for end in range(self.size + 1)]
        history = [best]
        for _ in range(bands - 1):
            best = [self._extend(best, end) for end in range(self.size + 1)]
            history.append(best)
        if not best[self.size]:
            raise ValueError(f"there are no {bands} grades with strictly ordered rates")
        return self._trace(history)

    def _extend(self, best: list[dict[int, tuple[float, int]]], end: int) -> dict[int, tuple[float, int]]:
        found: dict[int, tuple[float, int]] = {}
        for middle in range(1, end):
            if not self._wide(middle, end):
                break
            chains = ((min(z, self._gap(start, middle, end)), start) for start, (z, _) in best[middle].items())
            top = max(chains, default=(0.0, -1))
            if top[0] > 0:
                found[middle] = top
        return found

    def _trace(self, history: list[list[dict[int, tuple[float, int]]]]) -> list[int]:
        end, cuts = self.size, []
        start = max(history[-1][end], key=lambda place: (history[-1][end][place][0], place))
        for best in reversed(history):
            before = best[end][start][1]
            if before >= 0:
                cuts.append(start)
            start, end = before, start
        return cuts[::-1]

    def _wide(self, start: int, end: int) -> bool:
        return bool(self.rows[end] - self.rows[start] >= self.smallest)

    def _gap(self, start: int, middle: int, end: int) -> float:
        """Return how many standard errors the worse band's rate lies above the better one's."""
        worse_rows, better_rows = self.rows[middle] - self.rows[start], self.rows[end] - self.rows[middle]
        worse = (self.bad[middle] - self.bad[start]) / worse_rows
        better = (self.bad[end] - self.bad[middle]) / better_rows
        error = sqrt(worse * (1 - worse) / worse_rows + better * (1 - better) / better_rows)
        return (worse - better) / error if error else 0.0


def compute_grade_table(
    floors: Sequence[tuple[str, int]],
    worst: str,
    *,
    scores: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    events: NDArray[np.int8],
) -> list[GradeRow]:
    """Measure each grade.

    Parameters
    ----------
    floors : sequence of (str, int)
        Grades and their lowest scores, best first.
    worst : str
        Name of the grade below all floors.
    scores : array of int, shape (rows,)
        Whole points.
    probabilities : array of float64, shape (rows,)
        Predicted probability of the event.
    events : array of int8, shape (rows,)
        1 where it happened.
    """
    table: list[GradeRow] = []
    ceiling = np.iinfo(np.int64).max
    for grade, floor in (*floors, (worst, None)):
        inside = (scores < ceiling) & (scores >= (np.iinfo(np.int64).min if floor is None else floor))
        rows, bad = int(inside.sum()), int(events[inside].sum())
        mean = float(probabilities[inside].mean()) if rows else 0.0
        jeffreys = float(beta.cdf(mean, bad + 0.5, rows - bad + 0.5))
        table.append(GradeRow(grade, floor, rows, bad, rows / scores.size, mean, compute_wilson(bad, rows), jeffreys))
        ceiling = ceiling if floor is None else floor
    return table


def is_strictly_ordered(table: Sequence[GradeRow]) -> bool:
    """Tell whether the event rate rises strictly from each grade to the next, worse one."""
    rates = [row.rate.value for row in table]
    return all(row.rows for row in table) and all(better < worse for better, worse in pairwise(rates))
