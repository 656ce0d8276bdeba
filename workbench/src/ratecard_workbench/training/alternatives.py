"""What else could have been used: well-known classifiers, fitted and judged on the same folds as the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.calibration import compute_brier
from ratecard_workbench.training.crossval import Fit, OutOfFold, compute_out_of_fold
from ratecard_workbench.training.discrimination import compute_average_precision, compute_ks
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.intervals import Interval, compute_delong, compute_delong_difference
from ratecard_workbench.training.platt import CalibrationError, fit_platt
from ratecard_workbench.training.population import Population


@dataclass(frozen=True, slots=True)
class Alternative:
    """A named procedure."""

    name: str
    fit: Fit


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """How one procedure did.

    Attributes
    ----------
    name : str
        Of the procedure.
    auc : Interval
        On all out-of-fold scores, with its DeLong interval.
    difference : Interval or None
        Its AUC less the model's on the same rows (DeLong); None for the model itself.
    ks, average_precision : float
        On all out-of-fold scores.
    brier : float or None
        After a Platt line of its own, so that no procedure is blamed for scores that are not probabilities; None where
        there is no such line.
    """

    name: str
    auc: Interval
    difference: Interval | None
    ks: float
    average_precision: float
    brier: float | None


def compare_alternatives(
    champion: tuple[str, OutOfFold],
    alternatives: Sequence[Alternative],
    population: Population,
    folds: Sequence[Fold],
    *,
    show: bool = False,
) -> list[ComparisonRow]:
    """Judge alternatives beside a model that was already cross-validated.

    Parameters
    ----------
    champion : tuple of str and OutOfFold
        The model's name and what cross-validation found on folds that begin with `folds`.
    alternatives : sequence of Alternative
        What it is compared with.
    population : Population
        All rows.
    folds : sequence of Fold
        One whole repeat, or one division by time: then only its test rows are compared.
    show : bool
        Whether to draw progress bars on stderr.

    Returns
    -------
    list of ComparisonRow
        The champion first, then the alternatives in their order.
    """
    scored = {
        alternative.name: compute_out_of_fold(alternative.fit, population, folds, label=alternative.name, show=show)
        for alternative in alternatives
    }
    return compare_scored(champion, scored, population)


def compare_scored(
    champion: tuple[str, OutOfFold], scored: Mapping[str, OutOfFold], population: Population
) -> list[ComparisonRow]:
    """Judge alternatives whose out-of-fold margins are there already; parameters as in `compare_alternatives`.

    Parameters
    ----------
    champion : tuple of str and OutOfFold
        The model.
    scored : mapping of str to OutOfFold
        The alternatives by name, on the champion's folds.
    population : Population
        All rows.
    """
    name, found = champion
    tested = found.tested
    own, events = found.margins[0, tested], population.events[tested]
    table = [_compute_row(name, own, None, events)]
    table += [_compute_row(name, theirs.margins[0, tested], own, events) for name, theirs in scored.items()]
    return table


def _compute_row(
    name: str, margins: NDArray[np.float64], champion: NDArray[np.float64] | None, events: NDArray[np.int8]
) -> ComparisonRow:
    return ComparisonRow(
        name=name,
        auc=compute_delong(margins, events),
        difference=None if champion is None else compute_delong_difference(margins, champion, events),
        ks=compute_ks(margins, events),
        average_precision=compute_average_precision(margins, events),
        brier=_compute_own_brier(margins, events),
    )


def _compute_own_brier(margins: NDArray[np.float64], events: NDArray[np.int8]) -> float | None:
    try:
        return compute_brier(fit_platt(margins, events).probabilities(margins), events)
    except CalibrationError:
        return None
