"""Weight-of-evidence bins of one column, found from training rows alone; monotone where the column is a number."""

from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2


@dataclass(frozen=True, slots=True)
class BinningPlan:
    """How fine bins may be.

    Attributes
    ----------
    max_bins : int
        Most bins of a column, missing values not counted.
    smallest_share : float
        No bin holds a smaller fraction of the column's present values; rarer words are pooled.
    significance : float
        Neighbours whose event rates do not differ at this level (chi-square test) become one bin.
    fine_bins : int
        Quantiles the search starts from.
    """

    max_bins: int = 6
    smallest_share: float = 0.05
    significance: float = 0.1
    fine_bins: int = 20


@dataclass(frozen=True, slots=True)
class NumberBins:
    """Bins of a number.

    Attributes
    ----------
    edges : tuple of float
        Strictly ascending; bin i holds edge i-1 <= value < edge i.
    weights : tuple of float
        Weight of evidence of each bin, one more than edges: its log-odds of the event less those of all rows.
    missing : float
        Weight of NaN; 0 where training saw none.
    """

    edges: tuple[float, ...]
    weights: tuple[float, ...]
    missing: float

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each value's weight."""
        places = np.searchsorted(np.array(self.edges), values, side="right")
        absent = np.isnan(values)
        weights = np.array(self.weights)[np.where(absent, 0, places)]
        return np.where(absent, self.missing, weights)


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """Bins of a column of codes.

    Attributes
    ----------
    weights : tuple of float
        Weight of evidence of codes 0, 1, 2, ...; 0 for a code that training did not see.
    missing : float
        Weight of NaN; 0 where training saw none.
    """

    weights: tuple[float, ...]
    missing: float

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each value's weight; a code beyond the known ones has 0."""
        absent = np.isnan(values)
        codes = np.where(absent, 0, values).astype(np.int64)
        known = (codes >= 0) & (codes < len(self.weights))
        weights = np.where(known, np.array(self.weights)[np.where(known, codes, 0)], 0.0)
        return np.where(absent, self.missing, weights)


Bins: TypeAlias = NumberBins | CategoryBins
_Counts: TypeAlias = NDArray[np.float64]


def bin_number(
    values: NDArray[np.float64], events: NDArray[np.int8], plan: BinningPlan, direction: int = 0
) -> NumberBins:
    """Cut a number so that event rates rise or fall from bin to bin without a turn.

    Parameters
    ----------
    values : array of float64, shape (rows,)
        NaN is missing.
    events : array of int8, shape (rows,)
        1 where the event happened; both outcomes occur.
    plan : BinningPlan
        How fine.
    direction : int
        1 if the event must get likelier as the value grows, -1 if less likely, 0 if the rows may say.

    Notes
    -----
    Fine quantile bins are merged where the rate turns (pool adjacent violators, the maximum-likelihood monotone fit),
    then where neighbours are too small or too alike. Source of the weight: Good, Probability and the Weighing of
    Evidence (1950); Siddiqi, Credit Risk Scorecards (2006).
    """
    present = ~np.isnan(values)
    edges = _list_quantiles(values[present], plan.fine_bins)
    places = np.searchsorted(edges, values[present], side="right")
    counts = _count(places, events[present], edges.size + 1)
    groups = [[place] for place in range(edges.size + 1)]
    groups = min(
        (_pool_violators(groups, counts, sign) for sign in ((direction,) if direction else (1, -1))),
        key=lambda found: _misfit(found, counts),
    )
    groups = _merge_alike(groups, counts, plan)
    starts = [group[0] for group in groups[1:]]
    return NumberBins(
        tuple(float(edges[start - 1]) for start in starts),
        _weigh(groups, counts, events),
        _weigh_missing(present, events),
    )


def bin_category(values: NDArray[np.float64], events: NDArray[np.int8], plan: BinningPlan, codes: int) -> CategoryBins:
    """Group the words of a column: rare ones together, and those whose event rates are alike.

    Parameters
    ----------
    values : array of float64, shape (rows,)
        Codes 0 to `codes` - 1; NaN is missing.
    events : array of int8, shape (rows,)
        1 where the event happened; both outcomes occur.
    plan : BinningPlan
        How fine.
    codes : int
        How many words the contract knows.
    """
    present = ~np.isnan(values)
    counts = _count(values[present].astype(np.int64), events[present], codes)
    rows = counts.sum(axis=1)
    seen = [code for code in range(codes) if rows[code]]
    rare = [code for code in seen if rows[code] < plan.smallest_share * rows.sum()]
    groups = [[code] for code in seen if code not in rare] + ([rare] if rare else [])
    groups.sort(key=lambda group: float(_rate(group, counts)))
    weights = np.zeros(codes)
    if groups:
        groups = _merge_alike(groups, counts, plan)
        for group, weight in zip(groups, _weigh(groups, counts, events), strict=True):
            weights[group] = weight
    return CategoryBins(tuple(weights.tolist()), _weigh_missing(present, events))


