"""Parquet as columns: row groups are read a batch at a time; bad rows are parsed one by one by the contract.

Text is read as a dictionary, for one text of a megabyte may stand in every row. It is written out only where that is
little; of other rows those with texts longer than any good one are told by the dictionary, and parsed by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ratecard.contract import Category, Text
from ratecard.contract.rows import refusal_of
from ratecard.serving.batch.csvblocks import find_carriable
from ratecard.serving.batch.parquetpages import BAD_PARQUET, weigh_pages
from ratecard.serving.batch.parquetschema import carried_type, is_text
from ratecard.serving.batch.rowpath import ROW_ID, Layout, parse_instance
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
)

BATCH_ROWS = 16_384
BATCH_BYTES = 32 << 20
"""Of a batch, about, however few rows that is."""

LONGEST_CHARACTER = 4
"""Bytes, in UTF-8."""

SHOWN_BYTES = 16
"""Of a text that is too long, beyond what would not be."""


class ParquetBlocks:
    """Reads row groups into blocks.

    Parameters
    ----------
    layout : Layout
        The file's columns.
    parquet : pq.ParquetFile
        As `open_parquet` opens it.
    file : BinaryIO
        The same, as a file.
    """

    def __init__(self, layout: Layout, parquet: pq.ParquetFile, file: BinaryIO) -> None:
        self._layout = layout
        self._parquet = parquet
        self._file = file
        schema = parquet.schema_arrow
        self._carried = [
            carried_type(schema.field(name).type) if name in schema.names else pa.string() for name in layout.carried
        ]
        self._longest = longest_good(layout)
        self._written_out = {one.name for one in schema if is_text(one.type) and not pa.types.is_dictionary(one.type)}

    def read(self, part: Mapping[str, Any]) -> Iterator[Block]:
        """Read a part: `rows` rows of the row `groups` from one up to another, without the first `skipped`.

        Raises
        ------
        InvalidRequestError
            With the code bad_parquet if the file is damaged, or pages_too_large.
        """
        skipped, left, line = part["skipped"], part["rows"], part["line"]
        try:
            for group in range(*part["groups"]):
                for batch in self._batches(group, skipped + left):
                    over = min(skipped, batch.num_rows)
                    skipped -= over
                    rows = batch.slice(over, left)
                    if rows.num_rows:
                        yield self._read_batch(rows, line)
                    left -= rows.num_rows
                    line += rows.num_rows
                    if not left:
                        break
        except (pa.ArrowException, OSError) as error:
            raise refusal_of(BAD_PARQUET, whole="the file") from error
        if left:
            raise refusal_of(BAD_PARQUET, whole="the file")

    def _batches(self, group: int, rows: int) -> Iterator[pa.RecordBatch]:
        metadata = self._parquet.metadata
        weight = weigh_pages(self._file, metadata, group, rows=rows, written_out=self._written_out)
        at_once = max(1, int(min(BATCH_ROWS, BATCH_BYTES / max(weight.row, sum(self._longest.values()), 1))))
        batches: Iterator[pa.RecordBatch] = self._parquet.iter_batches(at_once, row_groups=[group], use_threads=False)
        return batches

    def _read_batch(self, batch: pa.RecordBatch, line: int) -> Block:
        lines = ordinals(line, batch.num_rows)
        overlong = all_good([find_fitting(batch.column(name), most) for name, most in self._longest.items()])
        if overlong is None:
            return self._read_flat(written_out(batch), lines)
        odd = pc.indices_nonzero(pc.invert(overlong))
        block = self._read_flat(written_out(batch.filter(overlong)), lines.filter(overlong))
        return merge(block, self._read_rows(batch.take(odd), lines.take(odd)))

    def _read_flat(self, batch: pa.RecordBatch, lines: pa.Array) -> Block:
        features = self._layout.contract.features
        columns = [
            pc.cast(batch.column(feature.name), arrow_type(feature), safe=False)
            if feature.name in batch.schema.names
            else pa.nulls(batch.num_rows, arrow_type(feature))
            for feature in features
        ]
        carried = self._take_carried(batch)
        masks = [find_good(feature, column) for feature, column in zip(features, columns, strict=True)]
        masks += [find_carriable(pc.fill_null(column, "")) for column in carried if is_text(column.type)]
        masks += [find_utf8(columns[place]) for place, feature in enumerate(features) if isinstance(feature, Text)]
        good = all_good(masks)
        if good is None or pc.all(good, min_count=0).as_py():
            return Block(lines, carried, columns, [], 0)
        kept = Block(lines.filter(good), [c.filter(good) for c in carried], [c.filter(good) for c in columns], [], 0)
        odd = pc.indices_nonzero(pc.invert(good))
        return merge(kept, self._read_rows(batch.take(odd), lines.take(odd)))

    def _take_carried(self, batch: pa.RecordBatch) -> list[pa.Array]:
        return [
            pc.cast(batch.column(name), kind) if name in batch.schema.names else pa.repeat("", batch.num_rows)
            for name, kind in zip(self._layout.carried, self._carried, strict=True)
        ]

    def _read_rows(self, batch: pa.RecordBatch, lines: pa.Array) -> Block:
        layout = self._layout
        places = layout.contract.places
        values = {
            name: values_of(batch.column(name), self._longest.get(name, 0))
            for name in batch.schema.names
            if name in places
        }
        names = list(values)
        texts = [self._texts_of(batch, name) for name in layout.carried]
        good: list[GoodRow] = []
        kept: list[int] = []
        rejects: list[Reject] = []
        for place, line in enumerate(lines.to_pylist()):
            instance = {name: values[name][place] for name in names}
            row = parse_instance(layout, line, instance, [column[place] for column in texts])
            if isinstance(row, GoodRow):
                good.append(row)
                kept.append(place)
            else:
                rejects += row
        block = block_of(layout.contract, good, [])
        block.carried = self._take_carried(written_out(batch.take(pa.array(kept, pa.int64()))))
        block.rejects, block.rejected = rejects, len(lines) - len(good)
        return block

    def _texts_of(self, batch: pa.RecordBatch, name: str) -> Sequence[str]:
        """Return what is judged of a carried column: its text; what is no text can be carried as it is."""
        if name not in batch.schema.names:
            return [""] * batch.num_rows
        column = batch.column(name)
        if name == ROW_ID and pa.types.is_integer(column.type):
            column = pc.cast(column, pa.string())
        if not is_text(column.type):
            return [""] * batch.num_rows
        return [value or "" for value in values_of(column, LONGEST_CHARACTER * MAX_CARRIED)]


def longest_good(layout: Layout) -> dict[str, int]:
    """Say for each column of text how many bytes a good one has at most."""
    longest = {name: LONGEST_CHARACTER * MAX_CARRIED for name in layout.carried if name in layout.places}
    for feature in layout.contract.features:
        if isinstance(feature, Category):
            longest[feature.name] = max(len(value.encode()) for value in feature.values)
        elif isinstance(feature, Text):
            longest[feature.name] = LONGEST_CHARACTER * feature.maximum_length
    return {name: most for name, most in longest.items() if name in layout.places}


def find_fitting(column: pa.Array, most: int) -> pa.Array | None:
    """Tell which texts have at most so many bytes, absent ones too; None if all have, or few bytes together."""
    if not is_text(column.type):
        return None
    words = column.dictionary if pa.types.is_dictionary(column.type) else column
    lengths = pc.binary_length(words)
    longest = pc.max(lengths).as_py() or 0
    if longest <= most or longest * len(column) <= BATCH_BYTES:
        return None
    fitting = pc.less_equal(lengths, most)
    return pc.fill_null(fitting if words is column else fitting.take(column.indices), fill_value=True)


def find_utf8(column: pa.Array) -> pa.Array | None:
    """Tell which texts are surely UTF-8; None if all are."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return pc.fill_null(pc.string_is_ascii(column), fill_value=True)
    return None


def written_out(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch without dictionaries."""
    columns = [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def values_of(column: pa.Array, most: int) -> list[Any]:
    """Return a column as Python values; of a text of more than so many bytes only as much as shows that it has them."""
    if pa.types.is_dictionary(column.type):
        places = column.indices.to_pylist()
        texts = {place: as_text(column.dictionary[place], most) for place in {*places} - {None}}
        return [None if place is None else texts[place] for place in places]
    if is_text(column.type):
        return [as_text(word, most) for word in column]
    return list(column.to_pylist())


def as_text(word: pa.Scalar, most: int) -> str | None:
    """Return a text, or the beginning of a long one, with a surrogate for each byte that is no UTF-8."""
    content = word.as_buffer()
    if content is None:
        return None
    if content.size <= most + SHOWN_BYTES:
        return str(content, "utf-8", "surrogateescape")
    # The last character may be cut in two.
    return str(content[: most + SHOWN_BYTES], "utf-8", "surrogateescape")[: 1 - LONGEST_CHARACTER]
