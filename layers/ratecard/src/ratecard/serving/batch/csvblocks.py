"""CSV as columns: lines that are plain are read by Arrow at once, the others one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ratecard.contract import Boolean, Category, Feature, Integer, Number
from ratecard.serving.batch.rowpath import TOO_LONG, Layout, read_csv_row, rejects_of
from ratecard.serving.batch.segments import Kind, Segment, Segments, Source, records_of, split_lines
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


class _Columns(NamedTuple):
    """Lines that Arrow has read: features, what is carried, and how many."""

    columns: list[pa.Array]
    carried: list[pa.Array]
    rows: int


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
        # What is carried through is carried as it is written.
        read = [
            feature for feature in contract.features if feature.name in types and feature.name not in layout.carried
        ]
        types |= {feature.name: arrow_type(feature) for feature in read}
        self._convert = arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=False,
        )
        # Plain lines have no quotes, and are read faster where none are looked for.
        self._parse = {
            plain: arrow_csv.ParseOptions(quote_char=False if plain else '"', ignore_empty_lines=False)
            for plain in (True, False)
        }
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
            else:
                nothing = block_of(self._layout.contract, [], self._carried)
                nothing.rejects, nothing.rejected = rejects_of(segment.line, "", [TOO_LONG]), 1
                yield nothing

    def _read_lines(self, segment: Segment) -> Block:
        content = segment.content
        if self._expect_plain and not segment.spans and is_plain(content):
            read = self._read_columns(content, plain=True)
            if read is not None:
                block, odd = self._sort_out(read, ordinals(segment.line, read.rows))
                block.plain = not len(odd)
                if block.plain:
                    return block
                texts = split_lines(content)
                return merge(block, self._read_rows([(line, texts[line - segment.line]) for line in odd.to_pylist()]))
        return self._read_mixed(segment)

    def _read_mixed(self, segment: Segment) -> Block:
        """Read records of which some are not plain."""
        numbers, lines, spanned = lines_of(segment)
        plain = pc.match_substring_regex(lines, self._plain)
        some = lines.filter(plain)
        read = self._read_columns(with_ends(some)) if len(some) else None
        if read is None:
            return self._read_rows(list(zip(*records_of(segment), strict=True)))
        self._expect_plain = len(self._layout.header) > 1 and len(some) == len(lines) and not spanned
        places = pc.indices_nonzero(plain)
        block, odd = self._sort_out(read, places)
        block.lines = numbers.take(block.lines)
        wanted = pa.concat_arrays([pc.indices_nonzero(pc.invert(plain)), odd])
        texts = pc.cast(lines.take(wanted), pa.binary()).to_pylist()
        rows = sorted([*zip(numbers.take(wanted).to_pylist(), texts, strict=True), *spanned])
        return merge(block, self._read_rows(rows))

    def _read_columns(self, content: bytes | memoryview, *, plain: bool = False) -> _Columns | None:
        """Read lines as columns; None if there is one that Arrow cannot read."""
        layout = self._layout
        contract, places = layout.contract, layout.places
        options = arrow_csv.ReadOptions(
            use_threads=False, column_names=list(layout.header), block_size=len(content) + 1
        )
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(content),
                read_options=options,
                parse_options=self._parse[plain],
                convert_options=self._convert,
            )
            found = [one_array(table.column(place)) for place in range(len(layout.header))]
            columns = [
                typed(feature, found[places[feature.name]])
                if feature.name in places
                else pa.nulls(table.num_rows, arrow_type(feature))
                for feature in contract.features
            ]
        except pa.ArrowInvalid:
            return None
        carried = [found[places[name]] if name in places else pa.repeat("", table.num_rows) for name in layout.carried]
        return _Columns(columns, carried, table.num_rows)

    def _sort_out(self, read: _Columns, lines: pa.Array) -> tuple[Block, pa.Array]:
        """Return the rows that are good, and the lines of the others."""
        columns, carried = read.columns, read.carried
        features = self._layout.contract.features
        masks = [find_good(feature, column) for feature, column in zip(features, columns, strict=True)]
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


def lines_of(segment: Segment) -> tuple[pa.Array, pa.Array, list[tuple[int, bytes]]]:
    """Return number and text of each record that is one line, and of those over lines: as `records_of`, in columns.

    The texts may be no valid UTF-8; patterns then do not match.
    """
    content = segment.content
    numbers, pieces, spanned = [], [], []
    place, number = 0, segment.line
    for first, last in (*segment.spans, (len(content), len(content))):
        piece = content[place:first]
        count = piece.count(b"\n") + bool(piece and not piece.endswith(b"\n"))
        if count:
            numbers.append(ordinals(number, count))
            pieces.append(piece)
            number += count
        if first < last:
            spanned.append((number, content[first:last]))
            number += content.count(b"\n", first, last)
        place = last
    if not pieces:
        return pa.array([], pa.int64()), pa.array([], pa.string()), spanned
    whole = pa.array([b"".join(pieces).removesuffix(b"\n")], pa.binary())
    lines = pc.split_pattern(whole, "\n").values
    return pa.concat_arrays(numbers), lines.view(pa.string()), spanned


def with_ends(lines: pa.Array) -> memoryview:
    """Return lines that follow each other, each with a line feed."""
    ended = pc.binary_join_element_wise(pc.cast(lines, pa.binary()), b"\n", b"")
    _, offsets, content = ended.buffers()
    return memoryview(content)[: memoryview(offsets).cast("i")[len(ended)]]


def typed(feature: Feature, column: pa.Array) -> pa.Array:
    """Return a feature's column in its type, an empty cell as absent.

    Raises
    ------
    pa.ArrowInvalid
        If a cell of text, in which the column was read because it is also carried, has no such value.
    """
    if column.type != pa.string() or (isinstance(feature, Category) and not feature.missing):
        return column
    empty = pc.equal(column, "")
    if pc.any(empty).as_py():
        column = pc.if_else(empty, pa.scalar(None, pa.string()), column)
    if (
        isinstance(feature, Boolean)
        and not pc.all(pc.is_in(column, value_set=pa.array(["true", "false", None]))).as_py()
    ):
        raise pa.ArrowInvalid("no truth value")
    return pc.cast(column, arrow_type(feature))


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
