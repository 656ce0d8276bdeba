"""CSV as columns: lines that are plain are read by Arrow at once, the others one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ratecard.contract import Category, Feature
from ratecard.serving.batch.oddlines import NUMBER, Cut, cut_unusual, lines_of, plain_line
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
    ordinals,
    without,
)

FAILED_COLUMN = re.compile(r"In CSV column #(\d+): ")


class _Columns(NamedTuple):
    """Lines that Arrow has read.

    Attributes
    ----------
    columns, carried : list of pa.Array
        Features, and what is carried.
    proper : list of pa.Array
        Masks of rows: false where a cell of a column was none of its values.
    rows : int
        How many lines were read.
    ragged : dict of int to bytes
        Lines that were passed over because they have too many cells or too few: which, from 0, and their text.
    """

    columns: list[pa.Array]
    carried: list[pa.Array]
    proper: list[pa.Array]
    rows: int
    ragged: dict[int, bytes]


class CsvBlocks:
    """Reads CSV records into blocks.

    Parameters
    ----------
    layout : Layout
        The file's columns.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        features = layout.contract.features
        # What is carried through is carried as it is written.
        self._types = {name: pa.string() for name in layout.header} | {
            feature.name: arrow_type(feature)
            for feature in features
            if feature.name in layout.places and feature.name not in layout.carried
        }
        self._ragged: dict[int, bytes] = {}
        # Plain lines have no quotes, and are read faster where none are looked for.
        self._parse = {
            plain: arrow_csv.ParseOptions(
                quote_char=False if plain else '"', ignore_empty_lines=False, invalid_row_handler=self._pass_over
            )
            for plain in (True, False)
        }
        self._plain = plain_line(layout)
        self._carried = [pa.string()] * len(layout.carried)
        # Arrow takes an empty line for a row without a value, which some contract may accept.
        self._may_cut = len(layout.header) > 1 and not all(feature.missing for feature in features)

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
        cut = cut_unusual(segment) if self._may_cut else None
        read = self._read_columns(cut.rest, plain=True) if cut is not None and cut.rest else None
        return self._read_mixed(segment) if cut is None or read is None else self._read_cut(segment, cut, read)

    def _read_cut(self, segment: Segment, cut: Cut, read: _Columns) -> Block:
        """Put the plain lines of a segment, which are read, together with the others."""
        first = segment.line
        lines = ordinals(first, read.rows + len(read.ragged) + len(cut.lines))
        lines = without(lines, [line - first for line in cut.lines])
        rows = [*cut.rows, *((lines[place].as_py(), text) for place, text in read.ragged.items())]
        block, odd = self._sort_out(read, without(lines, read.ragged))
        block.plain = True
        if len(odd):
            texts = split_lines(segment.content)
            rows += [(line, texts[line - first]) for line in odd.to_pylist()]
        return merge(block, self._read_rows(sorted(rows))) if rows else block

    def _read_mixed(self, segment: Segment) -> Block:
        """Read records of which many are not plain."""
        numbers, lines, spanned = lines_of(segment)
        plain = pc.match_substring_regex(lines, self._plain)
        some = lines.filter(plain)
        read = self._read_columns(with_ends(some)) if len(some) else None
        if read is None:
            return self._read_rows(list(zip(*records_of(segment), strict=True)))
        places = pc.indices_nonzero(plain)
        block, odd = self._sort_out(read, places)
        block.lines = numbers.take(block.lines)
        wanted = pa.concat_arrays([pc.indices_nonzero(pc.invert(plain)), odd])
        texts = pc.cast(lines.take(wanted), pa.binary()).to_pylist()
        rows = sorted([*zip(numbers.take(wanted).to_pylist(), texts, strict=True), *spanned])
        return merge(block, self._read_rows(rows))

    def _read_columns(self, content: bytes | memoryview, *, plain: bool = False) -> _Columns | None:
        """Read lines as columns; None if Arrow cannot.

        A column in which a cell is none of its values is read as text from there on, and looked at cell by cell.
        """
        table = self._read_table(content, plain=plain)
        if table is None:
            return None
        layout, rows = self._layout, table.num_rows
        found = {name: one_array(column) for name, column in zip(layout.header, table.columns, strict=True)}
        columns: list[pa.Array] = []
        masks: list[pa.Array] = []
        for feature in layout.contract.features:
            if feature.name not in found:
                columns.append(pa.nulls(rows, arrow_type(feature)))
                continue
            column, proper = typed(feature, found[feature.name])
            columns.append(column)
            if proper is not None:
                masks.append(proper)
        carried = [found[name] if name in found else pa.repeat("", rows) for name in layout.carried]
        return _Columns(columns, carried, masks, rows, self._ragged)

    def _read_table(self, content: bytes | memoryview, *, plain: bool) -> pa.Table | None:
        while True:
            self._ragged = {}
            try:
                return arrow_csv.read_csv(
                    pa.BufferReader(content),
                    read_options=arrow_csv.ReadOptions(
                        use_threads=False, column_names=list(self._types), block_size=len(content) + 1
                    ),
                    parse_options=self._parse[plain],
                    convert_options=arrow_csv.ConvertOptions(
                        check_utf8=False,
                        column_types=self._types,
                        null_values=[""],
                        true_values=["true"],
                        false_values=["false"],
                        strings_can_be_null=False,
                    ),
                )
            except pa.ArrowInvalid as error:
                if not self._loosen(str(error)):
                    return None

    def _loosen(self, error: str) -> bool:
        """Have the column that Arrow names read as text; tell whether there is one."""
        named = FAILED_COLUMN.match(error)
        name = self._layout.header[int(named[1])] if named else None
        if name is None or self._types[name] == pa.string():
            return False
        self._types[name] = pa.string()
        return True

    def _pass_over(self, row: arrow_csv.InvalidRow) -> str:
        self._ragged[row.number - 1] = row.text.encode()
        return "skip"

    def _sort_out(self, read: _Columns, lines: pa.Array) -> tuple[Block, pa.Array]:
        """Return the rows that are good, and the lines of the others."""
        columns, carried = read.columns, read.carried
        features = self._layout.contract.features
        masks = [find_good(feature, column) for feature, column in zip(features, columns, strict=True)]
        masks += [find_carriable(column) for column in carried]
        good = all_good([*masks, *read.proper])
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


