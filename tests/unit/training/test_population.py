"""Training data goes through the contract's own code."""

import numpy as np
import pytest
from tests.support.contracts import EVERY_KIND

from ratecard.kernel.errors import InvalidRequestError
from ratecard_workbench.training.population import encode_records, find_repeated

RECORD = {
    "income": 40_000,
    "debt": 2.0,
    "children": 1,
    "housing": "own",
    "employed": True,
}


def test_records_are_encoded_as_served():
    """Codes for words, NaN for what is missing, ratios last: exactly what `encode` gives a served row."""
    contract = EVERY_KIND
    row, problems = contract.parse_row(RECORD)
    assert not problems
    assert np.array_equal(encode_records(contract, [RECORD, RECORD]), [contract.encode(row)] * 2, equal_nan=True)


def test_a_record_that_could_not_be_served_is_not_trained_on():
    """The refusal names row and field, not the value."""
    with pytest.raises(InvalidRequestError, match=r"/1/income must be") as caught:
        encode_records(EVERY_KIND, [RECORD, RECORD | {"income": -12345}])
    assert "12345" not in caught.value.detail


def test_no_records_are_no_rows():
    """An empty population keeps its columns."""
    assert encode_records(EVERY_KIND, []).shape == (0, len(EVERY_KIND.columns))


def test_repeats_are_all_but_the_first():
    """Equal rows count once, wherever they stand."""
    keys = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [1.0, 2.0], [3.0, 5.0]])
    assert find_repeated(keys).tolist() == [False, False, True, True, False]


def test_taking_rows_keeps_columns_events_and_groups_together(population):
    """A part of the population is the same rows in every array."""
    part = population.take(np.array([7, 3]))
    assert len(part) == 2
    assert np.array_equal(part.columns, population.columns[[7, 3]])
    assert part.events.tolist() == population.events[[7, 3]].tolist()
    assert part.groups["group"].tolist() == population.groups["group"][[7, 3]].tolist()
