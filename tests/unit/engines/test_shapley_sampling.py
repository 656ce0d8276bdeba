"""Sampled Shapley values against exact ones: by enumeration, and in closed form for a linear model."""

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecard.engines.background import Background
from ratecard.engines.shapley import ShapleySampler

Function = Callable[[Sequence[float]], float]

COLUMNS = 5
BACKGROUND = [[math.sin(3 * place + 7 * row) for place in range(COLUMNS - 1)] + [float(row % 2)] for row in range(6)]
WEIGHTS = [0.5, -1.25, 2.0, 0.75, -0.3]


DRAWN = [0.135473913, 0.601148626, 0.434929647, -0.022256234, -0.256178351, 0.484483965]
DRAWN_ERRORS = [0.004789412, 0.0, 0.0, 0.038287832, 0.043067983]


class FunctionEngine:
    """An engine whose model is a Python function; it counts its calls and rows."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.calls: list[int] = []

    def score(self, rows: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
        """Score rows one by one."""
        self.calls.append(len(rows))
        return [(self.function(row),) for row in rows]


def linear(row: Sequence[float]) -> float:
    """A weighted sum."""
    return 0.1 + math.fsum(weight * value for weight, value in zip(WEIGHTS, row, strict=True))


def twisted(row: Sequence[float]) -> float:
    """Products, a maximum and a step: every column works through the others."""
    a, b, c, d, e = row
    return a * b + math.exp(-((b - c) ** 2)) * 2 + max(c, d) * (1 if e > 0.5 else -0.5) + 0.3 * a * d * e


def enumerate_shapley(function: Function, row: Sequence[float], background: list[list[float]]) -> list[float]:
    """Compute Shapley values by their definition: over all coalitions, each averaged over the background."""
    size = len(row)

    def worth(known: frozenset[int]) -> float:
        mixed = [[row[place] if place in known else start[place] for place in range(size)] for start in background]
        return math.fsum(map(function, mixed)) / len(mixed)

    values = []
    for place in range(size):
        others = [other for other in range(size) if other != place]
        total = 0.0
        for count in range(size):
            weight = math.factorial(count) * math.factorial(size - count - 1) / math.factorial(size)
            for known in combinations(others, count):
                total += weight * (worth(frozenset({*known, place})) - worth(frozenset(known)))
        values.append(total)
    return values


def explain(function: Function, row: Sequence[float], pairs: int = 2) -> tuple[list[float], list[float]]:
    """Explain one row with a fresh sampler."""
    engine = FunctionEngine(function)
    sampler = ShapleySampler(engine, Background(BACKGROUND, pairs))  # type: ignore[arg-type]
    return sampler.explain(row, (function(row),), lambda scores: scores[0])


rows = st.lists(st.floats(-3, 3), min_size=COLUMNS, max_size=COLUMNS)


@given(row=rows)
def test_a_linear_model_is_explained_exactly(row: list[float]) -> None:
    """Weight times distance from the background's mean, whatever the orders; no error (Strumbelj & Kononenko 2014)."""
    contributions, errors = explain(linear, row)
    means = [statistics.fmean(column) for column in zip(*BACKGROUND, strict=True)]

    expected = [weight * (value - mean) for weight, value, mean in zip(WEIGHTS, row, means, strict=True)]
    assert contributions[:-1] == pytest.approx(expected, abs=1e-9)
    assert errors == pytest.approx([0.0] * COLUMNS, abs=1e-9)


@given(row=rows)
def test_contributions_add_up_however_few_the_orders(row: list[float]) -> None:
    """To the margin less the mean margin of the background, which is the base."""
    contributions, _ = explain(twisted, row)

    assert contributions[-1] == pytest.approx(statistics.fmean(map(twisted, BACKGROUND)), abs=1e-12)
    assert math.fsum(contributions) == pytest.approx(twisted(row), abs=1e-9)


