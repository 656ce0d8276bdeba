"""Rows: what a contract takes, what it refuses and how it says so."""

import math

import jsonschema
import pytest
from hypothesis import given, settings
from support.contracts import EVERY_KIND, any_rows, good_rows

from ratecard.contract.rows import MAX_PROBLEMS, pointer_step
from ratecard.contract.sample import sample_row
from ratecard.contract.schema import Dialect, row_schema
from ratecard.kernel.errors import InvalidRequestError

GOOD = sample_row(EVERY_KIND)


def problems_of(instances: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequestError) as caught:
        EVERY_KIND.parse_rows(instances)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


@given(good_rows(EVERY_KIND))
def test_rows_that_fit_are_taken(row):
    """Every row within the bounds parses, and absent optional features are None."""
    values, problems = EVERY_KIND.parse_row(row)
    assert problems == []
    assert len(values) == len(EVERY_KIND.features)
    assert all(values[EVERY_KIND.places[name]] == value for name, value in row.items())


ROW_VALIDATOR = jsonschema.Draft4Validator(row_schema(EVERY_KIND, Dialect.DRAFT_4))


def with_whole_numbers(row: object) -> object:
    """Write 3.0 as 3, as a draft-4 "integer" wants it; the function takes both, since they are one number in JSON."""
    if not isinstance(row, dict):
        return row
    return {name: int(value) if type(value) is float and value == value // 1 else value for name, value in row.items()}


@settings(max_examples=400)
@given(any_rows(EVERY_KIND))
def test_the_published_schema_takes_just_what_the_function_takes(row):
    """JSON Schema draft 4, in an independent validator, agrees with the parser on every row (but on surrogates)."""
    row = with_whole_numbers(row)
    _, problems = EVERY_KIND.parse_row(row)
    if not any(problem.code == "bad_text" for problem in problems):
        assert ROW_VALIDATOR.is_valid(row) == (not problems)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"income": "42"}, "wrong_type"),
        ({"income": None}, "wrong_type"),
        ({"income": True}, "wrong_type"),
        ({"income": -0.01}, "out_of_range"),
        ({"income": 1_000_000.01}, "out_of_range"),
        ({"income": 10**400}, "not_finite"),
        ({"income": math.nan}, "not_finite"),
        ({"income": math.inf}, "not_finite"),
        ({"children": 2.5}, "wrong_type"),
        ({"children": 21}, "out_of_range"),
        ({"children": -math.inf}, "not_finite"),
        ({"children": False}, "wrong_type"),
        ({"housing": "palace"}, "not_a_choice"),
        ({"housing": 1}, "wrong_type"),
        ({"employed": 1}, "wrong_type"),
        ({"employed": "true"}, "wrong_type"),
        ({"note": "x" * 41}, "too_long"),
        ({"note": "a\0b"}, "bad_text"),
        ({"note": "\ud800"}, "bad_text"),
        ({"note": 5}, "wrong_type"),
        ({"extra": 1}, "unknown_field"),
    ],
)
def test_each_broken_value_has_its_code_and_place(change, code):
    """A refusal points at the value and never repeats it."""
    assert problems_of([GOOD, {**GOOD, **change}]) == [(f"/instances/1/{next(iter(change))}", code)]


def test_a_missing_feature_is_named():
    """An absent required feature is a problem at its own place."""
    row = {name: value for name, value in GOOD.items() if name != "housing"}
    assert problems_of([row]) == [("/instances/0/housing", "missing_field")]


@pytest.mark.parametrize(
    ("instances", "found"),
    [
        ([], ("/instances", "no_rows")),
        ({}, ("/instances", "wrong_type")),
        (None, ("/instances", "wrong_type")),
        ([GOOD] * 6, ("/instances", "too_many_rows")),
        ([[]], ("/instances/0", "wrong_type")),
    ],
)
def test_the_rows_must_be_a_short_array_of_objects(instances, found):
    """No rows, too many rows and rows that are no objects are refused."""
    assert problems_of(instances) == [found]


def test_a_refusal_lists_a_limited_number_of_problems():
    """A hostile request cannot make an endless answer."""
    with pytest.raises(InvalidRequestError, match="and 35 more") as caught:
        EVERY_KIND.parse_rows([dict.fromkeys(map(str, range(1000)), 1)])
    assert len(caught.value.problems) == MAX_PROBLEMS


def test_a_refusal_never_repeats_a_value():
    """Neither the sentence nor the problems hold what was sent."""
    canary = "canary-5f1c"
    with pytest.raises(InvalidRequestError) as caught:
        EVERY_KIND.parse_rows([{**GOOD, "housing": canary, "income": canary}])
    assert canary not in str(caught.value) + repr(caught.value.problems)


@pytest.mark.parametrize(
    ("name", "step"), [("a/b", "/a~1b"), ("a~b", "/a~0b"), ("a\nb", "/a?b"), ("x" * 99, "/" + "x" * 64)]
)
def test_pointers_are_escaped(name, step):
    """An unknown field's name cannot break the pointer or a log."""
    assert pointer_step(name) == step


def test_the_engine_sees_codes_nan_and_ratios():
    """Words become their place, what is missing NaN, ratios come last; unscored features are left out."""
    row = EVERY_KIND.parse_rows([{**GOOD, "debt": 10.5, "income": 21, "channel": None}])[0]
    columns = dict(zip(EVERY_KIND.columns, EVERY_KIND.encode(row), strict=True))
    assert columns.pop("channel") != columns.get("channel")
    assert list(columns.values()) == [21.0, 10.5, 2.0, 0.0, 1.0, 1.0, 0.5]
    assert list(columns)[-1] == "debt_to_income"


def test_a_ratio_over_zero_is_missing():
    """Division by zero is NaN, which the engines take as missing."""
    row = EVERY_KIND.parse_rows([{**GOOD, "income": 0}])[0]
    assert math.isnan(EVERY_KIND.encode(row)[-1])
