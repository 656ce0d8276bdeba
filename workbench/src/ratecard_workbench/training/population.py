"""Rows of training data, encoded by the same contract that serves them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ratecard.contract import Category, ModelContract
from ratecard.kernel.errors import InvalidRequestError


@dataclass(frozen=True, slots=True)
class Population:
    """Rows as the engine sees them, with what became of them.

    Attributes
    ----------
    columns : array of float64, shape (rows, engine columns)
        In the order of the contract's columns; NaN is missing.
    events : array of int8, shape (rows,)
        1 where the predicted event happened, else 0.
    groups : mapping of str to array of str, shape (rows,)
        Protected attributes by name: for the fairness table, never columns.
    segments : mapping of str to array of str, shape (rows,)
        Business segments by name: for the table of segments.
    """

    columns: NDArray[np.float64]
    events: NDArray[np.int8]
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    segments: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.events.size)

    def take(self, index: NDArray[np.intp]) -> "Population":
        """Return some of the rows, in the order of `index`."""
        groups = {name: values[index] for name, values in self.groups.items()}
        segments = {name: values[index] for name, values in self.segments.items()}
        return Population(self.columns[index], self.events[index], groups, segments)


def encode_records(contract: ModelContract, records: Iterable[Mapping[str, object]]) -> NDArray[np.float64]:
    """Encode records by the contract's own code, so that training sees what serving will see.

    Parameters
    ----------
    contract : ModelContract
        All features must encode to numbers.
    records : iterable of mapping
        Feature name to value, as a client would send it.

    Returns
    -------
    array of float64, shape (records, engine columns)

    Raises
    ------
    InvalidRequestError
        If a record breaks the contract: data that could not be served must not be trained on.
    """
    encoded: list[Sequence[float | str]] = []
    for place, record in enumerate(records):
        row, problems = contract.parse_row(dict(record), f"/{place}")
        if problems:
            first = problems[0]
            raise InvalidRequestError(f"training row {first.pointer} {first.detail}", tuple(problems))
        encoded.append(contract.encode(row))
    return np.array(encoded, dtype=np.float64).reshape(len(encoded), len(contract.columns))


def find_categories(contract: ModelContract) -> tuple[int, ...]:
    """Return the places of the engine's columns that hold codes of words, whose order means nothing."""
    words = {feature.name for feature in contract.features if isinstance(feature, Category)}
    return tuple(place for place, name in enumerate(contract.columns) if name in words)


def find_repeated(keys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark every row that is equal to an earlier one.

    Parameters
    ----------
    keys : array of float64, shape (rows, fields)
        All fields that make two rows the same; without NaN.

    Returns
    -------
    array of bool, shape (rows,)
        False at the first of each set of equal rows.
    """
    _, first = np.unique(keys, axis=0, return_index=True)
    repeated = np.ones(len(keys), dtype=np.bool_)
    repeated[first] = False
    return repeated
