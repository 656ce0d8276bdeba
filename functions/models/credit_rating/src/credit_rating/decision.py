"""From a calibrated probability to what the business acts on."""

from __future__ import annotations

from bisect import bisect_right

from credit_rating.contract import (
    APPROVE_FROM,
    GRADE_FLOORS,
    GRADES,
    HIGHEST_SCORE,
    LOWEST_SCORE,
    REFER_FROM,
    SCALE,
)
from ratecard.contract import PointsDecision

_FLOORS = tuple(floor for _, floor in reversed(GRADE_FLOORS))
_GRADES_FROM_WORST = tuple(reversed(GRADES))


def compute_score(log_odds: float) -> int:
    """Return the score in whole points, in [LOWEST_SCORE, HIGHEST_SCORE].

    Parameters
    ----------
    log_odds : float
        Calibrated log-odds of default, finite.
    """
    return decide.points(log_odds)


def compute_grade(score: int) -> str:
    """Return the grade of a score, "A" to "J"."""
    return _GRADES_FROM_WORST[bisect_right(_FLOORS, score)]


def compute_decision(score: int) -> str:
    """Return "approve", "refer" or "decline" by the contract's cut-offs."""
    if score >= APPROVE_FROM:
        return "approve"
    return "refer" if score >= REFER_FROM else "decline"


def judge(score: int) -> tuple[tuple[str, str], bool]:
    """Return grade and decision of a score, and whether it is adverse.

    Both follow from the whole points that the client sees, so that a client can check them. Only a refusal is adverse:
    a referred person is not refused.
    """
    decision = compute_decision(score)
    return (compute_grade(score), decision), decision == "decline"


decide = PointsDecision(SCALE, LOWEST_SCORE, HIGHEST_SCORE, judge)
"""From a calibrated probability to probability_of_default, score, grade and decision."""
