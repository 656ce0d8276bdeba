"""How an object is cut into parts: none takes long to score, and there are never more than a state machine runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from ratecard.contract import ModelContract, Text
from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import Problem
from ratecard.serving.batch.job import LARGEST_PART, MOST_PARTS, Job
from ratecard.serving.batch.parquetpages import BAD_PARQUET
from ratecard.serving.batch.segments import MAX_LINE_BYTES, Segments
from ratecard.storage.objects import ObjectStore

MOST_ROWS = 1 << 20
"""Rows of a part, about; the row group of most writers."""

MOST_EXPLAINED_ROWS = 50_000
"""Rows of a part with reasons, about: a function has 900 seconds, and a model that explains 170 a second needs 300."""

MOST_TEXT_BYTES = 256 << 20
"""What the texts of a part of Parquet have at most, were all as long as the model takes them; a dictionary hides it."""

EXPLAINED_BLOCK_BYTES = 64 << 10
"""What is read at once of a file that is cut finely: a part ends where a block does."""

TOO_MANY_PARTS = Problem(
    "",
    "too_many_parts",
    f"must not be over {MOST_PARTS} parts of {LARGEST_PART >> 20} MB or of {MOST_ROWS} rows, {MOST_EXPLAINED_ROWS} "
    "with reasons",
)


class Limits(NamedTuple):
    """How large a part is, about.

    Attributes
    ----------
    bytes : int
        Where a part is long enough.
    rows : int
        Where it is, however few bytes they are.
    group_bytes : int
        A row group of Parquet is cut into pieces of so much.
    """

    bytes: int
    rows: int
    group_bytes: int


def limits_of(contract: ModelContract, job: Job) -> Limits:
    """Say how large the parts of a job are: a function of the order only, so that a plan made again is the same."""
    rows = MOST_EXPLAINED_ROWS if job.explain else MOST_ROWS
    longest = sum(feature.maximum_length for feature in contract.features if isinstance(feature, Text))
    group_bytes = job.part_bytes if job.explain else max(job.part_bytes, LARGEST_PART)
    return Limits(job.part_bytes, min(rows, MOST_TEXT_BYTES // max(longest, 1)), group_bytes)


def numbered(parts: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Number parts from 1.

    Raises
    ------
    InvalidRequestError
        With the code too_many_parts.
    """
    found: list[dict[str, Any]] = []
    for number, part in enumerate(parts, 1):
        if number > MOST_PARTS:
            raise refusal_of(TOO_MANY_PARTS, whole="the file")
        found.append({"number": number, **part})
    return found


def cut_stream(segments: Segments, limits: Limits, start: int) -> Iterator[dict[str, Any]]:
    """Name the parts of a stream by their place in an object, from `start`."""
    begun, line, end = 0, 0, 0
    for segment in segments:
        if line and (end - begun >= limits.bytes or segment.line - line >= limits.rows):
            yield {"start": start + begun, "size": end - begun, "line": line}
            begun, line = end, 0
        line = line or segment.line
        end = segment.end
    if line:
        yield {"start": start + begun, "size": end - begun, "line": line}


def spool_stream(segments: Segments, limits: Limits, job: Job, store: ObjectStore) -> Iterator[dict[str, Any]]:
    """Write the parts of a stream that cannot be read from its middle into files of their own."""
    number, size, line, file = 0, 0, 0, None
    with ExitStack() as opened:
        for segment in segments:
            if file is not None and (size >= limits.bytes or segment.line - line >= limits.rows):
                opened.close()
                yield {"spooled": spooled_name(number), "size": size, "line": line}
                file = None
            if file is None:
                number, size, line = number + 1, 0, segment.line
                file = opened.enter_context(store.create(job.results_bucket, job.work_key(spooled_name(number))))
            # A line that is too long leaves just enough to be too long again.
            content = segment.content or b"x" * MAX_LINE_BYTES + b"\n"
            file.write(content)
            size += len(content)
        opened.close()
        if file is not None:
            yield {"spooled": spooled_name(number), "size": size, "line": line}


def spooled_name(number: int) -> str:
    """Name the intermediate file of a part."""
    return f"input-{number:05d}"


def cut_groups(metadata: pq.FileMetaData, limits: Limits) -> Iterator[dict[str, Any]]:
    """Name the parts of a Parquet file: several row groups, or some rows of one.

    Raises
    ------
    InvalidRequestError
        With the code bad_parquet if a row group has fewer than no rows.
    """
    part: dict[str, Any] | None = None
    line, held = 1, 0
    for group in range(metadata.num_row_groups):
        about = metadata.row_group(group)
        rows, size = about.num_rows, about.total_byte_size
        if rows < 0 or size < 0:
            raise refusal_of(BAD_PARQUET, whole="the file")
        pieces = max(_pieces(rows, limits.rows), _pieces(size, limits.group_bytes), 1)
        full = held >= limits.bytes or (part is not None and part["rows"] + rows > limits.rows)
        if part is not None and (full or pieces > 1):
            yield part
            part = None
        if pieces > 1:
            each = _pieces(rows, pieces)
            for skipped in range(0, rows, each or 1):
                count = min(each, rows - skipped)
                yield {"groups": [group, group + 1], "skipped": skipped, "rows": count, "line": line + skipped}
        elif part is None:
            part, held = {"groups": [group, group + 1], "skipped": 0, "rows": rows, "line": line}, size
        else:
            part["groups"][1], part["rows"], held = group + 1, part["rows"] + rows, held + size
        line += rows
    if part is not None:
        yield part


def _pieces(whole: int, most: int) -> int:
    return -(-whole // most)
