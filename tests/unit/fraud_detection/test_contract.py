"""The fraud-detection contract and its actions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_detection.contract import BLOCK_FROM, CONTRACT, STEP_UP_FROM, TYPICAL, WINDOWS
from fraud_detection.decision import compute_action, decide
from ratecard.contract import Boolean, Integer, Number, Scored

ACTIONS = CONTRACT.outputs[-1].values


def test_the_columns_are_the_agreed_fifteen():
    """Amount, weekend and night; count and mean of the customer, count and share of the terminal, thrice."""
    stems = ("customer_transactions", "customer_mean_amount", "terminal_transactions", "terminal_fraud_share")
    expected = ["amount", "weekend", "night", *(f"{stem}_{days}d" for stem in stems for days in WINDOWS)]
    assert list(CONTRACT.columns) == expected
    assert len(expected) == 15


@pytest.mark.parametrize("feature", CONTRACT.features, ids=lambda feature: feature.name)
def test_every_field_has_bounds_a_unit_and_a_sentence(feature):
    """A client can fill the field from its description alone; none may be missing."""
    assert feature.about.endswith(".")
    assert not feature.missing
    if not isinstance(feature, Boolean):
        assert isinstance(feature, Number | Integer)
        assert feature.unit
        assert feature.minimum <= feature.sample <= feature.maximum


def test_every_column_has_exactly_one_reason():
    """What counts against a payment can be named, and is named once; what an analyst can look into has advice."""
    named = [column for reason in CONTRACT.reasons for column in reason.columns]
    assert sorted(named) == sorted(CONTRACT.columns)
    assert [reason.code for reason in CONTRACT.reasons if not reason.advice] == ["F02"]


def test_typical_values_are_the_measured_medians(repository):
    """What reasons are shown beside comes from the training week."""
    measured = json.loads((repository / "functions/models/fraud_detection/training/measured.json").read_text())
    for stem, values in TYPICAL.items():
        names = [stem] if stem in CONTRACT.columns else [f"{stem}_{days}d" for days in WINDOWS]
        assert [measured["typical"][name] for name in names] == pytest.approx(values)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_risk_is_never_treated_softer(one, other):
    """Actions follow the probability."""
    less, more = sorted((one, other))
    assert ACTIONS.index(compute_action(less)) <= ACTIONS.index(compute_action(more))


def test_thresholds_belong_to_the_sharper_action():
    """At the threshold the sharper action holds; the client reads both in the output's sentence."""
    just_below = 1e-9
    assert [compute_action(STEP_UP_FROM - just_below), compute_action(STEP_UP_FROM)] == ["allow", "step_up"]
    assert [compute_action(BLOCK_FROM - just_below), compute_action(BLOCK_FROM)] == ["step_up", "block"]
    assert (compute_action(0.0), compute_action(1.0)) == ("allow", "block")
    assert f"{BLOCK_FROM}" in CONTRACT.outputs[-1].about
    assert f"{STEP_UP_FROM}" in CONTRACT.outputs[-1].about


@pytest.mark.parametrize(("probability", "adverse"), [(0.001, False), (0.2, False), (0.9, True)])
def test_only_a_blocked_payment_is_adverse(probability, adverse):
    """A stepped-up one goes through once its holder confirms; outputs stand in the contract's order."""
    decided = decide(Scored((), 0.0, probability))
    assert decided.adverse is adverse
    assert decided.outputs == (probability, compute_action(probability))
