"""Records of a file, one at a time: CSV and JSON Lines become the same rows that a call would bring."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ratecard.contract.features import Boolean, Integer, Number, Text
from ratecard.contract.rows import refusal_of
from ratecard.kernel.digest import sha256
from ratecard.kernel.errors import InvalidJsonError, Problem
from ratecard.kernel.jsontext import parse_json

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from ratecard.contract import Feature, ModelContract

ROW_ID = "row_id"
"""A column that may be there beside the features; it is carried through to the output."""

MAX_ROW_ID = 128
MAX_LINE_CHARACTERS = 1_000_000
MAX_RECORD_LINES = 1_000
TOO_LONG = Problem("", "too_long", f"must have fewer than {MAX_LINE_CHARACTERS} characters")

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


class Lines:
    """Lines of a text stream, each of bounded length; a line can be given back.

    Parameters
    ----------
    text : io.TextIOBase
        Read from front to back.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._back: list[str] = []
        self.number = 0

    def take(self) -> str | None:
        """Return the next line without what is over `MAX_LINE_CHARACTERS`, which is read and dropped; None at the end.

        A line is too long if it has just `MAX_LINE_CHARACTERS` characters; the limit is far above any record.
        """
        if self._back:
            self.number += 1
            return self._back.pop()
        line = ended = self._text.readline(MAX_LINE_CHARACTERS)
        if not line:
            return None
        self.number += 1
        while len(ended) == MAX_LINE_CHARACTERS and not ended.endswith(("\n", "\r")):
            ended = self._text.readline(MAX_LINE_CHARACTERS)
        return line

    def give_back(self, lines: list[str]) -> None:
        """Put lines back, so that they are taken again in their order."""
        self._back += reversed(lines)
        self.number -= len(lines)


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
        lines = Lines(io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline=""))
        return read_csv(contract, lines)
    if lowered.endswith((".jsonl", ".ndjson")):
        return read_json_lines(Lines(io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="\n")))
    problem = Problem("", "unsupported_format", "must end in .csv, .jsonl or .ndjson")
    raise refusal_of(problem, whole="the file's name")


def read_csv(contract: ModelContract, lines: Lines) -> Iterator[Record]:
    """Read CSV (RFC 4180) with a header that names the features, in any order, and perhaps `row_id`."""
    features = {feature.name: feature for feature in contract.features}
    spans = any(isinstance(feature, Text) for feature in contract.features)
    first = lines.take()
    header = parse_header(features, None if first is None else parse_cells(first))
    columns = [features.get(name) for name in header]
    while (line := lines.take()) is not None:
        number = lines.number
        cells = take_cells(line, lines if spans else None)
        if cells:
            yield csv_record(number, header, columns, cells)


def take_cells(line: str, lines: Lines | None) -> list[str] | Problem:
    """Parse one record; where text may hold line breaks, it may go on over the next `MAX_RECORD_LINES` lines.

    A quote that is never closed costs its own line only: the lines that were tried for it are given back.
    """
    cells = parse_cells(line)
    if not isinstance(cells, Problem) or lines is None:
        return cells
    taken: list[str] = []
    whole = line
    while len(taken) < MAX_RECORD_LINES and len(whole) < MAX_LINE_CHARACTERS and (more := lines.take()) is not None:
        taken.append(more)
        whole += more
        joined = parse_cells(whole)
        if not isinstance(joined, Problem):
            return joined
    lines.give_back(taken)
    return cells


def parse_cells(text: str) -> list[str] | Problem:
    """Parse the text of one record; an empty one has no cells."""
    if len(text) >= MAX_LINE_CHARACTERS:
        return TOO_LONG
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        return Problem("", "bad_csv", "is not a CSV record (RFC 4180)")


def parse_header(features: dict[str, Feature], header: list[str] | Problem | None) -> list[str]:
    """Check a header.

    Raises
    ------
    InvalidRequestError
        If there is none, a column is unknown or repeated, or a required feature has none.
    """
    if header is None or isinstance(header, Problem) or not header:
        problem = Problem("", "no_header", "must start with a header that names the features")
        raise refusal_of(problem, whole="the file")
    problems = [
        Problem("", "unknown_field", f"has column {place}, which is no feature of the model")
        for place, name in enumerate(header, 1)
        if name not in features and name != ROW_ID
    ]
    problems += [Problem("", "repeated", f"has the column {name} twice") for name in features if header.count(name) > 1]
    required = [name for name, feature in features.items() if not feature.missing and name not in header]
    problems += [Problem("", "missing_field", f"lacks the column {name}") for name in required]
    if problems:
        raise refusal_of(*problems, whole="the file")
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
        detail = f"must be a string of at most {MAX_ROW_ID} printable characters"
        return Record(line, "", None, Problem(f"/{ROW_ID}", "bad_text", detail))
    return Record(line, row_id, instance, None)


def read_json_lines(lines: Lines) -> Iterator[Record]:
    """Read one JSON object a line; empty lines are passed over."""
    while (line := lines.take()) is not None:
        if len(line) >= MAX_LINE_CHARACTERS:
            yield Record(lines.number, "", None, TOO_LONG)
        elif line.strip():
            yield json_record(lines.number, line)


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
