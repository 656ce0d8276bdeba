"""How well scores tell the events apart from the others. Higher scores mean the event is likelier."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score


def compute_auc(scores: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the area under the ROC curve, in [0, 1]; ties count half.

    Raises
    ------
    ValueError
        If there are not both outcomes.

    Notes
    -----
    The Mann-Whitney statistic over the number of pairs. Source: Hanley & McNeil, Radiology 143 (1982).
    """
    bad = int(events.sum())
    good = events.size - bad
    if not bad or not good:
        raise ValueError("both outcomes must occur")
    ranks = rankdata(scores)[events == 1].sum()
    return float((ranks - bad * (bad + 1) / 2) / (bad * good))


def compute_gini(scores: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the Gini coefficient (accuracy ratio), 2 AUC - 1, in [-1, 1]."""
    return 2 * compute_auc(scores, events) - 1


def compute_ks(scores: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the Kolmogorov-Smirnov distance between the scores of events and of the others, in [0, 1]."""
    false_rates, true_rates = compute_roc(scores, events)
    return float(np.abs(true_rates - false_rates).max())


def compute_average_precision(scores: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the average precision, in [0, 1]; a random score gets the event rate."""
    return float(average_precision_score(events, scores))


def compute_roc(
    scores: NDArray[np.float64], events: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the ROC curve.

    Returns
    -------
    tuple of two arrays of float64
        False-positive and true-positive rates, from (0, 0) to (1, 1), one corner for each different score.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, outcome = scores[order], events[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), events.size - 1)
    true_counts = np.cumsum(outcome, dtype=np.float64)[last]
    false_counts = last + 1 - true_counts
    return (
        np.concatenate(([0.0], false_counts / false_counts[-1])),
        np.concatenate(([0.0], true_counts / true_counts[-1])),
    )


def compute_h_measure(scores: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the H-measure with a Beta(2, 2) weight on the cost of a missed event, in [0, 1].

    Notes
    -----
    Unlike the AUC it weighs the two kinds of error alike for every model. At cost share c of the false alarms the loss
    is the least of c * good * false_rate + (1 - c) * bad * (1 - true_rate) over thresholds; H is one minus its mean
    over c against the mean loss of the better of "all" and "none". The least is a chain of lines over the convex
    hull of the ROC curve, so both means are exact. Source: Hand, Machine Learning 77 (2009); weight: Hand &
    Anagnostopoulos, Pattern Recognition Letters 40 (2014).
    """
    bad = float(events.mean())
    good = 1 - bad
    false_rates, true_rates = _convex_hull(*compute_roc(scores, events))
    rise, run = bad * np.diff(true_rates), good * np.diff(false_rates)
    # At cost share c the threshold moves over a hull edge where c * run = (1 - c) * rise.
    edges = np.concatenate(([1.0], rise / (rise + run), [0.0]))
    upper, lower = edges[:-1], edges[1:]
    false_part, missed_part = good * false_rates, bad * (1 - true_rates)
    loss = false_part @ _moment(lower, upper) + missed_part @ (_mass(lower, upper) - _moment(lower, upper))
    cut = np.array([bad])
    zero, one = np.zeros(1), np.ones(1)
    worst = good * _moment(zero, cut) + bad * (_mass(cut, one) - _moment(cut, one))
    return float(1 - loss / worst[0])


def _convex_hull(
    false_rates: NDArray[np.float64], true_rates: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    hull: list[tuple[float, float]] = []
    for x, y in zip(false_rates.tolist(), true_rates.tolist(), strict=True):
        while len(hull) > 1:
            (x0, y0), (x1, y1) = hull[-2], hull[-1]
            if (y1 - y0) * (x - x1) > (y - y1) * (x1 - x0):
                break
            hull.pop()
        hull.append((x, y))
    corners = np.array(hull)
    return corners[:, 0], corners[:, 1]


def _mass(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate the Beta(2, 2) density 6c(1 - c)."""
    return _below(upper) - _below(lower)


def _below(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    return 3 * cost**2 - 2 * cost**3


def _moment(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate c times the density."""
    return (2 * upper**3 - 1.5 * upper**4) - (2 * lower**3 - 1.5 * lower**4)
