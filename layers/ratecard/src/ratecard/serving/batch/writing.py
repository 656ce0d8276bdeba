"""Scored blocks as bytes: CSV and JSON Lines as text, Parquet as an Arrow stream that collect turns into row groups."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from ratecard.kernel.jsontext import encode
from ratecard.serving.batch.formats import CSV, JSON_LINES
from ratecard.serving.batch.table import Block, Reject

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""What a spreadsheet reads as a number, whatever it starts with, is no formula."""

QUOTED_FOR = (b'"', b",", b"\r", b"\n")
REJECT_COLUMNS = ("line", "row_id", "field", "code", "detail")
PLAIN_FROM, PLAIN_BELOW = 1e-4, 1e10
"""Between these Arrow writes a fraction as Python's `repr`, and JSON, do; the few other numbers are left to Python."""


_NUMBER = re.compile(NUMBER, re.ASCII)


class Writer:
    """Writes the results of one part.

    Parameters
    ----------
    file : BinaryIO
        Where the bytes go.
    kind : str
        csv, jsonl or parquet.
    names : sequence of str
        line, the carried columns, the outputs.
    """

    def __init__(self, file: BinaryIO, kind: str, names: Sequence[str]) -> None:
        self._file = file
        self._kind = kind
        self._names = list(names)
        self._stream: pa.RecordBatchStreamWriter | None = None

    def write(self, block: Block, outputs: list[pa.Array]) -> None:
        """Write one scored block."""
        columns = [block.lines, *block.carried, *outputs]
        if self._kind == CSV:
            if len(block.lines):
                self._file.write(csv_lines(columns, plain=block.plain))
        elif self._kind == JSON_LINES:
            self._file.write(json_lines(self._names, columns, range(1, 1 + len(block.carried))))
        else:
            batch = pa.RecordBatch.from_arrays([decoded(column) for column in columns], names=self._names)
            if self._stream is None:
                self._stream = pa.ipc.new_stream(self._file, batch.schema)
            self._stream.write_batch(batch)

    def close(self) -> None:
        """Write what ends the part; the file stays open."""
        if self._stream is not None:
            self._stream.close()


def json_lines(names: Sequence[str], columns: list[pa.Array], written: range) -> bytes:
    """Return rows as JSON Lines; the columns in `written` hold JSON text already."""
    texts = [
        column.to_pylist() if place in written else [encode(value) for value in column.to_pylist()]
        for place, column in enumerate(columns)
    ]
    members = [encode(name) for name in names]
    lines = [
        ",".join([f"{name}:{value}" for name, value in zip(members, row, strict=True)])
        for row in zip(*texts, strict=True)
    ]
    return "".join([f"{{{line}}}\n" for line in lines]).encode()


def header_line(names: Sequence[str]) -> bytes:
    """Return the header of a CSV result."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([neutral(name) for name in names])
    return text.getvalue().encode()


def csv_lines(columns: list[pa.Array], *, plain: bool = False) -> memoryview:
    """Return rows as CSV: the data of one array of texts is the lines, one after the other.

    Parameters
    ----------
    columns : list of pa.Array
        Any number of them, of equal length.
    plain : bool
        No text of an array of texts needs quotes.
    """
    texts = [text_of(column, plain=plain) for column in columns[:-1]]
    texts.append(text_of(columns[-1], plain=plain, ending="\n"))
    lines = pc.binary_join_element_wise(*texts, ",")
    _, offsets, content = lines.buffers()
    end = memoryview(offsets).cast("i")[len(lines)]
    return memoryview(content)[:end]


def decoded(column: pa.Array) -> pa.Array:
    """Return a column without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def text_of(column: pa.Array, *, plain: bool = False, ending: str = "") -> pa.Array:
    """Write a column as CSV cells with an ending; an absent value is an empty cell."""
    if pa.types.is_dictionary(column.type):
        return pc.take(text_of(column.dictionary, ending=ending), column.indices)
    if column.type == pa.float64():
        column = write_floats(column)
    elif column.type == pa.string():
        column = neutral_texts(column)
        column = column if plain else quoted(column)
    else:
        column = pc.cast(column, pa.string())
    column = pc.fill_null(column, "") if column.null_count else column
    return pc.binary_join_element_wise(column, ending, "") if ending else column


def write_floats(column: pa.Array) -> pa.Array:
    """Write float64 with the fewest digits that give the same number back, as Python and JSON write it."""
    text = pc.cast(column, pa.string())
    size = pc.abs(column)
    usual = pc.and_(pc.greater_equal(size, PLAIN_FROM), pc.less(size, PLAIN_BELOW))
    odd = pc.invert(pc.and_(usual, pc.not_equal(pc.floor(column), column)))
    if not pc.any(odd).as_py():
        return text
    own = [None if value is None else repr(value) for value in column.filter(odd).to_pylist()]
    return pc.replace_with_mask(text, odd, pa.array(own, pa.string()))


def neutral(text: str) -> str:
    """Keep a spreadsheet from running text of the caller's as a formula (OWASP, CSV injection)."""
    return "'" + text if text.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text


def neutral_texts(column: pa.Array) -> pa.Array:
    """Do as `neutral` for a column."""
    first = pc.binary_slice(pc.cast(column, pa.binary()), 0, 1)
    dangerous = pc.is_in(first, value_set=pa.array([start.encode() for start in FORMULA_STARTS], pa.binary()))
    if not pc.any(dangerous).as_py():
        return column
    dangerous = pc.and_(dangerous, pc.invert(pc.match_substring_regex(column, f"^(?:{NUMBER})$")))
    return pc.if_else(dangerous, pc.binary_join_element_wise("'", column, ""), column)


def quoted(column: pa.Array) -> pa.Array:
    """Quote the texts of a column that need it (RFC 4180)."""
    texts = column.buffers()[2]
    content = b"" if texts is None else texts.to_pybytes()
    if not any(mark in content for mark in QUOTED_FOR):
        return column
    needed = pc.match_substring_regex(column, '[",\r\n]')
    if not pc.any(needed).as_py():
        return column
    few = column.filter(needed)
    doubled = pc.binary_join_element_wise('"', pc.replace_substring(few, '"', '""'), '"', "")
    return pc.replace_with_mask(column, pc.fill_null(needed, fill_value=False), doubled)


def reject_lines(rejects: Sequence[Reject]) -> bytes:
    """Return the lines of `rejects.csv`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        (reject.line, neutral(reject.row_id), neutral(reject.field), reject.code, reject.detail) for reject in rejects
    )
    return text.getvalue().encode("utf-8", "replace")
