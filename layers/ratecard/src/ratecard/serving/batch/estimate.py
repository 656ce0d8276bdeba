"""What a job will be: its rows, counted, and how fast this machine scores them, tried on the first ones."""

from __future__ import annotations

import io
from contextlib import ExitStack
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ratecard.serving.batch.csvblocks import CsvBlocks
from ratecard.serving.batch.formats import CSV, PARQUET, parse_format
from ratecard.serving.batch.job import Job
from ratecard.serving.batch.jsonblocks import JsonBlocks
from ratecard.serving.batch.parquetblocks import ParquetBlocks, check_schema, open_parquet
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
        reader = CsvBlocks(layout) if text.kind.name == CSV else JsonBlocks(layout)
        rows, first, pace = 0, True, 0.0
        for segment in text.segments:
            rows += count_records(segment)
            if first and segment.content:
                first = False
                some = segment.content[: segment.content.rfind(b"\n", 0, 1 << 20) + 1] or segment.content
                tried, seconds = 0, 0.0
                for _ in range(2):  # the first try also loads what is loaded once
                    started = perf_counter()
                    tried = _try(model, job, layout, list(reader.read(io.BytesIO(some), segment.line)))
                    seconds = perf_counter() - started
                pace = seconds / max(tried, 1)
    return {"rows": rows, "seconds": round(rows * pace, 3)}


def _estimate_parquet(model: Model, job: Job, store: ObjectStore) -> dict[str, Any]:
    with ExitStack() as opened:
        file = open_parquet(opened.enter_context(store.open_seekable(job.bucket, job.key, job.version)))
        layout = Layout(model.contract, file.schema_arrow.names, job.carry)
        check_schema(layout, file.schema_arrow, job.carry)
        rows = file.metadata.num_rows
        started = perf_counter()
        block = next(ParquetBlocks(layout, file).read(range(min(1, file.num_row_groups)), 1), None)
        tried = 0 if block is None else _try(model, job, layout, [block])
        return {"rows": rows, "seconds": round(rows * (perf_counter() - started) / max(tried, 1), 3)}


def _try(model: Model, job: Job, layout: Layout, blocks: list[Block]) -> int:
    """Score some blocks into nothing; return how many rows they have."""
    scorer = Scorer(model, explain=job.explain)
    for block in blocks:
        writer = Writer(io.BytesIO(), parse_format(job.name).name, names_of(layout, scorer))
        writer.write(block, scorer.score(block))
    return sum(len(block.lines) + block.rejected for block in blocks)


def count_records(segment: Segment) -> int:
    """Count the records of a segment; empty lines are none."""
    content = segment.content
    if segment.kind is not Kind.LINES:
        return 1
    if segment.spans or b"\n\n" in content or b"\n\r\n" in content or content.startswith((b"\n", b"\r\n")):
        return sum(1 for text in records_of(segment)[1] if text.strip(b"\r"))
    return content.count(b"\n") + (not content.endswith(b"\n"))