def test_many_orders_give_the_values_of_the_definition() -> None:
    """Within three standard errors, which are then small."""
    row = [0.4, -1.1, 0.9, 0.2, 1.0]
    contributions, errors = explain(twisted, row, pairs=400)

    exact = enumerate_shapley(twisted, row, BACKGROUND)
    for contribution, error, true in zip(contributions[:-1], errors, exact, strict=True):
        assert abs(contribution - true) <= 3 * error + 1e-12
        assert error < 0.02


def test_the_standard_error_is_how_far_off_the_values_are() -> None:
    """Over many rows, the distance from the exact values is the stated error: neither hidden nor overdone.

    The mean square of distance over error is near 1 by the definition of a standard error; with the few orders of one
    explanation it is taken of the sums, not of the quotients.
    """
    squares, stated = 0.0, 0.0
    for number in range(600):
        row = [math.cos(number * (place + 1)) * 1.5 for place in range(COLUMNS - 1)] + [float(number % 2)]
        contributions, errors = explain(twisted, row)
        for contribution, error, true in zip(
            contributions[:-1], errors, enumerate_shapley(twisted, row, BACKGROUND), strict=True
        ):
            squares += (contribution - true) ** 2
            stated += error**2

    assert 0.85 < squares / stated < 1.15


def test_the_same_row_gets_the_same_answer() -> None:
    """From one sampler or two, whatever was explained before: what is drawn depends on the row alone."""
    engine = FunctionEngine(twisted)
    sampler = ShapleySampler(engine, Background(BACKGROUND, 2))  # type: ignore[arg-type]
    row = [0.1, 0.2, -0.3, 0.4, 0.0]
    answers = [sampler.explain(one, (twisted(one),), lambda scores: scores[0]) for one in (row, row[::-1], row)]

    assert answers[0] == answers[2] == explain(twisted, row)


def test_the_orders_are_the_same_on_every_python() -> None:
    """A sampled value as it was first computed: another one would change answers that were given."""
    contributions, errors = explain(twisted, [0.1, 0.2, -0.3, 0.4, 0.0])

    assert [round(value, 9) for value in contributions] == DRAWN
    assert [round(value, 9) for value in errors] == DRAWN_ERRORS


def test_all_changed_rows_go_into_one_call() -> None:
    """The background once, then one call a row, of only such rows as are between two ends."""
    engine = FunctionEngine(twisted)
    sampler = ShapleySampler(engine, Background(BACKGROUND, 3))  # type: ignore[arg-type]
    for row in ([0.1, 0.2, 0.3, 0.4, 2.0], [0.5, 0.2, 0.3, 0.4, 2.0]):
        sampler.explain(row, (twisted(row),), lambda scores: scores[0])

    assert engine.calls == [6, 2 * 3 * 6 * 4, 2 * 3 * 6 * 4]


def test_equal_columns_cost_nothing_and_get_nothing() -> None:
    """A column that a background row has in common with the row moves nothing there, and needs no score."""
    row = BACKGROUND[0]
    engine = FunctionEngine(twisted)
    sampler = ShapleySampler(engine, Background([row, [*row[:-1], 9.0]], 2))  # type: ignore[arg-type]
    contributions, errors = sampler.explain(row, (twisted(row),), lambda scores: scores[0])

    assert engine.calls == [2, 0]
    assert contributions[:-2] == [0.0] * 4
    assert errors == [0.0] * 5


@settings(max_examples=20)
@given(row=st.lists(st.one_of(st.floats(-3, 3), st.just(math.nan)), min_size=COLUMNS, max_size=COLUMNS))
def test_missing_values_are_values(row: list[float]) -> None:
    """NaN is not equal to itself, and still the contributions add up."""

    def counting(values: Sequence[float]) -> float:
        return math.fsum(0.7 if math.isnan(value) else value for value in values)

    contributions, _ = explain(counting, row)

    assert math.fsum(contributions) == pytest.approx(counting(row), abs=1e-9)
