"""What a Parquet file's pages say of themselves, read before any of them is expanded.

A page of a few kilobytes may expand to gigabytes, and what the file says of its columns need not be true; a page cannot
lie about its own size. Headers are Thrift's compact protocol; what of it they need is read here, as pyarrow shows none.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, BinaryIO, NamedTuple

import pyarrow.parquet as pq

from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import Problem

MOST_PAGE_BYTES = 256 << 20
"""Of the largest pages of all columns together: as much is in memory at once."""

TEXT_COPIES = 4
"""A page of text is held so often: as it is, and while a dictionary is made of it."""

LARGE_PAGES = Problem(
    "",
    "pages_too_large",
    f"has pages of over {MOST_PAGE_BYTES >> 20} MB, all columns together, text counted {TEXT_COPIES} times: "
    "write it with smaller pages or row groups",
)
BAD_PARQUET = Problem("", "bad_parquet", "is not a sound Parquet file")

HEADER_BYTES = 1 << 10
LONGEST_HEADER = 1 << 20
"""Headers have the least and the largest value of a page in them."""

DATA, DICTIONARY, DATA_V2 = 0, 2, 3
DELTA_BYTE_ARRAY = 7
DELTAS = {5, 6, DELTA_BYTE_ARRAY}

TRUTHS = (1, 2)
BYTE, DOUBLE, BINARY, STRUCT = 3, 7, 8, 12
INTEGERS = {4, 5, 6}
DEEPEST = 3
"""A header has structures in structures so deep."""


class Weight(NamedTuple):
    """How large a row group's pages are.

    Attributes
    ----------
    pages : int
        Bytes of the largest pages of all columns together.
    row : float
        Bytes of a row at most, on an average over a page.
    """

    pages: int
    row: float


def is_delta(chunk: pq.ColumnChunkMetaData) -> bool:
    """Tell whether a column is written as differences, of which pyarrow makes no dictionary."""
    return any(encoding.startswith("DELTA") for encoding in chunk.encodings)


def weigh_pages(
    file: BinaryIO, metadata: pq.FileMetaData, group: int, *, rows: int, written_out: Collection[str]
) -> Weight:
    """Read the headers of a row group's pages, as far as some of its rows go.

    Parameters
    ----------
    file : BinaryIO
        The file, to be read from any place.
    metadata : pq.FileMetaData
        Of the file.
    group : int
        Which, from 0.
    rows : int
        So many are read.
    written_out : collection of str
        Columns of text that are not read as dictionaries.

    Raises
    ------
    InvalidRequestError
        With the code bad_parquet, or pages_too_large.
    """
    about = metadata.row_group(group)
    weights = [
        _weigh_column(file, about.column(place), rows, spread=metadata.schema.column(place).path in written_out)
        for place in range(about.num_columns)
    ]
    weight = Weight(sum(one.pages for one in weights), sum(one.row for one in weights))
    if weight.pages > MOST_PAGE_BYTES:
        raise refusal_of(LARGE_PAGES, whole="the file")
    return weight


def _weigh_column(file: BinaryIO, chunk: pq.ColumnChunkMetaData, rows: int, *, spread: bool) -> Weight:
    place = chunk.data_page_offset
    if chunk.dictionary_page_offset is not None and 0 < chunk.dictionary_page_offset < place:
        place = chunk.dictionary_page_offset
    if place < 0:
        raise refusal_of(BAD_PARQUET, whole="the file")
    end = place + chunk.total_compressed_size
    words = largest = seen = 0
    row = 0.0
    while place < end and seen < rows:
        header, size = _read_header(file, place)
        expanded, compressed = _size(header, 2), _size(header, 3)
        place += size + compressed
        if header[1] == DICTIONARY:
            words = max(words, expanded)
        elif header[1] in {DATA, DATA_V2}:
            count, encoding = _described(header)
            seen += count
            row = max(row, expanded / max(count, 1))
            if encoding == DELTA_BYTE_ARRAY:  # each text may repeat all that the ones before it had
                row = max(row, float(expanded))
            if encoding in DELTAS:  # how long each is, is written out first
                expanded = max(expanded, 8 * count)
            largest = max(largest, expanded)
    pages = (words + largest) * (TEXT_COPIES if chunk.physical_type == "BYTE_ARRAY" else 1)
    return Weight(pages, max(row, float(words)) if spread else row)


def _described(header: dict[int, Any]) -> tuple[int, int]:
    """Return how many values a page of data has, and their encoding."""
    if header[1] == DATA:
        about = _struct(header, 5)
        return _size(about, 1), _size(about, 2)
    about = _struct(header, 8)
    return _size(about, 1), _size(about, 4)


def _struct(fields: dict[int, Any], name: int) -> dict[int, Any]:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise refusal_of(BAD_PARQUET, whole="the file")
    return value


def _size(fields: dict[int, Any], name: int) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise refusal_of(BAD_PARQUET, whole="the file")
    return value


def _read_header(file: BinaryIO, place: int) -> tuple[dict[int, Any], int]:
    """Return the fields of the page header at a place, and its length."""
    size = HEADER_BYTES
    while size <= LONGEST_HEADER:
        file.seek(place)
        reader = _Compact(file.read(size))
        try:
            header = reader.read_struct()
        except IndexError:
            size *= 8
            continue
        if type(header.get(1)) is int:
            return header, reader.at
        break
    raise refusal_of(BAD_PARQUET, whole="the file")


class _Compact:
    """Reads a structure of Thrift's compact protocol; texts are passed over. Raises IndexError at the end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = 0

    def read_struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > DEEPEST:
            raise refusal_of(BAD_PARQUET, whole="the file")
        fields: dict[int, Any] = {}
        name = 0
        while head := self._byte():
            name = name + (head >> 4) if head >> 4 else self._integer()
            fields[name] = self.read_struct(depth + 1) if head & 15 == STRUCT else self._read_value(head & 15)
        return fields

    def _read_value(self, kind: int) -> int | bool | None:
        if kind in TRUTHS:
            return kind == TRUTHS[0]
        if kind == BYTE:
            return self._byte()
        if kind in INTEGERS:
            return self._integer()
        if kind not in {DOUBLE, BINARY}:
            raise refusal_of(BAD_PARQUET, whole="the file")
        size = 8 if kind == DOUBLE else self._varint()
        self.at += size
        if self.at > len(self._content):
            raise IndexError
        return None

    def _byte(self) -> int:
        value = self._content[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise refusal_of(BAD_PARQUET, whole="the file")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
