"""Divisions by time and what a fraud desk finds, against the handbook's own figures and a second implementation."""

import numpy as np
import pytest

from ratecard_workbench.training.alerts import compute_card_precision, compute_card_precision_interval, sum_up
from ratecard_workbench.training.table import load_csv
from ratecard_workbench.training.timesplit import Window, split_by_time, time_protocol


def find_by_sets(window, days, cards, events):
    """The handbook's procedure, in plain sets."""
    rows = list(zip(range(len(days)), days.tolist(), cards.tolist(), events.tolist(), strict=True))
    train = [row for row in rows if window.start_day <= row[1] < window.start_day + window.train_days]
    known = {card for _, _, card, fraud in train if fraud}
    test = []
    for offset in range(window.test_days):
        learnt = window.start_day + window.train_days + offset - 1
        known |= {card for _, day, card, fraud in rows if fraud and day == learnt}
        test += [place for place, day, card, _ in rows if day == window.first_test_day + offset and card not in known]
    return [place for place, *_ in train], test


@pytest.fixture(scope="module")
def transactions():
    """Four weeks of 60 cards, 3 % frauds: days, cards, events and scores."""
    random = np.random.default_rng(8)
    days, cards = np.sort(random.integers(0, 28, 3000)), random.integers(0, 60, 3000)
    events = (random.random(3000) < 0.03).astype(np.int8)
    return days, cards, events, random.random(3000) + 0.3 * events


@pytest.mark.parametrize("window", [Window(0), Window(3, 5, 2, 10), Window(1, 7, 0, 3)])
def test_cards_known_to_be_compromised_are_not_tested(window, transactions):
    """The same rows as by the handbook's procedure; nothing tested was known, nothing trained on lies in the delay."""
    days, cards, events, _ = transactions
    fold = split_by_time(window, days, cards, events)
    assert (fold.train.tolist(), fold.test.tolist()) == find_by_sets(window, days, cards, events)


def test_overlapping_windows_are_refused(transactions):
    """A row tested twice would count twice."""
    days, cards, events, _ = transactions
    folds = [split_by_time(Window(start), days, cards, events) for start in (0, 3)]
    with pytest.raises(ValueError, match="tested twice"):
        time_protocol("two windows", folds)
    apart = time_protocol("one", folds[:1])
    assert (apart.repeats, len(apart.first)) == (1, 1)


def find_daily(days, cards, events, scores, *, alerts):
    """The handbook's card precision, in plain dicts."""
    found, shares = set(), []
    for day in sorted(set(days.tolist())):
        highest, fraud = {}, {}
        for place in np.flatnonzero(days == day).tolist():
            card = int(cards[place])
            if card not in found:
                highest[card] = max(highest.get(card, 0.0), float(scores[place]))
                fraud[card] = fraud.get(card, False) or bool(events[place])
        hits = [card for card in sorted(highest, key=highest.__getitem__, reverse=True)[:alerts] if fraud[card]]
        found |= set(hits)
        shares.append(len(hits) / alerts)
    return sum(shares) / len(shares)


@pytest.mark.parametrize("alerts", [1, 5, 20, 100])
def test_card_precision_is_the_handbooks(alerts, transactions):
    """Each day's cards by their highest score, found ones blocked, the share of the budget; with a seeded interval."""
    days, cards, events, scores = transactions
    summed = sum_up(scores, days, cards, events)
    assert compute_card_precision(summed, alerts) == pytest.approx(
        find_daily(days, cards, events, scores, alerts=alerts)
    )
    interval = compute_card_precision_interval(summed, alerts, seed=1)
    assert interval.lower < interval.upper
    # A card drawn twice takes two of the budget: that matters at a budget of one, and less the larger it is.
    assert alerts == 1 or interval.lower <= interval.value <= interval.upper
    assert interval == compute_card_precision_interval(summed, alerts, seed=1)


@pytest.mark.slow
def test_the_split_of_the_handbook_has_its_rows(requires_shared):
    """Chapter 3 prints 67,240 training and 58,264 test transactions, and .017 for a random classifier's precision."""
    table = load_csv(requires_shared / "data" / "fraud_handbook_simulated" / "transactions.csv.gz")
    days, cards = table["TX_TIME_SECONDS"].astype(np.int64) // 86_400, table["CUSTOMER_ID"].astype(np.int64)
    events = table["TX_FRAUD"].astype(np.int8)
    fold = split_by_time(Window(115), days, cards, events)  # 25 July is day 115 from 1 April
    assert (fold.train.size, fold.test.size) == (67_240, 58_264)
    random = np.random.default_rng(0).random(fold.test.size)
    found = compute_card_precision_interval(
        sum_up(random, days[fold.test], cards[fold.test], events[fold.test]), seed=1
    )
    assert found.lower < 0.017 < found.upper
