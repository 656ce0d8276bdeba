"""Outcomes by protected attribute: monitored numbers, for attributes that are never inputs.

Notes
-----
The adverse impact ratio below 0.8 is the four-fifths screen of 29 CFR 1607.4(D): a place to look, not a safe harbour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.intervals import LEVEL, Interval

SMALLEST_REFERENCE = 0.05
"""A group with a smaller fraction of the rows is not compared with: its own shares are too uncertain."""

BOTH_OUTCOMES = 10
"""Fewest rows of each outcome for a group's AUC."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the model says of each row, and what became of it.

    Attributes
    ----------
    probabilities : array of float64, shape (rows,)
        Predicted probability of the bad event, from a model that did not see the row.
    favourable : array of bool, shape (rows,)
        Whether the decision is the one a person hopes for.
    events : array of int8, shape (rows,)
        1 where the bad event happened.
    """

    probabilities: NDArray[np.float64]
    favourable: NDArray[np.bool_]
    events: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group's outcomes.

    Attributes
    ----------
    attribute, group : str
        For example sex, female.
    rows : int
        Size of the group.
    event_rate, mean_probability : float
        What happened and what was predicted, as fractions: calibration within the group.
    favourable_share : float
        Fraction with the favourable decision.
    impact_ratio : Interval or None
        That share over the reference group's (adverse impact ratio); None for the reference itself.
    opportunity_gap : float
        Favourable share among the group's rows without the event, less that of the reference (equal opportunity).
    auc : float or None
        Within the group; None where it has too few rows of either outcome.
    """

    attribute: str
    group: str
    rows: int
    event_rate: float
    mean_probability: float
    favourable_share: float
    impact_ratio: Interval | None
    opportunity_gap: float
    auc: float | None


def compute_fairness(groups: Mapping[str, NDArray[np.str_]], outcomes: Outcomes) -> list[GroupRow]:
    """Compare the groups of each attribute with the one that fares best.

    Parameters
    ----------
    groups : mapping of str to array of str, shape (rows,)
        Group of each row, by attribute.
    outcomes : Outcomes
        Of the same rows.

    Returns
    -------
    list of GroupRow
        By attribute, groups in the order of their names. The reference is the group with the largest favourable share
        among those with at least `SMALLEST_REFERENCE` of the rows.
    """
    table: list[GroupRow] = []
    for attribute, values in groups.items():
        members = {str(name): values == name for name in np.unique(values)}
        reference = _find_reference(members, outcomes)
        table += [_compute_row(attribute, name, members, (outcomes, reference)) for name in members]
    return table


def _find_reference(members: Mapping[str, NDArray[np.bool_]], outcomes: Outcomes) -> str:
    large = [name for name, inside in members.items() if inside.mean() >= SMALLEST_REFERENCE]
    return max(large or list(members), key=lambda name: float(outcomes.favourable[members[name]].mean()))


def _compute_row(
    attribute: str, group: str, members: Mapping[str, NDArray[np.bool_]], compared: tuple[Outcomes, str]
) -> GroupRow:
    outcomes, reference = compared
    inside, theirs = members[group], members[reference]
    events = outcomes.events[inside]
    enough = min(int(events.sum()), int((1 - events).sum())) >= BOTH_OUTCOMES
    good = outcomes.events == 0
    return GroupRow(
        attribute=attribute,
        group=group,
        rows=int(inside.sum()),
        event_rate=float(events.mean()),
        mean_probability=float(outcomes.probabilities[inside].mean()),
        favourable_share=float(outcomes.favourable[inside].mean()),
        impact_ratio=None if group == reference else _ratio(outcomes.favourable, inside, theirs),
        opportunity_gap=_share(outcomes.favourable, inside & good) - _share(outcomes.favourable, theirs & good),
        auc=compute_auc(outcomes.probabilities[inside], events) if enough else None,
    )


def _share(chosen: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    return float(chosen[inside].mean()) if inside.any() else 0.0


def _ratio(chosen: NDArray[np.bool_], inside: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> Interval:
    """Return one share over another with its log-normal interval (Katz et al., Biometrics 34, 1978)."""
    ours, base = _share(chosen, inside), _share(chosen, theirs)
    if not ours or not base:
        return Interval(0.0, 0.0, float(base == 0))
    ratio = ours / base
    error = sqrt((1 - ours) / (ours * inside.sum()) + (1 - base) / (base * theirs.sum()))
    half = float(norm.ppf(0.5 + LEVEL / 2)) * error
    return Interval(ratio, exp(log(ratio) - half), exp(log(ratio) + half))


def band_ages(ages: NDArray[np.int64], edges: Sequence[int] = (30, 40, 50, 60)) -> NDArray[np.str_]:
    """Name the band of each age, for example "under 30", "30-39" and "60 and over".

    Parameters
    ----------
    ages : array of int, shape (rows,)
        In years.
    edges : sequence of int
        First year of each band but the first, ascending.
    """
    middle = [f"{low}-{high - 1}" for low, high in pairwise(edges)]
    names = np.array([f"under {edges[0]}", *middle, f"{edges[-1]} and over"])
    return names[np.searchsorted(np.array(edges), ages, side="right")]
