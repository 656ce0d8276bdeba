"""Records of a file, one at a time: CSV and JSON Lines become the same rows that a call would bring."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ratecard.contract.features import Boolean, Integer, Number
from ratecard.contract.rows import refusal_of
from ratecard.kernel.digest import sha256
from ratecard.kernel.errors import InvalidJsonError, Problem
from ratecard.serving.jsontext import parse_json

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from ratecard.contract import Feature, ModelContract

ROW_ID = "row_id"
"""A column that may be there beside the features; it is carried through to the output."""

MAX_ROW_ID = 128
MAX_LINE_CHARACTERS = 1_000_000

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
REAL_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
NOT_A_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


class Record(NamedTuple):
    """One record of a file.

    Attributes
    ----------
    line : int
        Line on which the record starts, from 1.
    row_id : str
        The caller's own name for it, or "".
    instance : object
        What the contract parses; None where the record could not be read.
    problem : Problem or None
        Why it could not be read.
    """

    line: int
    row_id: str
    instance: object
    problem: Problem | None


class DigestingReader(io.RawIOBase):
    """Reads a stream through and keeps the SHA-256 and size of what passed.

    Parameters
    ----------
    stream : BinaryIO
        Read from front to back, never whole.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._sha256 = sha256()
        self.size = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer; return the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        content = self._stream.read(len(view))
        view[: len(content)] = content
        self._sha256.update(content)
        self.size += len(content)
        return len(content)

    def hexdigest(self) -> str:
        """Return the SHA-256 of everything read so far."""
        digest: str = self._sha256.hexdigest()
        return digest


def read_records(contract: ModelContract, reader: DigestingReader, name: str) -> Iterator[Record]:
    """Read the records of a file by its name's ending: .csv, .jsonl or .ndjson.

    Raises
    ------
    InvalidRequestError
        If the ending is another, or a CSV file's header does not fit the contract.
    """
    buffered = io.BufferedReader(reader, buffer_size=1 << 20)
    lowered = name.lower()
    if lowered.endswith(".csv"):
        return read_csv(contract, io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline=""))
    if lowered.endswith((".jsonl", ".ndjson")):
        return read_json_lines(io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="\n"))
    raise refusal_of(Problem("", "unsupported_format", "must be a file that ends in .csv, .jsonl or .ndjson"))


def read_csv(contract: ModelContract, text: io.TextIOBase) -> Iterator[Record]:
    """Read CSV (RFC 4180) with a header that names the features, in any order, and perhaps `row_id`."""
    rows = csv.reader(text, strict=True)
    features = {feature.name: feature for feature in contract.features}
    header = parse_header(features, next_row(rows))
    names = [features.get(name) for name in header]
    line = rows.line_num + 1
    while (cells := next_row(rows)) is not None:
        if cells:
            yield csv_record(line, header, names, cells)
        line = rows.line_num + 1


def next_row(rows: Any) -> list[str] | Problem | None:
    """Return the next row, None at the end, or the problem of one that is not CSV; reading goes on after it."""
    try:
        row: list[str] = next(rows)
    except StopIteration:
        return None
    except csv.Error:
        return Problem("", "bad_csv", "is not a CSV record (RFC 4180)")
    return row


def parse_header(features: dict[str, Feature], header: list[str] | Problem | None) -> list[str]:
    """Check a header.

    Raises
    ------
    InvalidRequestError
        If there is none, a column is unknown or repeated, or a required feature has none.
    """
    if header is None or isinstance(header, Problem) or not header:
        raise refusal_of(Problem("", "no_header", "must start with a header that names the features"))
    problems = [
        Problem("", "unknown_field", f"has column {place}, which is no feature of the model")
        for place, name in enumerate(header, 1)
        if name not in features and name != ROW_ID
    ]
    problems += [Problem("", "repeated", f"has the column {name} twice") for name in features if header.count(name) > 1]
    required = [name for name, feature in features.items() if not feature.missing and name not in header]
    problems += [Problem("", "missing_field", f"lacks the column {name}") for name in required]
    if problems:
        raise refusal_of(*problems)
    return header


def csv_record(line: int, header: list[str], features: list[Feature | None], cells: list[str] | Problem) -> Record:
    """Turn the cells of one row into a record."""
    if isinstance(cells, Problem):
        return Record(line, "", None, cells)
    if len(cells) != len(header):
        return Record(
            line, "", None, Problem("", "ragged", f"has {len(cells)} cells where the header has {len(header)}")
        )
    instance: dict[str, object] = {}
    row_id = ""
    for name, feature, cell in zip(header, features, cells, strict=True):
        if feature is None:
            row_id = cell
        else:
            instance[name] = value_of_text(feature, cell)
    return identified(line, row_id, instance)


def value_of_text(feature: Feature, text: str) -> object:
    """Read a cell as JSON would have brought it; what cannot be read stays text, and the contract refuses it."""
    if text == "":
        return None
    if isinstance(feature, (Number, Integer)):
        if WHOLE_NUMBER.fullmatch(text) and len(text) < 400:
            return int(text)
        if REAL_NUMBER.fullmatch(text) or NOT_A_NUMBER.fullmatch(text):
            return float(text)
    elif isinstance(feature, Boolean) and text in {"true", "false"}:
        return text == "true"
    return text


def identified(line: int, row_id: object, instance: object) -> Record:
    """Build a record, refusing an identifier that cannot be carried through."""
    if type(row_id) is not str or len(row_id) > MAX_ROW_ID or not row_id.isprintable():
        detail = f"must be at most {MAX_ROW_ID} printable characters"
        return Record(line, "", None, Problem(f"/{ROW_ID}", "bad_text", detail))
    return Record(line, row_id, instance, None)


def read_json_lines(text: io.TextIOBase) -> Iterator[Record]:
    """Read one JSON object a line; empty lines are passed over."""
    line = 0
    while content := text.readline(MAX_LINE_CHARACTERS):
        line += 1
        if len(content) == MAX_LINE_CHARACTERS and not content.endswith("\n"):
            skip_line(text)
            yield Record(line, "", None, Problem("", "too_long", f"has over {MAX_LINE_CHARACTERS} characters"))
        elif content.strip():
            yield json_record(line, content)


def skip_line(text: io.TextIOBase) -> None:
    """Read on to the end of the line."""
    while (rest := text.readline(MAX_LINE_CHARACTERS)) and not rest.endswith("\n"):
        pass


def json_record(line: int, content: str) -> Record:
    """Turn one line into a record."""
    try:
        instance = parse_json(content)
    except InvalidJsonError as error:
        return Record(line, "", None, Problem("", error.code, "is not JSON"))
    if type(instance) is dict and ROW_ID in instance:
        row_id = instance.pop(ROW_ID)
        return identified(line, row_id, instance)
    return Record(line, "", instance, None)