def with_ends(lines: pa.Array) -> memoryview:
    """Return lines that follow each other, each with a line feed."""
    ended = pc.binary_join_element_wise(pc.cast(lines, pa.binary()), b"\n", b"")
    _, offsets, content = ended.buffers()
    return memoryview(content)[: memoryview(offsets).cast("i")[len(ended)]]


def typed(feature: Feature, column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Return a feature's column in its type, an empty cell as absent, and which of its cells fit; None if all do."""
    if column.type != pa.string() or (isinstance(feature, Category) and not feature.missing):
        return column, None
    empty = pc.equal(column, "")
    if pc.any(empty).as_py():
        column = pc.if_else(empty, pa.scalar(None, pa.string()), column)
    kind = arrow_type(feature)
    if kind == pa.string():
        return column, None
    if kind == pa.float64():
        fits = pc.ascii_is_decimal(column)
        others = pc.invert(fits)
        fits = pc.replace_with_mask(fits, others, pc.match_substring_regex(column.filter(others), f"^(?:{NUMBER})$"))
    else:
        fits = pc.is_in(column, value_set=pa.array(["true", "false"]), skip_nulls=True)
    proper = pc.or_(pc.fill_null(fits, fill_value=False), empty)
    if pc.all(proper).as_py():
        return pc.cast(column, kind), None
    return pc.cast(pc.if_else(proper, column, pa.scalar(None, pa.string())), kind), proper


def find_carriable(column: pa.Array) -> pa.Array | None:
    """Tell which texts are surely short and printable; None if all are."""
    good = pc.and_(pc.ascii_is_printable(column), pc.less_equal(pc.binary_length(column), MAX_CARRIED))
    return None if pc.all(good, min_count=0).as_py() else good


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
