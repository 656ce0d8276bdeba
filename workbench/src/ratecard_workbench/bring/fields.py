"""From a sample of rows to the fields of a contract: kinds, bounds with a margin, words, and what may be missing.

Runs inside the fence. The sample is read twice: as pandas reads it, for the model, and as text, for what each column
is. A column of whole numbers, for example, stays one where a missing value made pandas turn it into fractions.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from ratecard_workbench.bring.refusals import Refused

MOST_WORDS = 200
"""A column with more different words is free text, or an identifier."""

MARGIN = 0.5
"""How far a bound lies beyond the sample, as a share of the sample's range."""

INTEGER = re.compile(r"[+-]?\d{1,15}")
TRUTHS = {"true": True, "false": False}
RESERVED = frozenset({"instances", "explain", "row_id", "line", "reasons", "advice", "explanation", "prediction"})
MOST_ROWS = 20_000


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


@dataclass(slots=True)
class Sample:
    """The sample: rows as the model takes them, the columns as text, and the target if there is one."""

    frame: pd.DataFrame
    texts: pd.DataFrame
    target: pd.Series | None


def read_sample(path: Path, target: str | None) -> Sample:
    """Read a CSV file.

    Raises
    ------
    Refused
        If it cannot be read, has no rows, no such target, or a heading twice.
    """
    try:
        frame = pd.read_csv(path, nrows=MOST_ROWS)
        texts = pd.read_csv(path, nrows=MOST_ROWS, dtype=str)
        headings = pd.read_csv(path, nrows=1, header=None, dtype=str).iloc[0].tolist()
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise Refused(f"{path.name} cannot be read as CSV with headings: {str(error).splitlines()[0][:200]}") from error
    if frame.empty:
        raise Refused(f"{path.name} has headings but no rows; a contract is inferred from rows, some hundred of them")
    repeated = sorted({str(one) for one in headings if headings.count(one) > 1})
    if repeated:
        raise Refused(f"{path.name} has the column {repeated[0]!r} twice")
    if target is None:
        return Sample(frame, texts, None)
    if target not in frame:
        raise Refused(f"{path.name} has no column {target!r}, which --target names; it has: {listed(frame.columns)}")
    return Sample(frame.drop(columns=target), texts.drop(columns=target), frame[target])


def listed(names: Any) -> str:
    """List names for a message, the first ten of them."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def match_columns(sample: Sample, wanted: list[str] | None, count: int) -> Sample:
    """Bring the sample's columns into the model's order.

    Parameters
    ----------
    wanted : list of str or None
        Names the model was trained with; None if it knows only how many.
    count : int
        How many columns it takes.

    Raises
    ------
    Refused
        If the sample has not exactly the model's columns; it names what is missing and what is too much.
    """
    found = [str(column) for column in sample.frame.columns]
    if wanted is None:
        if len(found) != count:
            raise Refused(
                f"the sample has {len(found)} columns ({listed(found)}) and the model takes {count}, without names: "
                "leave out what the model was not trained on, and name the target with --target"
            )
        return sample
    # LightGBM and ONNX keep names without blanks.
    written = {re.sub(r"\s", "_", name): name for name in found} | {name: name for name in found}
    missing = [name for name in wanted if name not in written]
    chosen = [written.get(name, name) for name in wanted]
    extra = [name for name in found if name not in chosen]
    if missing or extra:
        problems = [(name, "the model takes it and the sample lacks it") for name in missing]
        problems += [(name, "the sample has it and the model does not take it") for name in extra]
        raise Refused(
            "the sample's columns are not the model's; the target, if it is there, is named with --target",
            tuple(problems),
        )
    return Sample(sample.frame[chosen], sample.texts[chosen], sample.target)


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
    texts = sample.texts[column].dropna().str.strip()
    field = Field(column, field_name(column), "number", missing=bool(sample.texts[column].isna().any()))
    if texts.empty and known is None:
        raise Refused(f"the column {column!r} is empty in every row of the sample, so nothing can be inferred of it")
    if not texts.empty and texts.str.lower().isin(list(TRUTHS)).all():
        field.kind, field.sample = "boolean", bool(TRUTHS[texts.str.lower().mode().iloc[0]])
        return field
    if known is not None:
        return _as_category(field, sample.frame[column], [word_of(value) for value in known])
    if pd.api.types.is_numeric_dtype(sample.frame[column]):
        return _as_number(
            field, sample.frame[column], whole=bool(texts.map(lambda one: bool(INTEGER.fullmatch(one))).all())
        )
    return _as_category(field, sample.frame[column], [])


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


def _as_category(field: Field, column: pd.Series, known: list[str]) -> Field:
    words = column.dropna().map(word_of)
    found = sorted(set(words) - set(known))
    values = [*dict.fromkeys(known), *found]
    if len(values) > MOST_WORDS:
        raise Refused(
            f"the column {field.column!r} has {len(values)} different texts: it is free text, a date or an identifier. "
            "Free text cannot be lowered exactly; turn a date into numbers, and leave an identifier out of the model"
        )
    if len(values) == 1:
        values.append("other" if values[0] != "other" else "none")
    field.kind, field.values = "category", values
    field.sample = words.mode().iloc[0] if len(words) else values[0]
    return field


def _as_number(field: Field, column: pd.Series, *, whole: bool) -> Field:
    numbers = column.dropna().astype(float)
    if not numbers.map(lambda one: abs(one) < 1e300).all():
        raise Refused(f"the column {field.column!r} holds infinities; a call with one would be refused")
    low, high = float(numbers.min()), float(numbers.max())
    minimum, maximum = bounds_of(low, high)
    # The middle value that occurs, not a mean of two: it is a number a client could send.
    typical = float(numbers.sort_values().iloc[(len(numbers) - 1) // 2])
    convert: Any = int if whole else float
    field.kind = "integer" if whole else "number"
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
