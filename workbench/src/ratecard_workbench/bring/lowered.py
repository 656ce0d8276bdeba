"""A lowered model: the engine's file, what its scores are, and the answers of the library that trained it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.bring.fields import Field


@dataclass(slots=True)
class Lowered:
    """What a kind of model becomes.

    Attributes
    ----------
    engine, content : str, bytes
        The engine and the file it loads.
    output : str
        What its scores are, as the manifest names it.
    reference : array of float64
        The training library's answers to the sample: fractions [rows], [rows, classes], or values [rows].
    slope, intercept : float
        Of the manifest's calibration.
    classes : list of str
        Labels, in the order of the scores; two for one event (not it, it); none for a value.
    steps : str
        The model in a line, for its card.
    notes : list of str
        What its owner should know.
    """

    engine: str
    content: bytes
    output: str
    reference: NDArray[np.float64]
    slope: float = 1.0
    intercept: float = 0.0
    classes: list[str] = field(default_factory=list)
    steps: str = ""
    notes: list[str] = field(default_factory=list)


def class_names(labels: Any, count: int) -> list[str]:
    """Return the labels of classes as words: `1` for 1.0 and True for True; the places where nobody knows them."""
    if not labels:
        return [str(place) for place in range(count)]
    return [str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in labels]


def encode_rows(fields: list[Field], rows: list[dict[str, object]]) -> NDArray[np.float64]:
    """Return rows as the engine's columns, as the contract will encode them."""
    columns = []
    for one in fields:
        places = {word: place for place, word in enumerate(one.values or [])}
        values = [row[one.name] for row in rows]
        coded = [places[str(value)] if one.values and value is not None else value for value in values]
        columns.append([np.nan if value is None else float(value) for value in coded])  # type: ignore[arg-type]
    return np.array(columns, dtype=np.float64).T
