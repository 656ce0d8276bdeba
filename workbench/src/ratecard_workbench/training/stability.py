"""What drift is measured against: quantile bins of scores and columns, and the population stability index."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

SMALLEST_SHARE = 1e-4
"""An empty bin counts as this much: the logarithm of nothing is not a number."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Bins of one variable and how full they were in development.

    Attributes
    ----------
    edges : tuple of float
        Inner edges, strictly ascending; a value on an edge lies in the bin above.
    shares : tuple of float
        Fraction of the rows in each bin, `len(edges) + 1` of them, then one for missing values.
    rows : int
        Rows they were counted from.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a later population is from the baseline.

    Attributes
    ----------
    index : float
        Population stability index, >= 0. By convention below 0.10 is stable, from 0.25 on asks for action.
    p_value : float
        Chance of an index so large if nothing had changed, which the convention ignores.
    """

    index: float
    p_value: float


def compute_baseline(values: NDArray[np.float64], bins: int = 10) -> Baseline:
    """Cut a variable at its quantiles; equal quantiles, as in counts, become one edge.

    Parameters
    ----------
    values : array of float64, shape (rows,)
        At least one row; NaN is missing.
    bins : int
        Most bins, >= 2.
    """
    present = values[~np.isnan(values)]
    cuts = np.quantile(present, np.arange(1, bins) / bins) if present.size else np.empty(0)
    edges = tuple(float(cut) for cut in np.unique(cuts) if cut > present.min())
    return Baseline(edges, tuple(_count(values, edges) / values.size), int(values.size))


def compute_shift(baseline: Baseline, values: NDArray[np.float64]) -> Shift:
    """Compare a later population with the baseline.

    Notes
    -----
    Index: sum over bins of (a - b) ln(a / b). Without change, index / (1 / n + 1 / m) is about chi-square with
    one degree of freedom less than there are bins. Source: Yurdakul & Naranjo, Journal of
    Risk Model Validation 14 (2020).
    """
    before = np.array(baseline.shares)
    after = _count(values, baseline.edges) / values.size
    used = (before > 0) | (after > 0)
    old, new = np.maximum(before[used], SMALLEST_SHARE), np.maximum(after[used], SMALLEST_SHARE)
    index = float(((new - old) * np.log(new / old)).sum())
    scaled = index / (1 / baseline.rows + 1 / values.size)
    return Shift(index, float(chi2.sf(scaled, max(1, int(used.sum()) - 1))))


def _count(values: NDArray[np.float64], edges: tuple[float, ...]) -> NDArray[np.float64]:
    missing = np.isnan(values)
    places = np.searchsorted(np.array(edges), values[~missing], side="right")
    return np.append(np.bincount(places, minlength=len(edges) + 1), missing.sum()).astype(np.float64)
