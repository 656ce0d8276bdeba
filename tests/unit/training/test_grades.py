"""The master scale: the search for floors, and the table of grades."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from ratecard_workbench.training.grades import compute_grade_table, is_strictly_ordered, propose_floors


def drawn(seed, size=3000):
    """Whole points, and events that grow rarer with them."""
    random = np.random.default_rng(seed)
    scores = random.integers(500, 512, size)
    return scores, (random.random(size) < 1 / (1 + np.exp((scores - 503) / 3))).astype(np.int8)


def least_gap(cuts, scores, events):
    """Smallest z-value between neighbouring grades, by counting."""
    bands = np.searchsorted(sorted(cuts), scores, side="right")
    rates = [events[bands == band].mean() for band in range(len(cuts) + 1)]
    sizes = [(bands == band).sum() for band in range(len(cuts) + 1)]
    pairs = zip(zip(rates, sizes, strict=True), zip(rates[1:], sizes[1:], strict=True), strict=False)
    return min(
        (worse - better) / sqrt(worse * (1 - worse) / n + better * (1 - better) / m)
        for (worse, n), (better, m) in pairs
    )


@pytest.mark.parametrize("grades", [2, 3, 4])
def test_no_other_floors_separate_better(grades):
    """The search finds as good a cut as trying them all."""
    scores, events = drawn(grades)
    found = propose_floors(scores, events, grades, smallest_share=0.0)
    best = max(least_gap(cuts, scores, events) for cuts in combinations(range(501, 512), grades - 1))
    assert least_gap(found, scores, events) == pytest.approx(best)
    assert found == sorted(found, reverse=True)


def test_no_grade_is_smaller_than_asked():
    """Each grade holds its smallest share of the rows."""
    scores, events = drawn(9)
    floors = propose_floors(scores, events, 4, smallest_share=0.2)
    bands = np.searchsorted(sorted(floors), scores, side="right")
    assert np.bincount(bands).min() >= 0.2 * scores.size


def test_rates_that_do_not_order_have_no_floors():
    """Events that grow more frequent with the score cannot be graded."""
    scores = np.repeat(np.arange(4), 50)
    events = (np.tile(np.arange(50), 4) < 10 * scores).astype(np.int8)
    with pytest.raises(ValueError, match="strictly ordered"):
        propose_floors(scores, events, 2)


def test_the_table_counts_each_row_once():
    """A floor belongs to its grade; all rows and events are in the table."""
    scores = np.array([610, 600, 599, 550, 549])
    events = np.array([0, 0, 1, 0, 1], dtype=np.int8)
    table = compute_grade_table(
        (("A", 600), ("B", 550)), "C", scores=scores, probabilities=np.full(5, 0.4), events=events
    )
    assert [(row.grade, row.floor, row.rows, row.events) for row in table] == [
        ("A", 600, 2, 0),
        ("B", 550, 2, 1),
        ("C", None, 1, 1),
    ]
    assert sum(row.share for row in table) == pytest.approx(1)
    assert is_strictly_ordered(table)


def test_an_empty_or_equal_grade_is_not_ordered():
    """Strictly means strictly, and a grade without rows has no rate."""
    scores, events = np.array([3, 2, 1, 1]), np.array([0, 0, 0, 1], dtype=np.int8)

    def ordered(*floors):
        return is_strictly_ordered(
            compute_grade_table(floors, "Z", scores=scores, probabilities=np.full(4, 0.3), events=events)
        )

    assert ordered(("A", 2))
    assert not ordered(("A", 3), ("B", 2))
    assert not ordered(("A", 9), ("B", 2))


def test_jeffreys_says_when_a_grade_is_too_hopeful():
    """50 of 100 bad where 30 % were predicted: nearly no chance that the truth is so low."""
    events = np.repeat(np.array([0, 1], dtype=np.int8), 50)
    (row,) = compute_grade_table(
        (), "A", scores=np.ones(100, dtype=np.int64), probabilities=np.full(100, 0.3), events=events
    )
    assert row.jeffreys < 0.001
