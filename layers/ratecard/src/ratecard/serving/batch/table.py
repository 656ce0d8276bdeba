"""Rows of a file as Arrow columns: what the contract's rules mean for whole columns.

A column form never decides that a row is bad: it finds rows that are surely good, and the others are parsed one by one
by the contract itself, which says what is wrong with them in the words of the online path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ratecard.contract import Boolean, Category, Feature, Integer, ModelContract, Number, Row

MAX_CARRIED = 128
"""Characters of a carried value."""

MOST_CARRIED_BYTES = 16 << 20
"""Of the rows that are held together, about."""

LARGEST_WHOLE = float(2**53)
"""Up to here float64 holds every whole number."""


class Reject(NamedTuple):
    """One problem of one row; the cells of `rejects.csv`."""

    line: int
    row_id: str
    field: str
    code: str
    detail: str


class GoodRow(NamedTuple):
    """A row that was parsed by itself."""

    line: int
    carried: tuple[Any, ...]
    values: Row


@dataclass(slots=True)
class Block:
    """Good rows as columns, in the order of the file, and the rejects among them.

    Attributes
    ----------
    lines : pa.Int64Array
        Line (or row, in Parquet) of each row, from 1.
    carried : list of pa.Array
        `row_id` and the columns that are carried through, one value for each row.
    columns : list of pa.Array
        The features: float64 for numbers and whole numbers, text and truth values as they are, null where missing.
    rejects : list of Reject
        At most a few problems of each bad row, in the order of the file.
    rejected : int
        How many rows are bad.
    plain : bool
        The texts in `carried` surely hold no quote, comma or line end.
    """

    lines: pa.Array
    carried: list[pa.Array]
    columns: list[pa.Array]
    rejects: list[Reject]
    rejected: int
    plain: bool = False


def arrow_type(feature: Feature) -> pa.DataType:
    """Return the type of a feature's column."""
    if isinstance(feature, (Number, Integer)):
        return pa.float64()
    return pa.bool_() if isinstance(feature, Boolean) else pa.string()


def find_good(feature: Feature, column: pa.Array) -> pa.Array | None:
    """Tell which values of a column are surely good; None if all are."""
    if isinstance(feature, Boolean):
        good = None
    elif isinstance(feature, (Number, Integer)):
        good = _within(feature, column)
    elif isinstance(feature, Category):
        good = pc.is_in(column, value_set=pa.array(feature.values))
    else:
        short = pc.less_equal(pc.utf8_length(column), feature.maximum_length)
        good = pc.and_(short, pc.invert(pc.match_substring(column, "\0")))
    if column.null_count:
        present = pc.is_valid(column)
        absent = pc.invert(present) if feature.missing else pa.scalar(value=False)
        good = pc.if_else(present, True if good is None else good, absent)
    return None if good is None or pc.all(good, min_count=0).as_py() else good


def _within(feature: Number | Integer, column: pa.Array) -> pa.Array | None:
    # NaN is neither below nor above anything, so it is never good.
    good = pc.and_(
        pc.greater_equal(column, float(feature.minimum)),
        pc.less_equal(column, float(feature.maximum)),
    )
    if isinstance(feature, Integer):
        whole = pc.equal(pc.floor(column), column)
        good = pc.and_(good, pc.and_(whole, pc.less(pc.abs(column), LARGEST_WHOLE)))
    return good


def all_good(masks: Sequence[pa.Array | None]) -> pa.Array | None:
    """Combine masks of rows; None means all."""
    combined: pa.Array | None = None
    for mask in masks:
        if mask is not None:
            combined = mask if combined is None else pc.and_(combined, mask)
    return combined


def block_of(contract: ModelContract, good: Sequence[GoodRow], carried: Sequence[pa.DataType]) -> Block:
    """Turn rows that were parsed one by one into columns."""
    return Block(
        lines=pa.array([row.line for row in good], pa.int64()),
        carried=[pa.array([row.carried[place] for row in good], kind) for place, kind in enumerate(carried)],
        columns=[
            pa.array([row.values[place] for row in good], arrow_type(feature))
            for place, feature in enumerate(contract.features)
        ],
        rejects=[],
        rejected=0,
    )


