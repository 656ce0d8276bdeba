"""From an engine's scores to what `decide` sees: one reading for each kind of output a manifest can name."""

from __future__ import annotations

from math import exp, fsum, log  # fsum: sum() adds in another way from Python 3.12 on

from ratecard.contract.decisions import Scored
from ratecard.engines.manifest import LOG_ODDS, LOG_ODDS_BY_CLASS, PROBABILITY, PROBABILITY_BY_CLASS
from ratecard.kernel.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ratecard.contract import Row
    from ratecard.engines.manifest import Calibration

    Scores: TypeAlias = Sequence[float]
    ScoreReader: TypeAlias = Callable[[Row, Scores], Scored]

SMALLEST_FRACTION = 1e-12
"""A fraction nearer than this to 0 or 1 counts as this near: its log-odds stay finite."""

ROUNDING = 1e-3
"""Fractions come in float32, from products of many: so far may they, or their sum, lie outside what fractions are."""


def probability_of(log_odds: float) -> float:
    """Turn log-odds into a fraction in [0, 1], without overflow at either end."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1.0 + odds)


def log_odds_of(fraction: float) -> float:
    """Turn a fraction into log-odds, the nearest `SMALLEST_FRACTION` to 0 and 1 clipped.

    Raises
    ------
    EngineError
        If it is no fraction: the artifact's output is then not what its manifest says.
    """
    inside = clip_fraction(fraction)
    return log(inside / (1.0 - inside))


def clip_fraction(fraction: float) -> float:
    """Keep a fraction away from 0 and 1.

    Raises
    ------
    EngineError
        If it is no fraction, or NaN.
    """
    if not -ROUNDING <= fraction <= 1.0 + ROUNDING:
        raise EngineError("the model's output is not the fraction that its manifest says it is")
    return min(max(fraction, SMALLEST_FRACTION), 1.0 - SMALLEST_FRACTION)


def log_fractions(fractions: Scores) -> list[float]:
    """Return the logarithms of fractions that sum to 1.

    Raises
    ------
    EngineError
        If they do not, or one is no fraction.
    """
    logs = [log(clip_fraction(fraction)) for fraction in fractions]
    if abs(fsum(fractions) - 1.0) > ROUNDING:
        raise EngineError("the model's outputs by class do not sum to 1, as its manifest says")
    return logs


def softmax(scores: Scores, slope: float) -> tuple[float, ...]:
    """Return probabilities by class of scores by class; `slope` is the inverse temperature."""
    highest = max(scores)
    odds = [exp(slope * (score - highest)) for score in scores]
    total = fsum(odds)
    return tuple([one / total for one in odds])


def centred(scores: Scores) -> list[float]:
    """Return scores by class against their mean over the classes: all of them that decides (centred log-ratios)."""
    mean = fsum(scores) / len(scores)
    return [score - mean for score in scores]


def margin_reader(output: str, explained: int) -> Callable[[Scores], float]:
    """Choose the number that contributions to a model's scores add up to, before calibration.

    Parameters
    ----------
    output : str
        As the manifest names it.
    explained : int
        Place of the class to explain; anything where there are no classes.

    Returns
    -------
    callable
        From the engine's scores for a row to log-odds; of a class to its log-probability against the mean over the
        classes; of a value to the value.
    """
    if output == PROBABILITY:
        return lambda scores: log_odds_of(scores[0])
    if output == LOG_ODDS_BY_CLASS:
        return lambda scores: centred(scores)[explained]
    if output == PROBABILITY_BY_CLASS:
        return lambda scores: centred(log_fractions(scores))[explained]
    return lambda scores: scores[0]


def score_reader(output: str, calibration: Calibration) -> ScoreReader:
    """Choose how a model's scores are read.

    Parameters
    ----------
    output : str
        As the manifest names it.
    calibration : Calibration
        Applied to log-odds and probabilities; by class the slope alone; not to a value.

    Returns
    -------
    callable
        From a parsed row and the engine's scores for it to `Scored`. It raises `EngineError` if the scores are not
        fractions where the manifest says so.
    """
    slope, intercept = calibration.slope, calibration.intercept

    def read_log_odds(row: Row, scores: Scores) -> Scored:
        margin = slope * scores[0] + intercept
        return Scored(row, margin, probability_of(margin), ())

    def read_probability(row: Row, scores: Scores) -> Scored:
        margin = slope * log_odds_of(scores[0]) + intercept
        return Scored(row, margin, probability_of(margin), ())

    def read_log_odds_by_class(row: Row, scores: Scores) -> Scored:
        classes = softmax(scores, slope)
        likeliest = max(classes)
        return Scored(row, log_odds_of(likeliest), likeliest, classes)

    def read_probability_by_class(row: Row, scores: Scores) -> Scored:
        return read_log_odds_by_class(row, log_fractions(scores))

    def read_value(row: Row, scores: Scores) -> Scored:
        return Scored(row, scores[0], 0.0, ())

    readers: dict[str, ScoreReader] = {
        LOG_ODDS: read_log_odds,
        PROBABILITY: read_probability,
        LOG_ODDS_BY_CLASS: read_log_odds_by_class,
        PROBABILITY_BY_CLASS: read_probability_by_class,
    }
    return readers.get(output, read_value)
