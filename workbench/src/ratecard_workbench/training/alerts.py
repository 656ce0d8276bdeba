"""What a fraud desk finds that can look at a fixed number of cards a day."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.intervals import LEVEL, Interval
from ratecard_workbench.training.progress import track


@dataclass(frozen=True, slots=True)
class CardDays:
    """Transactions, summed up by day and card.

    Attributes
    ----------
    days : tuple of (array of int, array of float64, array of bool)
        By day, ascending: places of its cards, their largest scores, and whether one of the day's transactions was a
        fraud; in descending order of the scores.
    cards : int
        How many different cards there are.
    """

    days: tuple[tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]], ...]
    cards: int


def sum_up(
    scores: NDArray[np.float64], days: NDArray[np.int64], cards: NDArray[np.int64], events: NDArray[np.int8]
) -> CardDays:
    """Sum up transactions by day and card; all arrays have the shape (transactions,)."""
    names, places = np.unique(cards, return_inverse=True)
    found = []
    for day in np.unique(days):
        today = days == day
        own, inverse = np.unique(places[today], return_inverse=True)
        largest = np.full(own.size, -np.inf)
        np.maximum.at(largest, inverse, scores[today])
        frauds = np.bincount(inverse, weights=events[today], minlength=own.size) > 0
        order = np.argsort(-largest, kind="stable")
        found.append((own[order], largest[order], frauds[order]))
    return CardDays(tuple(found), int(names.size))


def compute_card_precision(summed: CardDays, alerts: int = 100) -> float:
    """Return the mean over days of the share of truly compromised cards among the `alerts` most suspicious ones.

    Notes
    -----
    A compromised card that was found is blocked and not looked at on later days; where a day has fewer cards, the share
    is still of `alerts`. Source: Le Borgne et al. (2022), `card_precision_top_k`.
    """
    return float(np.mean(list(_find_daily(summed, np.ones(summed.cards), alerts))))


def compute_card_precision_interval(
    summed: CardDays, alerts: int = 100, *, seed: int, draws: int = 200, show: bool = False
) -> Interval:
    """Return the same with the percentile interval of a bootstrap over cards: one card's days are not independent.

    Parameters
    ----------
    summed : CardDays
        From `sum_up`.
    alerts : int
        Cards looked at each day.
    seed : int
        Same seed, same draws.
    draws : int
        Number of samples.
    show : bool
        Whether to draw a progress bar on stderr.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in track(range(draws), "card precision intervals", show=show):
        weights = np.bincount(random.integers(0, summed.cards, summed.cards), minlength=summed.cards)
        found.append(np.mean(list(_find_daily(summed, weights.astype(np.float64), alerts))))
    lower, upper = np.quantile(found, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Interval(compute_card_precision(summed, alerts), float(lower), float(upper))


def _find_daily(summed: CardDays, weights: NDArray[np.float64], alerts: int) -> Iterator[float]:
    """Yield each day's share of found cards; a card drawn several times is as many cards."""
    weights = weights.copy()
    for cards, _, frauds in summed.days:
        before = np.concatenate(([0.0], np.cumsum(weights[cards])[:-1]))
        looked_at = np.clip(alerts - before, 0, weights[cards])
        yield float(looked_at[frauds].sum() / alerts)
        weights[cards[frauds & (looked_at > 0)]] = 0.0
