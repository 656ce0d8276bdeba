"""Decisions that know what another value of one column would have scored."""

import json

import pytest

from ratecard.contract import Decision, Scored, SteppedDecision, Steps
from ratecard.engines.manifest import Calibration
from ratecard.engines.scorecard import ScorecardEngine
from ratecard.kernel.errors import ArtifactError
from ratecard.serving.model import bind_decision

CARD = {
    "format": 1,
    "intercept": -1.0,
    "columns": [
        {"name": "amount", "edges": [10.0, 20.0], "log_odds": [-0.5, 0.25, 1.0], "missing": None, "expected": 0.0},
        {"name": "word", "log_odds": [0.5, -0.5], "missing": None, "unknown": None, "expected": 0.0},
    ],
}


class Described:
    """What binding reads of a manifest."""

    engine_version = "1.0.0"
    columns = ("amount", "word")
    calibration = Calibration(2.0, -3.0)


def judge(scored: Scored, steps: Steps) -> Decision:
    """Say what the row's own value adds, and what the lowest would."""
    return Decision((steps.at(scored.values[0]), steps.log_odds[0]))


def make_engine() -> ScorecardEngine:
    """Load the card."""
    return ScorecardEngine(Described, json.dumps(CARD).encode())


@pytest.mark.parametrize(("value", "added"), [(0.0, -0.5), (9.99, -0.5), (10.0, 0.25), (19.5, 0.25), (20.0, 1.0)])
def test_a_value_adds_what_its_bin_says(value, added):
    """An edge belongs to the bin above it, as in the engine."""
    assert Steps((10.0, 20.0), (-0.5, 0.25, 1.0)).at(value) == added


def test_a_decision_is_given_the_artifacts_calibrated_steps():
    """Log-odds of the bins times the calibration's slope: the intercept is no part of what a column adds."""
    decide = bind_decision(SteppedDecision("amount", judge), make_engine(), Described)
    assert decide(Scored((15.0, "x"), 0.0, 0.5)).outputs == (0.5, -1.0)


def test_steps_are_what_the_engine_scores():
    """Moving one value moves the engine's score by the difference of the steps, whatever the other columns hold."""
    engine = make_engine()
    steps = Steps(*engine.steps("amount"))
    for code in (0.0, 1.0):
        (low,), (high,) = engine.score([(5.0, code), (25.0, code)])
        assert high - low == pytest.approx(steps.at(25.0) - steps.at(5.0))


def test_a_plain_decision_is_left_as_it_is():
    """Only what asks for steps is bound."""

    def decide(scored: Scored) -> Decision:
        return Decision((scored.probability,))

    assert bind_decision(decide, make_engine(), Described) is decide


@pytest.mark.parametrize("column", ["word", "absent"])
def test_steps_of_what_is_no_number_stop_the_function(column):
    """A decision over a category or an unknown column is a mistake that shows at start."""
    with pytest.raises(ArtifactError, match=f"no number {column}"):
        bind_decision(SteppedDecision(column, judge), make_engine(), Described)


def test_an_engine_without_steps_stops_the_function():
    """Only a scorecard can say what one column adds."""

    class Trees:
        name = "lightgbm"

    with pytest.raises(ArtifactError, match="which a lightgbm model has not"):
        bind_decision(SteppedDecision("amount", judge), Trees(), Described)
