"""From a sample of rows to the fields of a contract: kinds, bounds with a margin, words, and what may be missing.

Runs inside the fence.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import pandas as pd

from ratecard_workbench.bring.refusals import Refused
from ratecard_workbench.bring.sample import MOST_TEXTS, MOST_WORDS, TRUTHS, Sample, Seen, are_words, listed

MARGIN = 0.5
"""How far a bound lies beyond the sample, as a share of the sample's range."""

LARGEST = 1e300
RESERVED = frozenset({"instances", "explain", "row_id", "line", "reasons", "advice", "explanation", "prediction"})


@dataclass(slots=True)
class Field:
    """One column of the sample as a field of the contract.

    Attributes
    ----------
    column : str
        Its heading in the sample.
    name : str
        Its name in the contract, snake_case.
    kind : str
        "number", "integer", "category" or "boolean".
    missing : bool
        Whether the sample has rows without it.
    smallest, largest, minimum, maximum : float or int or None
        Of numbers: the sample's ends and the bounds.
    values : list of str
        Of categories: the words, in the order of the engine's codes.
    sample : object
        A typical value.
    """

    column: str
    name: str
    kind: str
    missing: bool
    smallest: float | int | None = None
    largest: float | int | None = None
    minimum: float | int | None = None
    maximum: float | int | None = None
    values: list[str] | None = None
    sample: Any = None


def infer_fields(sample: Sample, known: dict[str, list[Any]]) -> list[Field]:
    """Infer a field of each column.

    Parameters
    ----------
    known : dict of str to list
        Categories that the model knows, by column, in its order; the column is then one of words.

    Raises
    ------
    Refused
        If a column is empty, free text, holds infinities, or two get the same name.
    """
    fields = [infer_field(sample, column, known.get(column)) for column in map(str, sample.frame.columns)]
    names = [field.name for field in fields]
    for field in fields:
        twins = [other.column for other in fields if other.name == field.name]
        if len(twins) > 1:
            raise Refused(f"the columns {listed(twins)} would all be called {field.name}; rename them in training")
    assert len(set(names)) == len(names)
    return fields


def infer_field(sample: Sample, column: str, known: list[Any] | None) -> Field:
    """Infer one column's field."""
    seen, values, spelled = sample.seen[column], sample.frame[column].dropna(), are_words(known)
    missing = seen.absent - set(known or ()) if spelled else seen.absent
    field = Field(column, field_name(column), "number", missing=bool(missing))
    if seen.is_empty and known is None:
        raise Refused(f"the column {column!r} is empty in every row of the sample, so nothing can be inferred of it")
    if seen.truths and not seen.is_empty and not spelled:
        usual = values.astype(str).str.strip().str.lower().mode()
        field.kind, field.sample = "boolean", TRUTHS[usual.iloc[0]] if len(usual) else False
        return field
    if known is not None:
        return _as_category(field, seen, values, [word_of(value) for value in known])
    if seen.numeric and pd.api.types.is_numeric_dtype(values):
        return _as_number(field, seen, values.astype(float))
    return _as_category(field, seen, values, [])


def field_name(column: str) -> str:
    """Return a heading as a field's name: snake_case, beginning with a letter."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    name = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:60].strip("_")
    if not name or not name[0].isalpha():
        name = f"column_{name}".rstrip("_")
    return f"{name}_value" if name in RESERVED or keyword.iskeyword(name) else name


def word_of(value: Any) -> str:
    """Return a category as the word a client sends: `3` for 3.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def words_of(seen: Seen, present: pd.Series) -> set[str]:
    """Return the words of a column in the whole file, spelled as its kept values are read: as numbers or as texts."""
    numeric = pd.api.types.is_numeric_dtype(present) and not pd.api.types.is_bool_dtype(present)
    return {word_of(float(text)) if numeric else text for text in seen.texts or ()}


def _as_category(field: Field, seen: Seen, present: pd.Series, known: list[str]) -> Field:
    if seen.texts is None:
        raise too_many_words(field.column, f"more than {MOST_TEXTS}")
    found = sorted(words_of(seen, present) - set(known))
    values = [*dict.fromkeys(known), *found]
    if len(values) > MOST_WORDS:
        raise too_many_words(field.column, str(len(values)))
    if len(values) == 1:
        values.append("other" if values[0] != "other" else "none")
    usual = present.map(word_of).mode()
    field.kind, field.values = "category", values
    field.sample = usual.iloc[0] if len(usual) else values[0]
    return field


def too_many_words(column: str, count: str) -> Refused:
    """Say that a column of texts is none of categories."""
    return Refused(
        f"the column {column!r} has {count} different texts: it is free text, a date or an identifier. Free text "
        "cannot be lowered exactly; turn a date into numbers, and leave an identifier out of the model"
    )


def _as_number(field: Field, seen: Seen, present: pd.Series) -> Field:
    low, high = seen.smallest, seen.largest
    if max(abs(low), abs(high)) >= LARGEST:
        raise Refused(f"the column {field.column!r} holds infinities; a call with one would be refused")
    minimum, maximum = bounds_of(low, high)
    # The middle value that occurs, not a mean of two: it is a number a client could send.
    typical = float(present.sort_values().iloc[(len(present) - 1) // 2]) if len(present) else low
    convert: Any = int if seen.whole else float
    field.kind = "integer" if seen.whole else "number"
    field.smallest, field.largest, field.sample = convert(low), convert(high), convert(float(f"{typical:.4g}"))
    field.minimum, field.maximum = convert(minimum), convert(maximum)
    return field


def bounds_of(low: float, high: float) -> tuple[float, float]:
    """Return bounds around a sample's ends: beyond them by `MARGIN` of the range, rounded outwards to two digits.

    What is nowhere below zero stays so, and what lies in [0, 1] stays there, as a fraction does.
    """
    if low >= 0 and 0 < high <= 1:
        return 0.0, 1.0
    reach = MARGIN * (high - low) or max(abs(high) * MARGIN, 1.0)
    outwards = [Context(prec=2, rounding=mode) for mode in (ROUND_FLOOR, ROUND_CEILING)]
    minimum, maximum = (
        float(context.plus(Decimal(end))) for context, end in zip(outwards, (low - reach, high + reach), strict=True)
    )
    return (max(minimum, 0.0) if low >= 0 else minimum), (min(maximum, 0.0) if high <= 0 and low < 0 else maximum)


def rows_of(fields: list[Field], frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return the sample's rows as a client would send them."""
    columns = [[_sent(field, value) for value in frame[field.column].tolist()] for field in fields]
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _sent(field: Field, value: Any) -> object:
    if pd.isna(value):
        return None
    if field.kind == "category":
        return word_of(value)
    if field.kind == "boolean":
        return TRUTHS[str(value).strip().lower()]
    return int(value) if field.kind == "integer" else float(value)
