"""Parquet as columns: row groups are read a batch at a time; bad rows are parsed one by one by the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ratecard.contract import Boolean, Feature, Integer, Number
from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import Problem
from ratecard.serving.batch.rowpath import ROW_ID, Layout, check_header, parse_instance
from ratecard.serving.batch.table import (
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
PAGE_BUFFER_BYTES = 1 << 20


def open_parquet(file: Any) -> pq.ParquetFile:
    """Open a file for reading from any place.

    Raises
    ------
    InvalidRequestError
        With the code bad_parquet if it is none.
    """
    try:
        return pq.ParquetFile(file, buffer_size=PAGE_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise refusal_of(BAD_PARQUET, whole="the file") from error


BAD_PARQUET = Problem("", "bad_parquet", "is not a sound Parquet file")


def check_schema(layout: Layout, schema: pa.Schema, carry: Sequence[str]) -> None:
    """Check names and types of the columns.

    Raises
    ------
    InvalidRequestError
        If a column is unknown, absent, or of a type that no value of the feature has.
    """
    check_header(layout.contract, schema.names, carry)
    problems = [
        Problem("", "wrong_type", f"has the column {feature.name} as {schema.field(feature.name).type}, {expected}")
        for feature in layout.contract.features
        if feature.name in schema.names and (expected := find_mismatch(feature, schema.field(feature.name).type))
    ]
    problems += [
        Problem(
            "", "wrong_type", f"has the column {name} as {schema.field(name).type}, which cannot be carried through"
        )
        for name in layout.carried
        if name in schema.names and pa.types.is_nested(schema.field(name).type)
    ]
    if ROW_ID in schema.names and not is_text(schema.field(ROW_ID).type):
        problems.append(Problem("", "wrong_type", f"has the column {ROW_ID} not as text"))
    if problems:
        raise refusal_of(*problems, whole="the file")


def find_mismatch(feature: Feature, kind: pa.DataType) -> str:
    """Say what a column should be, or "" if its type fits."""
    if pa.types.is_null(kind):
        return ""
    if isinstance(feature, (Number, Integer)):
        return "" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "where the model takes numbers"
    if isinstance(feature, Boolean):
        return "" if pa.types.is_boolean(kind) else "where the model takes true or false"
    return "" if is_text(kind) else "where the model takes text"


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type is text, also by a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


class ParquetBlocks:
    """Reads row groups into blocks.

    Parameters
    ----------
    layout : Layout
        The file's columns.
    file : pq.ParquetFile
        Open.
    """

    def __init__(self, layout: Layout, file: pq.ParquetFile) -> None:
        self._layout = layout
        self._file = file
        schema = file.schema_arrow
        self._carried = [
            carried_type(schema.field(name).type) if name in schema.names else pa.string() for name in layout.carried
        ]

    def read(self, groups: range, first_row: int) -> Iterator[Block]:
        """Read some row groups.

        Raises
        ------
        InvalidRequestError
            With the code bad_parquet if the file is damaged.
        """
        line = first_row
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, row_groups=list(groups), use_threads=False):
                yield self._read_batch(batch, line)
                line += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise refusal_of(BAD_PARQUET, whole="the file") from error

    def _read_batch(self, batch: pa.RecordBatch, line: int) -> Block:
        contract = self._layout.contract
        count = batch.num_rows
        lines = ordinals(line, count)
        columns = [
            pc.cast(batch.column(feature.name), arrow_type(feature), safe=False)
            if feature.name in batch.schema.names
            else pa.nulls(count, arrow_type(feature))
            for feature in contract.features
        ]
        carried = [
            pc.cast(batch.column(name), kind) if name in batch.schema.names else pa.repeat("", count)
            for name, kind in zip(self._layout.carried, self._carried, strict=True)
        ]
        masks = [find_good(feature, column) for feature, column in zip(contract.features, columns, strict=True)]
        masks += [pc.match_substring_regex(pc.fill_null(c, ""), "^[ -~]{0,128}$") for c in carried[:1]]
        good = all_good(masks)
        if good is None or pc.all(good, min_count=0).as_py():
            return Block(lines, carried, columns, [], 0)
        kept = Block(lines.filter(good), [c.filter(good) for c in carried], [c.filter(good) for c in columns], [], 0)
        odd = pc.indices_nonzero(pc.invert(good))
        return merge(kept, self._read_rows(batch.take(odd), lines.take(odd).to_pylist()))

    def _read_rows(self, batch: pa.RecordBatch, lines: list[int]) -> Block:
        layout = self._layout
        good: list[GoodRow] = []
        rejects: list[Reject] = []
        for line, values in zip(lines, batch.to_pylist(), strict=True):
            instance = {name: value for name, value in values.items() if name in layout.contract.places}
            carried = [values.get(name, "") for name in layout.carried]
            # Other carried columns have a type of their own, which says what they can be.
            row = parse_instance(layout, line, instance, [carried[0] or "", *([""] * (len(carried) - 1))])
            if isinstance(row, GoodRow):
                good.append(row._replace(carried=tuple(carried)))
            else:
                rejects += row
        block = block_of(layout.contract, good, self._carried)
        block.rejects, block.rejected = rejects, len(lines) - len(good)
        return block


def carried_type(kind: pa.DataType) -> pa.DataType:
    """Return the type a carried column has in the results: its own, or that of a dictionary's values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
