"""From a calibrated probability to score, grade and watch list."""

from __future__ import annotations

from bisect import bisect_right

from corporate_risk.contract import GRADE_FLOORS, GRADES, HIGHEST_SCORE, LOWEST_SCORE, NORMAL_FROM, SCALE, WATCH_FROM
from ratecard.contract import PointsDecision

_FLOORS = tuple(floor for _, floor in reversed(GRADE_FLOORS))
_GRADES_FROM_WORST = tuple(reversed(GRADES))


def compute_watch(score: int) -> str:
    """Return "normal", "watch" or "high_risk" by the contract's cut-offs."""
    if score >= NORMAL_FROM:
        return "normal"
    return "watch" if score >= WATCH_FROM else "high_risk"


def judge(score: int) -> tuple[tuple[str, str], bool]:
    """Return grade and watch list of a score, and whether it is adverse.

    Both follow from the whole points that the client sees. Only high risk is adverse: a company on the watch list is
    looked at more often, and refused nothing.
    """
    watch = compute_watch(score)
    return (_GRADES_FROM_WORST[bisect_right(_FLOORS, score)], watch), watch == "high_risk"


decide = PointsDecision(SCALE, LOWEST_SCORE, HIGHEST_SCORE, judge)
"""From a calibrated probability to probability_of_distress, score, grade and watch_list."""
