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
from ratecard.contract import Decision, Scored

_FLOORS = tuple(floor for _, floor in reversed(GRADE_FLOORS))
_GRADES_FROM_WORST = tuple(reversed(GRADES))


def compute_score(log_odds: float) -> int:
    """Return the score in whole points, in [LOWEST_SCORE, HIGHEST_SCORE].

    Parameters
    ----------
    log_odds : float
        Calibrated log-odds of default, finite.
    """
    return min(max(round(SCALE.score(log_odds)), LOWEST_SCORE), HIGHEST_SCORE)


def compute_grade(score: int) -> str:
    """Return the grade of a score, "A" to "J"."""
    return _GRADES_FROM_WORST[bisect_right(_FLOORS, score)]


def compute_decision(score: int) -> str:
    """Return "approve", "refer" or "decline" by the contract's cut-offs."""
    if score >= APPROVE_FROM:
        return "approve"
    return "refer" if score >= REFER_FROM else "decline"


def decide(scored: Scored) -> Decision:
    """Decide on one row.

    Grade and decision follow from the whole points that the client sees, so that a client can check them.

    Parameters
    ----------
    scored : Scored
        Calibrated log-odds and probability of default.

    Returns
    -------
    Decision
        probability_of_default, score, grade, decision. Only a refusal is adverse: a referred person is not refused.
    """
    score = compute_score(scored.margin)
    decision = compute_decision(score)
    return Decision((scored.probability, score, compute_grade(score), decision), adverse=decision == "decline")
