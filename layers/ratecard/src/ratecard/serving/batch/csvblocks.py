"""CSV as columns: lines that are plain are read by Arrow at once, the others one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import compress

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ratecard.contract import Boolean, Category, Feature, Integer, Number
from ratecard.serving.batch.rowpath import TOO_LONG, Layout, read_csv_row, rejects_of
from ratecard.serving.batch.segments import Kind, Segment, Segments, Source
from ratecard.serving.batch.table import (
    MAX_CARRIED,
    Block,
    GoodRow,
    Reject,
    all_good,
    arrow_type,
    block_of,
    find_good,
    merge,
)

UNUSUAL = (b'"', b"\0", b" ", b"\t")
"""Arrow would read some of it more kindly than RFC 4180 and the contract do; such lines are looked at more closely."""

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"


class CsvBlocks:
    """Reads CSV records into blocks.

    Parameters
    ----------
    layout : Layout
        The file's columns.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        contract = layout.contract
        types = {name: pa.string() for name in layout.header}
        types |= {feature.name: arrow_type(feature) for feature in contract.features if feature.name in types}
        self._convert = arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=False,
        )
        self._parse = arrow_csv.ParseOptions(ignore_empty_lines=False)
        self._plain = plain_line(layout)
        self._carried = [pa.string()] * len(layout.carried)
        # Where one block of a file has unusual lines, the next one mostly has, too.
        self._expect_plain = len(layout.header) > 1

    def read(self, source: Source, first_line: int) -> Iterator[Block]:
        """Read records from a stream that begins at one.

        Parameters
        ----------
        source : Source
            Of bytes.
        first_line : int
            Number of its first line.
        """
        for segment in Segments(source, len(self._layout.header), first_line):
            if segment.kind is Kind.LINES:
                yield self._read_lines(segment)
            elif segment.kind is Kind.RECORD:
                yield self._read_rows([(segment.line, segment.content)])
            else:
                nothing = block_of(self._layout.contract, [], self._carried)
                nothing.rejects, nothing.rejected = rejects_of(segment.line, "", [TOO_LONG]), 1
                yield nothing

    def _read_lines(self, segment: Segment) -> Block:
        content = segment.content
        if self._expect_plain and is_plain(content):
            table = self._read_table(content)
            if table is not None:
                block, odd = self._sort_out(table, ordinals(segment.line, table.num_rows))
                if not len(odd):
                    return block
                text = content.split(b"\n")
                return merge(block, self._read_rows([(line, text[line - segment.line]) for line in odd.to_pylist()]))
        return self._read_mixed(segment)

    def _read_mixed(self, segment: Segment) -> Block:
        """Read lines of which some are not plain."""
        text = segment.content.split(b"\n")
        if not text[-1]:
            text.pop()
        plain = pc.match_substring_regex(as_text(text), self._plain).to_pylist()
        numbers = range(segment.line, segment.line + len(text))
        table = self._read_table(b"\n".join(compress(text, plain)) + b"\n") if any(plain) else None
        if table is None:
            return self._read_rows(list(zip(numbers, text, strict=True)))
        block, odd = self._sort_out(table, pa.array(list(compress(numbers, plain)), pa.int64()))
        self._expect_plain = len(self._layout.header) > 1 and table.num_rows == len(text)
        wanted = {*odd.to_pylist(), *(number for number, is_good in zip(numbers, plain, strict=True) if not is_good)}
        return merge(block, self._read_rows([(number, text[number - segment.line]) for number in sorted(wanted)]))

    def _read_table(self, content: bytes) -> pa.Table | None:
        options = arrow_csv.ReadOptions(
            use_threads=False, column_names=list(self._layout.header), block_size=len(content) + 1
        )
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(content), read_options=options, parse_options=self._parse, convert_options=self._convert
            )
        except pa.ArrowInvalid:
            return None

    def _sort_out(self, table: pa.Table, lines: pa.Array) -> tuple[Block, pa.Array]:
        """Return the rows of a table that are good, and the lines of the others."""
        contract, places = self._layout.contract, self._layout.places
        count = table.num_rows
        columns = [
            absent_as_null(feature, one_array(table.column(places[feature.name])))
            if feature.name in places
            else pa.nulls(count, arrow_type(feature))
            for feature in contract.features
        ]
        carried = [
            pc.cast(one_array(table.column(places[name])), pa.string()) if name in places else pa.repeat("", count)
            for name in self._layout.carried
        ]
        masks = [find_good(feature, column) for feature, column in zip(contract.features, columns, strict=True)]
        masks += [find_carriable(column) for column in carried]
        good = all_good(masks)
        if good is None:
            return Block(lines, carried, columns, [], 0), lines.slice(0, 0)
        kept = Block(lines.filter(good), [c.filter(good) for c in carried], [c.filter(good) for c in columns], [], 0)
        return kept, lines.filter(pc.invert(good))

    def _read_rows(self, rows: list[tuple[int, bytes]]) -> Block:
        good: list[GoodRow] = []
        rejects: list[Reject] = []
        rejected = 0
        for line, content in rows:
            row = read_csv_row(self._layout, line, content)
            if isinstance(row, GoodRow):
                good.append(row)
            elif row is not None:
                rejects += row
                rejected += 1
        block = block_of(self._layout.contract, good, self._carried)
        block.rejects, block.rejected = rejects, rejected
        return block


def is_plain(content: bytes) -> bool:
    """Tell whether lines hold nothing that Arrow's reader could take in another way than this project does."""
    if any(unusual in content for unusual in UNUSUAL):
        return False
    if b"\r" in content and content.count(b"\r") != content.count(b"\r\n"):
        return False
    return content.isascii() or is_utf8(content)


def is_utf8(content: bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def plain_line(layout: Layout) -> str:
    """Return the pattern of lines that Arrow reads just as the row path does."""
    cells = []
    for feature in layout.features:
        if isinstance(feature, (Number, Integer)):
            cell = f'{NUMBER}|"{NUMBER}"'
        elif isinstance(feature, Boolean):
            cell = "true|false"
        elif isinstance(feature, Category):
            words = "|".join(re.escape(word) for word in feature.values if not set(word) & set('",\r\n\0'))
            cell = f'(?:{words})|"(?:{words})"'
        else:
            cell = r'[^",\r\n\x00]*|"(?:[^"\r\n\x00]|"")*"'
        cells.append(f"(?:{cell}{'|' if feature is not None and feature.missing else ''})")
    return f"^{','.join(cells)}\r?$"


def as_text(lines: list[bytes]) -> pa.Array:
    """Make an array of texts that may be no valid UTF-8; patterns then do not match."""
    binary = pa.array(lines, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(binary), binary.buffers())


def absent_as_null(feature: Feature, column: pa.Array) -> pa.Array:
    """Read an empty cell of text as absent; numbers and truth values are read so already."""
    if column.type != pa.string() or (isinstance(feature, Category) and not feature.missing):
        return column
    empty = pc.equal(column, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), column) if pc.any(empty).as_py() else column


def find_carriable(column: pa.Array) -> pa.Array | None:
    """Tell which texts are surely short and printable; None if all are."""
    good = pc.and_(pc.ascii_is_printable(column), pc.less_equal(pc.binary_length(column), MAX_CARRIED))
    return None if pc.all(good, min_count=0).as_py() else good


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@cache
def _some_ordinals(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


def ordinals(first: int, count: int) -> pa.Array:
    """Return the whole numbers from `first`, so many."""
    return pc.add(_some_ordinals(1 << max(count - 1, 0).bit_length()).slice(0, count), first)