def merge(first: Block, second: Block) -> Block:
    """Put two blocks of rows together in the order of their lines."""
    if not len(second.lines):
        rejects, rejected = first.rejects + second.rejects, first.rejected + second.rejected
        return Block(first.lines, first.carried, first.columns, rejects, rejected, first.plain)
    lines = pa.concat_arrays([first.lines, second.lines])
    order = pc.sort_indices(lines)

    def together(ones: list[pa.Array], others: list[pa.Array]) -> list[pa.Array]:
        return [pa.concat_arrays(pair).take(order) for pair in zip(ones, others, strict=True)]

    return Block(
        lines.take(order),
        together(first.carried, second.carried),
        together(first.columns, second.columns),
        first.rejects + second.rejects,
        first.rejected + second.rejected,
    )


def gathered(blocks: Iterable[Block], rows: int) -> Iterator[Block]:
    """Put blocks that follow each other together until they have so many rows, or much beside the features."""
    held: list[Block] = []
    count = size = 0
    for block in blocks:
        held.append(block)
        count += len(block.lines) + len(block.rejects)
        size += sum(column.nbytes for column in block.carried)
        if count >= rows or size >= MOST_CARRIED_BYTES:
            yield joined(held)
            held, count, size = [], 0, 0
    if held:
        yield joined(held)


def joined(blocks: Sequence[Block]) -> Block:
    """Return blocks that follow each other as one."""
    if len(blocks) == 1:
        return blocks[0]
    return Block(
        pa.concat_arrays([block.lines for block in blocks]),
        [pa.concat_arrays(some) for some in zip(*(block.carried for block in blocks), strict=True)],
        [pa.concat_arrays(some) for some in zip(*(block.columns for block in blocks), strict=True)],
        [reject for block in blocks for reject in block.rejects],
        sum(block.rejected for block in blocks),
        plain=all(block.plain for block in blocks),
    )


def encode_columns(contract: ModelContract, block: Block) -> list[pa.Array]:
    """Return the engine's columns as float64 without nulls: `ModelContract.encode`, for all rows at once."""
    encoded = {
        feature.name: _encode(feature, column) for feature, column in zip(contract.features, block.columns, strict=True)
    }
    columns = [encoded[feature.name] for feature in contract.features if feature.scored]
    for ratio in contract.derived:
        below = encoded[ratio.denominator]
        divided = pc.divide(encoded[ratio.numerator], below)
        zero = pc.equal(below, 0.0)
        columns.append(pc.if_else(zero, float("nan"), divided) if pc.any(zero).as_py() else divided)
    return columns


def _encode(feature: Feature, column: pa.Array) -> pa.Array:
    if isinstance(feature, Category):
        column = pc.index_in(column, value_set=pa.array(feature.values))
    if column.type != pa.float64():
        if not isinstance(feature, (Category, Boolean)):
            return column  # text has no number; it is never a column of an engine that takes numbers
        column = pc.cast(pc.cast(column, pa.int8()) if isinstance(feature, Boolean) else column, pa.float64())
    return pc.fill_null(column, float("nan")) if column.null_count else column


@cache
def _some_ordinals(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


def ordinals(first: int, count: int) -> pa.Array:
    """Return the whole numbers from `first`, so many."""
    return pc.add(_some_ordinals(1 << max(count - 1, 0).bit_length()).slice(0, count), first)


def without(values: pa.Array, places: Collection[int]) -> pa.Array:
    """Return a column without the values at some places."""
    if not places:
        return values
    kept = bytearray(b"\1") * len(values)
    for place in places:
        kept[place] = 0
    mask = pa.Array.from_buffers(pa.uint8(), len(kept), [None, pa.py_buffer(kept)])
    return values.filter(pc.cast(mask, pa.bool_()))
