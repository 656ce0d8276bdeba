"""What a job will be: its rows, counted, and how fast this machine scores them, tried on the first ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ratecard.serving.batch.csvblocks import CsvBlocks
from ratecard.serving.batch.formats import CSV, PARQUET, parse_format
from ratecard.serving.batch.job import Job
from ratecard.serving.batch.jsonblocks import JsonBlocks
from ratecard.serving.batch.parquetblocks import ParquetBlocks
from ratecard.serving.batch.parquetschema import check_schema, open_parquet
from ratecard.serving.batch.parts import cut_groups, limits_of
from ratecard.serving.batch.plan import open_text
from ratecard.serving.batch.reading import Hashing
from ratecard.serving.batch.rowpath import Layout
from ratecard.serving.batch.score import names_of
from ratecard.serving.batch.scoring import Scorer
from ratecard.serving.batch.segments import Kind, Segment, records_of
from ratecard.serving.batch.table import Block
from ratecard.serving.batch.writing import Writer
from ratecard.storage.objects import ObjectStore

if TYPE_CHECKING:
    from ratecard.serving.model import Model

SMALLEST_TRY, LARGEST_TRY = 1 << 14, 1 << 20
"""Bytes of text that are tried."""

LONG_ENOUGH = 0.2
"""Seconds after which a pace can be told."""

TRIED, TRIED_EXPLAINED = 16_384, 512
"""Rows of Parquet whose scoring is timed."""


def estimate_job(model: Model, job: Job, store: ObjectStore) -> dict[str, Any]:
    """Count the rows of an object and try how fast they are scored; nothing is written.

    Returns
    -------
    dict
        `rows`, and `seconds` that one process needs for all of them.

    Raises
    ------
    InvalidRequestError
        If it is no file of this model's rows as a whole.
    """
    if parse_format(job.name).name == PARQUET:
        return _estimate_parquet(model, job, store)
    with store.open_read(job.bucket, job.key, job.version) as stream:
        text = open_text(model.contract, job, Hashing(stream))
        layout = Layout(model.contract, text.header, job.carry)
        rows, first, pace = 0, True, 0.0
        for segment in text.segments:
            rows += count_records(segment)
            if first and segment.content:
                first = False
                pace = _pace_of(segment.content, partial(_try_text, model, job, layout))
    return {"rows": rows, "seconds": round(rows * pace, 3)}


def _pace_of(content: bytes, attempt: Callable[[bytes], int]) -> float:
    """Return the seconds that a row takes: more and more lines are tried, until it is long enough to tell.

    The first try is not timed, for it also loads what is loaded once.
    """
    size = SMALLEST_TRY
    attempt(content[: content.find(b"\n", size) + 1 or None])
    while True:
        some = content[: content.find(b"\n", size) + 1 or None]
        started = perf_counter()
        tried = attempt(some)
        seconds = perf_counter() - started
        if seconds >= LONG_ENOUGH or len(some) == len(content) or size >= LARGEST_TRY:
            return seconds / max(tried, 1)
        size *= 4


def _estimate_parquet(model: Model, job: Job, store: ObjectStore) -> dict[str, Any]:
    with ExitStack() as opened:
        file = opened.enter_context(store.open_seekable(job.bucket, job.key, job.version))
        parquet = open_parquet(file)
        layout = Layout(model.contract, parquet.schema_arrow.names, job.carry)
        check_schema(layout, parquet.schema_arrow, job.carry)
        rows = parquet.metadata.num_rows
        first = next(cut_groups(parquet.metadata, limits_of(model.contract, job)), None)
        if first is None:
            return {"rows": 0, "seconds": 0.0}
        some = {**first, "rows": min(first["rows"], TRIED_EXPLAINED if job.explain else TRIED)}
        started = perf_counter()
        tried = _try(model, job, layout, ParquetBlocks(layout, parquet, file).read(some))
        return {"rows": rows, "seconds": round(rows * (perf_counter() - started) / max(tried, 1), 3)}


def _try_text(model: Model, job: Job, layout: Layout, content: bytes) -> int:
    reader = CsvBlocks(layout) if parse_format(job.name).name == CSV else JsonBlocks(layout)
    return _try(model, job, layout, reader.read(io.BytesIO(content), 1))


def _try(model: Model, job: Job, layout: Layout, blocks: Iterable[Block]) -> int:
    """Score some blocks into nothing; return how many rows they have."""
    scorer = Scorer(model, explain=job.explain)
    rows = 0
    for block in blocks:
        writer = Writer(io.BytesIO(), parse_format(job.name).name, names_of(layout, scorer))
        writer.write(block, scorer.score(block))
        rows += len(block.lines) + block.rejected
    return rows


def count_records(segment: Segment) -> int:
    """Count the records of a segment; empty lines are none."""
    content = segment.content
    if segment.kind is not Kind.LINES:
        return 1
    if segment.spans or b"\n\n" in content or b"\n\r\n" in content or content.startswith((b"\n", b"\r\n")):
        return sum(1 for text in records_of(segment)[1] if text.strip(b"\r"))
    return content.count(b"\n") + (not content.endswith(b"\n"))
