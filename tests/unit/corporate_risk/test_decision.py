"""From log-odds to score, grade and watch list."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corporate_risk.contract import CONTRACT, GRADE_FLOORS, GRADES, HIGHEST_SCORE, LOWEST_SCORE, NORMAL_FROM, WATCH_FROM
from corporate_risk.decision import compute_watch, decide, judge
from ratecard.contract import Scored


@pytest.mark.parametrize(("sound_to_bankrupt", "score"), [(50, 600), (25, 580), (100, 620), (12.5, 560)])
def test_the_scale_is_the_published_one(sound_to_bankrupt, score):
    """600 at 50:1, and 20 points double the odds."""
    assert decide.points(-log(sound_to_bankrupt)) == score


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_more_risk_is_never_better(one, other):
    """Score, grade and place on the watch list follow the risk, within the published ends."""
    better, worse = (decide(Scored((), log_odds, 0.5)).outputs for log_odds in sorted((one, other)))
    assert LOWEST_SCORE <= worse[1] <= better[1] <= HIGHEST_SCORE
    assert GRADES.index(better[2]) <= GRADES.index(worse[2])
    order = CONTRACT.outputs[-1].values
    assert order.index(better[3]) <= order.index(worse[3])


@pytest.mark.parametrize(("place", "grade", "floor"), [(place, *pair) for place, pair in enumerate(GRADE_FLOORS)])
def test_a_floor_belongs_to_its_grade(place, grade, floor):
    """At the floor the grade holds, one point below it is the next."""
    assert judge(floor)[0][0] == grade
    assert judge(floor - 1)[0][0] == GRADES[place + 1]


def test_cut_offs_belong_to_the_better_place():
    """At the cut-off the better place holds, one point below the worse."""
    assert [compute_watch(NORMAL_FROM - below) for below in (0, 1)] == ["normal", "watch"]
    assert [compute_watch(WATCH_FROM - below) for below in (0, 1)] == ["watch", "high_risk"]


@pytest.mark.parametrize(("score", "adverse"), [(NORMAL_FROM, False), (WATCH_FROM, False), (WATCH_FROM - 1, True)])
def test_only_high_risk_is_owed_reasons_unasked(score, adverse):
    """Who is only watched is refused nothing."""
    assert judge(score)[1] is adverse


def test_outputs_stand_in_the_contracts_order():
    """Probability, score, grade, watch list."""
    names = ["probability_of_distress", "score", "grade", "watch_list"]
    assert [output.name for output in CONTRACT.outputs] == names
    probability, score, grade, watch = decide(Scored((), -3.0, 0.0474)).outputs
    assert probability == 0.0474
    assert judge(score) == ((grade, watch), watch == "high_risk")
