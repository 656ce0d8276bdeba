"""From log-odds to score, grade and decision."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_rating.contract import APPROVE_FROM, CONTRACT, GRADE_FLOORS, GRADES, HIGHEST_SCORE, LOWEST_SCORE, REFER_FROM
from credit_rating.decision import compute_decision, compute_grade, compute_score, decide
from ratecard.contract import Scored


@pytest.mark.parametrize(("good_to_bad", "score"), [(50, 600), (25, 580), (100, 620), (12.5, 560), (1, 487)])
def test_the_scale_is_the_published_one(good_to_bad, score):
    """600 at 50:1, and 20 points double the odds; even odds are 600 - 20 log2(50) = 487.1."""
    assert compute_score(-log(good_to_bad)) == score


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_more_risk_never_scores_or_grades_higher(one, other):
    """Score, grade and decision follow the risk, within the published ends."""
    less, more = sorted((one, other))
    high, low = compute_score(less), compute_score(more)
    assert LOWEST_SCORE <= low <= high <= HIGHEST_SCORE
    assert GRADES.index(compute_grade(high)) <= GRADES.index(compute_grade(low))
    order = CONTRACT.outputs[-1].values
    assert order.index(compute_decision(high)) <= order.index(compute_decision(low))


@pytest.mark.parametrize(("place", "grade", "floor"), [(place, *pair) for place, pair in enumerate(GRADE_FLOORS)])
def test_a_floor_belongs_to_its_grade(place, grade, floor):
    """At the floor the grade holds, one point below it is the next."""
    assert compute_grade(floor) == grade
    assert compute_grade(floor - 1) == GRADES[place + 1]


def test_cut_offs_belong_to_the_better_decision():
    """At the cut-off the better decision holds, one point below the worse."""
    assert [compute_decision(APPROVE_FROM - below) for below in (0, 1)] == ["approve", "refer"]
    assert [compute_decision(REFER_FROM - below) for below in (0, 1)] == ["refer", "decline"]


@pytest.mark.parametrize(
    ("log_odds", "decision", "adverse"), [(-4, "approve", False), (-1, "refer", False), (2, "decline", True)]
)
def test_only_a_refusal_is_adverse(log_odds, decision, adverse):
    """Approved and referred rows are owed no reasons unasked; a declined one is."""
    decided = decide(Scored((), log_odds, 0.5))
    assert decided.outputs[-1] == decision
    assert decided.adverse is adverse


def test_outputs_stand_in_the_contracts_order():
    """Probability, score, grade, decision; grade and decision follow from the points shown."""
    probability, score, grade, decision = decide(Scored((), -3.0, 0.0474)).outputs
    assert [output.name for output in CONTRACT.outputs] == ["probability_of_default", "score", "grade", "decision"]
    assert probability == 0.0474
    assert (grade, decision) == (compute_grade(score), compute_decision(score))