def compute_information_value(bins: Bins, values: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the information value of a column's bins, >= 0: below 0.02 it says next to nothing.

    Notes
    -----
    The sum over bins of (share of events - share of others) times the log of their ratio (Siddiqi 2006), the ratio as
    the bins' weights have it.
    """
    weights = bins.transform(values)
    found = 0.0
    for weight in np.unique(weights):
        inside = weights == weight
        bad = float(events[inside].sum() / events.sum())
        good = float((1 - events[inside]).sum() / (1 - events).sum())
        found += (bad - good) * float(weight)
    return found


def _list_quantiles(present: NDArray[np.float64], fine_bins: int) -> NDArray[np.float64]:
    if not present.size:
        return np.empty(0)
    cuts = np.quantile(present, np.arange(1, fine_bins) / fine_bins, method="inverted_cdf")
    return np.array([cut for cut in np.unique(cuts) if cut > present.min()], dtype=np.float64)


def _count(places: NDArray[np.int64], events: NDArray[np.int8], bins: int) -> _Counts:
    """Return events and others in each bin, shape (bins, 2)."""
    bad = np.bincount(places, weights=events, minlength=bins)
    return np.stack([bad, np.bincount(places, minlength=bins) - bad], axis=1).astype(np.float64)


def _rate(group: list[int], counts: _Counts) -> float:
    bad, good = counts[group].sum(axis=0)
    return float(bad / (bad + good)) if bad + good else 0.0


def _pool_violators(groups: list[list[int]], counts: _Counts, sign: int) -> list[list[int]]:
    pooled: list[list[int]] = []
    for group in groups:
        pooled.append(list(group))
        while len(pooled) > 1 and sign * (_rate(pooled[-1], counts) - _rate(pooled[-2], counts)) <= 0:
            last = pooled.pop()
            pooled[-1] += last
    return pooled


def _misfit(groups: list[list[int]], counts: _Counts) -> float:
    rows = counts.sum(axis=1)
    rates = counts[:, 0] / np.maximum(rows, 1)
    return float(sum((rows[group] * (rates[group] - _rate(group, counts)) ** 2).sum() for group in groups))


def _merge_alike(groups: list[list[int]], counts: _Counts, plan: BinningPlan) -> list[list[int]]:
    """Merge the most alike neighbours until all differ, none is too small, and there are not too many."""
    groups = [list(group) for group in groups]
    total = counts.sum()
    least = float(chi2.isf(plan.significance, 1))
    while len(groups) > 1:
        apart = [_compute_chi_square(counts[one].sum(axis=0), counts[two].sum(axis=0)) for one, two in pairwise(groups)]
        small = [
            place
            for place, group in enumerate(groups)
            if counts[group].sum() < plan.smallest_share * total or not counts[group].sum(axis=0).all()
        ]
        if small:
            place = min((at for at in (small[0] - 1, small[0]) if 0 <= at < len(apart)), key=lambda at: apart[at])
        else:
            place = int(np.argmin(apart))
            if apart[place] >= least and len(groups) <= plan.max_bins:
                break
        groups[place] += groups.pop(place + 1)
    return groups


def _compute_chi_square(one: _Counts, two: _Counts) -> float:
    """Return Pearson's chi-square of a table of two bins by two outcomes; 0 where an outcome is in neither."""
    table = np.stack([one, two])
    margins = np.outer(table.sum(axis=1), table.sum(axis=0))
    if not margins.all():
        return 0.0
    determinant = table[0, 0] * table[1, 1] - table[0, 1] * table[1, 0]
    return float(table.sum() * determinant**2 / (table.sum(axis=1).prod() * table.sum(axis=0).prod()))


def _weigh(groups: list[list[int]], counts: _Counts, events: NDArray[np.int8]) -> tuple[float, ...]:
    found = (counts[group].sum(axis=0) for group in groups)
    return tuple(_compute_weight(float(bad), float(good), events) for bad, good in found)


def _weigh_missing(present: NDArray[np.bool_], events: NDArray[np.int8]) -> float:
    absent = events[~present]
    bad = float(absent.sum())
    return _compute_weight(bad, absent.size - bad, events) if absent.size else 0.0


def _compute_weight(bad: float, good: float, events: NDArray[np.int8]) -> float:
    rate = float(events.mean())
    # One row more, of both outcomes as they are in all rows: a small bin's weight shrinks towards 0 and stays finite.
    return log((bad + rate) / (good + 1 - rate)) - log(rate / (1 - rate))
