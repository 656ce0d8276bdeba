"""The row path: a record is read by itself and parsed by the contract, which says what is wrong in its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ratecard.contract import Boolean, Feature, Integer, ModelContract, Number
from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import InvalidJsonError, Problem
from ratecard.kernel.jsontext import parse_json
from ratecard.serving.batch.segments import MAX_LINE_BYTES, parse_cells
from ratecard.serving.batch.table import MAX_CARRIED, GoodRow, Reject

ROW_ID = "row_id"
"""A column that may be there beside the features; it is carried through without being asked for."""

LINE = "line"
EXPLANATIONS = ("reasons", "advice")
MAX_PROBLEMS_A_ROW = 5
TOO_LONG = Problem("", "too_long", f"must have fewer than {MAX_LINE_BYTES} bytes")
BAD_CSV = Problem("", "bad_csv", "is not a CSV record (RFC 4180)")
BAD_CARRIED = f"must be a string of at most {MAX_CARRIED} printable characters"

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
REAL_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
NOT_A_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


class Layout:
    """Which column of a file is what.

    Parameters
    ----------
    contract : ModelContract
        Names the features.
    header : sequence of str
        The file's columns; () for JSON Lines, which name them in every row.
    carry : sequence of str
        Columns to carry through.
    """

    def __init__(self, contract: ModelContract, header: Sequence[str], carry: Sequence[str]) -> None:
        self.contract = contract
        self.header = tuple(header)
        self.carried = (ROW_ID, *(name for name in carry if name != ROW_ID))
        features = {feature.name: feature for feature in contract.features}
        self.features: list[Feature | None] = [features.get(name) for name in self.header]
        self.places = {name: place for place, name in enumerate(self.header)}


def check_header(contract: ModelContract, header: Sequence[str] | None, carry: Sequence[str]) -> None:
    """Check a header, or the columns of a Parquet file.

    Raises
    ------
    InvalidRequestError
        If there is none, a column is unknown or repeated, or one that is needed is absent.
    """
    if not header:
        problem = Problem("", "no_header", "must start with a header that names the features")
        raise refusal_of(problem, whole="the file")
    if len(header) == 1:
        check_only_column(header[0])
    check_carry(contract, carry)
    features = {feature.name: feature for feature in contract.features}
    known = {*features, ROW_ID, *carry}
    problems = [
        Problem("", "unknown_field", f"has column {place}, which is no feature of the model and is not carried through")
        for place, name in enumerate(header, 1)
        if name not in known
    ]
    problems += [
        Problem("", "repeated", f"has the column {name} twice") for name in sorted(known) if header.count(name) > 1
    ]
    needed = [name for name, feature in features.items() if not feature.missing]
    absent = [name for name in dict.fromkeys((*needed, *carry)) if name not in header and name != ROW_ID]
    problems += [Problem("", "missing_field", f"lacks the column {name}") for name in absent]
    if problems:
        raise refusal_of(*problems, whole="the file")


def check_only_column(name: str) -> None:
    """Tell a header of one column from one that something else than commas separates.

    Raises
    ------
    InvalidRequestError
        With the code bad_csv.
    """
    if name.lower().startswith("sep="):
        problem = Problem("", "bad_csv", "must start with its header; a line sep= is for a spreadsheet only")
        raise refusal_of(problem, whole="the file")
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in name:
            problem = Problem("", "bad_csv", f"must separate columns by commas; the header has {word}")
            raise refusal_of(problem, whole="the file")


def check_carry(contract: ModelContract, carry: Sequence[str]) -> None:
    """Check the names of columns to carry through.

    Raises
    ------
    InvalidRequestError
        With the code repeated if one stands twice, or is a column that results have.
    """
    taken = {LINE, *(output.name for output in contract.outputs), *EXPLANATIONS}
    twice = [name for place, name in enumerate(carry) if name in taken or name in carry[:place]]
    if twice:
        problems = (
            Problem("", "repeated", f"would have the column {name} twice in its results; carry it under another name")
            for name in dict.fromkeys(twice)
        )
        raise refusal_of(*problems, whole="the file")


def read_csv_row(layout: Layout, line: int, content: bytes) -> GoodRow | list[Reject] | None:
    """Read one CSV record; None for an empty line."""
    if len(content) >= MAX_LINE_BYTES:
        return rejects_of(line, "", [TOO_LONG])
    cells = parse_cells(content.decode("utf-8", "surrogateescape"))
    if cells is None:
        return rejects_of(line, "", [BAD_CSV])
    if not cells:
        return None
    if len(cells) != len(layout.header):
        detail = f"has {len(cells)} cells where the header has {len(layout.header)}"
        return rejects_of(line, "", [Problem("", "ragged", detail)])
    instance = {
        name: value_of_text(feature, cell)
        for name, feature, cell in zip(layout.header, layout.features, cells, strict=True)
        if feature is not None
    }
    places = layout.places
    return parse_instance(layout, line, instance, [cells[places[n]] if n in places else "" for n in layout.carried])


def read_json_row(layout: Layout, line: int, content: bytes) -> GoodRow | list[Reject] | None:
    """Read one line of JSON; None for an empty one. Carried values are kept as they are."""
    if len(content) >= MAX_LINE_BYTES:
        return rejects_of(line, "", [TOO_LONG])
    text = content.decode("utf-8", "surrogateescape")
    if not text.strip():
        return None
    try:
        instance = parse_json(text)
    except InvalidJsonError as error:
        return rejects_of(line, "", [Problem("", error.code, "is not JSON")])
    carried: list[Any] = [""] * len(layout.carried)
    if type(instance) is dict:
        carried = [instance.get(name, "") for name in layout.carried]
        features = layout.contract.places
        instance = {n: value for n, value in instance.items() if n in features or n not in layout.carried}
    return parse_instance(layout, line, instance, carried)


def parse_instance(layout: Layout, line: int, instance: object, carried: list[Any]) -> GoodRow | list[Reject]:
    """Let the contract parse one row, after what is carried beside it was checked."""
    for name, value in zip(layout.carried, carried, strict=True):
        if not is_carriable(value) or (name == ROW_ID and type(value) is not str):
            return rejects_of(line, "", [Problem(f"/{name}", "bad_text", BAD_CARRIED)])
    values, problems = layout.contract.parse_row(instance)
    if problems:
        return rejects_of(line, carried[0], problems)
    return GoodRow(line, tuple(carried), values)


def is_carriable(value: object) -> bool:
    """Tell whether a value can be carried through: short printable text, or another scalar of JSON."""
    if type(value) is str:
        return len(value) <= MAX_CARRIED and value.isprintable()
    return value is None or type(value) in {bool, int, float}


def rejects_of(line: int, row_id: str, problems: Sequence[Problem]) -> list[Reject]:
    """Write down the first problems of a bad row."""
    return [
        Reject(line, row_id, problem.pointer.removeprefix("/"), problem.code, problem.detail)
        for problem in problems[:MAX_PROBLEMS_A_ROW]
    ]


def value_of_text(feature: Feature, text: str) -> object:
    """Read a cell as JSON would have brought it; what cannot be read stays text, and the contract refuses it."""
    if text == "":
        return None
    if isinstance(feature, (Number, Integer)):
        if len(text) < 400 and ((text.isascii() and text.isdigit()) or WHOLE_NUMBER.fullmatch(text)):
            return int(text)
        if REAL_NUMBER.fullmatch(text) or NOT_A_NUMBER.fullmatch(text):
            return float(text)
    elif isinstance(feature, Boolean) and text in {"true", "false"}:
        return text == "true"
    return text
