"""Tables of cards, frauds and money, by hand."""

import numpy as np
import pytest

from ratecard_workbench.training.alert_table import (
    Payments,
    compute_action_rows,
    compute_alert_rows,
    compute_average_precision_interval,
    format_actions,
    format_alerts,
)
from ratecard_workbench.training.alerts import compute_card_precision, sum_up
from ratecard_workbench.training.crossval import OutOfFold
from ratecard_workbench.training.discrimination import compute_auc, compute_average_precision
from ratecard_workbench.training.intervals import compute_bootstrap

PAYMENTS = Payments(
    days=np.array([0, 0, 0, 1, 1]),
    cards=np.array([1, 1, 2, 1, 3]),
    amounts=np.array([10.0, 30.0, 20.0, 60.0, 5.0]),
    events=np.array([1, 0, 0, 1, 0], dtype=np.int8),
)


def test_actions_are_counted_by_payment_card_and_money():
    """Three payments of two cards on two days are blocked: two of them frauds, all of the frauds' money."""
    taken = np.array(["block", "block", "allow", "block", "allow"])
    blocked, stepped_up = compute_action_rows(("block", "step_up"), taken, PAYMENTS)
    assert (blocked.share, blocked.transactions_a_day, blocked.cards_a_day) == (0.6, 1.5, 1.0)
    assert (blocked.precision, blocked.recall, blocked.value_recall) == (pytest.approx(2 / 3), 1.0, 1.0)
    assert (stepped_up.share, stepped_up.precision, stepped_up.value_recall) == (0.0, 0.0, 0.0)
    assert "| block | 60.00 % | 1.5 | 1.0 | 66.7 % | 100.0 % | 100.0 % |" in format_actions([blocked])


def test_value_recall_weighs_frauds_by_money():
    """Of 70 in two frauds, the one of 60 is caught."""
    taken = np.array(["allow", "allow", "allow", "block", "allow"])
    (blocked,) = compute_action_rows(("block",), taken, PAYMENTS)
    assert (blocked.recall, blocked.value_recall) == (0.5, pytest.approx(6 / 7))


def test_procedures_are_judged_on_the_rows_they_were_tested_on():
    """Each figure is the plain one of those rows, within its interval."""
    random = np.random.default_rng(4)
    events = (random.random(900) < 0.1).astype(np.int8)
    payments = Payments(np.repeat(np.arange(6), 150), random.integers(0, 80, 900), np.ones(900), events)
    margins = random.normal(size=900) + 2 * events
    margins[:300] = np.nan
    found = OutOfFold(margins[np.newaxis], np.zeros(1), 2.0)
    (row,) = compute_alert_rows({"One": found}, payments, alerts=10, seed=1, draws=40)
    rest = payments.take(np.arange(300, 900))
    summed = sum_up(margins[300:], rest.days, rest.cards, rest.events)
    assert row.auc.value == pytest.approx(compute_auc(margins[300:], rest.events))
    assert row.average_precision.value == pytest.approx(compute_average_precision(margins[300:], rest.events))
    assert row.card_precision.value == compute_card_precision(summed, 10)
    for interval in (row.auc, row.average_precision):
        assert interval.lower < interval.value < interval.upper
    assert "card precision@10" in format_alerts([row], 10)


def test_the_fast_bootstrap_is_the_plain_one():
    """Sorting once or in every sample, ties and all: the same value, and the same interval up to its own noise."""
    random = np.random.default_rng(6)
    events = (random.random(2000) < 0.05).astype(np.int8)
    scores = np.round(random.normal(size=2000) + 1.5 * events, 1)
    fast = compute_average_precision_interval(scores, events, seed=1, draws=600)
    plain = compute_bootstrap({"ap": compute_average_precision}, scores, events, seed=2, draws=600)["ap"]
    assert fast.value == plain.value
    assert (fast.lower, fast.upper) == pytest.approx((plain.lower, plain.upper), abs=0.02)
