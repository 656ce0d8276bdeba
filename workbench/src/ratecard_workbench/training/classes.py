"""Figures of a model that chooses one of several classes, with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import norm

from ratecard_workbench.training.calibration import SMALLEST
from ratecard_workbench.training.intervals import LEVEL, Interval, compute_wilson
from ratecard_workbench.training.progress import track

ClassFigure: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.int64]], float]
"""From probabilities, shape (rows, classes), and true classes to a figure."""

DIGITS = 6


@dataclass(frozen=True, slots=True)
class ClassRow:
    """How one class is told from the others.

    Attributes
    ----------
    name : str
        Of the class.
    rows : int
        How many are truly of it.
    recall, precision : Interval
        Share found of them, and share right of those called so, with Wilson intervals.
    """

    name: str
    rows: int
    recall: Interval
    precision: Interval


def compute_accuracy(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return the share of rows whose likeliest class is the true one."""
    return float((probabilities.argmax(axis=1) == classes).mean())


def compute_confusion(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts, shape (true class, likeliest class)."""
    count = probabilities.shape[1]
    flat = np.bincount(classes * count + probabilities.argmax(axis=1), minlength=count * count)
    return flat.reshape(count, count)


def compute_macro_recall(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return the mean over classes of the share found: the accuracy on rows with as many of each class."""
    found = compute_confusion(probabilities, classes)
    return float((np.diag(found) / np.maximum(found.sum(axis=1), 1))[found.sum(axis=1) > 0].mean())


def compute_macro_f1(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return the mean over the classes that occur of the harmonic mean of recall and precision."""
    found = compute_confusion(probabilities, classes)
    either = found.sum(axis=1) + found.sum(axis=0)
    return float((2 * np.diag(found) / np.maximum(either, 1))[either > 0].mean())


def compute_log_loss(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return the mean negative logarithm of the true class's probability, >= 0."""
    chosen = probabilities[np.arange(classes.size), classes]
    return float(-np.log(np.clip(chosen, SMALLEST, 1.0)).mean())


def compute_confidence_error(probabilities: NDArray[np.float64], classes: NDArray[np.int64], bins: int = 10) -> float:
    """Return the expected calibration error of the likeliest class over bins of equal count, in [0, 1]."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    gaps = [abs(float(confidence[part].mean() - right[part].mean())) * part.size for part in parts if part.size]
    return float(sum(gaps) / classes.size)


CLASS_FIGURES: Mapping[str, ClassFigure] = {
    "accuracy": compute_accuracy,
    "macro_recall": compute_macro_recall,
    "macro_f1": compute_macro_f1,
    "log_loss": compute_log_loss,
    "calibration_error": compute_confidence_error,
}


def compute_class_bootstrap(
    probabilities: NDArray[np.float64],
    classes: NDArray[np.int64],
    *,
    seed: int,
    draws: int = 200,
    show: bool = False,
) -> dict[str, Interval]:
    """Return every figure of `CLASS_FIGURES` with the percentile interval of a bootstrap within the classes."""
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(classes == name) for name in np.unique(classes)]
    found: dict[str, list[float]] = {name: [] for name in CLASS_FIGURES}
    for _ in track(range(draws), "bootstrap intervals", show=show):
        drawn = np.concatenate([random.choice(rows, rows.size) for rows in members])
        for name, figure in CLASS_FIGURES.items():
            found[name].append(figure(probabilities[drawn], classes[drawn]))
    ends = {name: np.quantile(values, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]) for name, values in found.items()}
    return {
        name: Interval(figure(probabilities, classes), float(ends[name][0]), float(ends[name][1]))
        for name, figure in CLASS_FIGURES.items()
    }


def compute_accuracy_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], classes: NDArray[np.int64]
) -> Interval:
    """Return the accuracy of `first` less that of `second` on the same rows, with the interval of paired proportions.

    Notes
    -----
    Wald's interval of McNemar's difference. Source: Agresti, Categorical Data Analysis (2013), 11.1.
    """
    right = (first.argmax(axis=1) == classes).astype(np.float64) - (second.argmax(axis=1) == classes)
    value = float(right.mean())
    half = float(norm.ppf(0.5 + LEVEL / 2)) * sqrt(float(right.var()) / classes.size)
    return Interval(value, value - half, value + half)


def compute_class_table(
    names: Sequence[str], probabilities: NDArray[np.float64], classes: NDArray[np.int64]
) -> list[ClassRow]:
    """Return recall and precision of each class, in the order of the names."""
    found = compute_confusion(probabilities, classes)
    return [
        ClassRow(
            name,
            int(found[place].sum()),
            compute_wilson(int(found[place, place]), int(found[place].sum())),
            compute_wilson(int(found[place, place]), int(found[:, place].sum())),
        )
        for place, name in enumerate(names)
    ]


def fit_temperature(scores: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return the slope that makes softmax(slope * scores) as likely as can be: an inverse temperature, > 0.

    Parameters
    ----------
    scores : array of float64, shape (rows, classes)
        Log-odds by class, of rows the model has not seen.
    classes : array of int, shape (rows,)
        True classes.

    Notes
    -----
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML (2017).
    """
    rows = np.arange(classes.size)

    def loss(logarithm: float) -> float:
        return -float(log_softmax(np.exp(logarithm) * scores, axis=1)[rows, classes].mean())

    return round(float(np.exp(minimize_scalar(loss, bounds=(-7.0, 7.0), method="bounded").x)), DIGITS)


def compute_probabilities(scores: NDArray[np.float64], slope: float = 1.0) -> NDArray[np.float64]:
    """Return softmax(slope * scores), shape (rows, classes)."""
    return np.asarray(softmax(slope * scores, axis=1), dtype=np.float64)
