"""The second step: one part of an object becomes a scored piece, a piece of rejects, and a note that says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ratecard.kernel.errors import InvalidRequestError, RatecardError
from ratecard.kernel.jsontext import encode
from ratecard.serving.batch.csvblocks import CsvBlocks
from ratecard.serving.batch.formats import CSV, PARQUET
from ratecard.serving.batch.job import Job
from ratecard.serving.batch.jsonblocks import JsonBlocks
from ratecard.serving.batch.parquetblocks import ParquetBlocks
from ratecard.serving.batch.parquetschema import open_parquet
from ratecard.serving.batch.rowpath import LINE, Layout
from ratecard.serving.batch.scoring import Scorer
from ratecard.serving.batch.table import Block, gathered
from ratecard.serving.batch.writing import Writer, reject_lines
from ratecard.storage.objects import ObjectStore

if TYPE_CHECKING:
    from ratecard.serving.model import Model


def note_name(number: int) -> str:
    """Name the note on a part."""
    return f"part-{number:05d}.json"


def piece_name(number: int, what: str) -> str:
    """Name a piece of results: `scored` or `rejects`."""
    return f"part-{number:05d}.{what}"


def score_part(
    model: Model, job: Job, store: ObjectStore, planned: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> dict[str, Any]:
    """Score one part, unless that is done.

    Parameters
    ----------
    model : Model
        Of the version that the plan names.
    job : Job
        What is scored.
    store : ObjectStore
        Has the object and takes the pieces.
    planned : tuple
        The plan's document and the part.

    Returns
    -------
    dict
        The note: counts and sizes; or status failed and why, if the part shows that the file is none of rows.

    Raises
    ------
    ObjectChangedError
        If the object was written to.
    """
    plan, part = planned
    number = part["number"]
    done = store.find_bytes(job.results_bucket, job.work_key(note_name(number)))
    if done is not None and json.loads(done)["plan"] == plan["id"]:
        earlier: dict[str, Any] = json.loads(done)
        return earlier
    try:
        note = {"status": "scored", **_write_pieces(model, job, store, planned)}
    except InvalidRequestError as error:
        note = {"status": "failed", **reason_of(error)}
    store.confirm_unchanged(job.bucket, job.key, job.version)
    note = {"plan": plan["id"], "number": number, **note}
    store.store_bytes(job.results_bucket, job.work_key(note_name(number)), encode(note).encode())
    return note


def reason_of(error: RatecardError) -> dict[str, Any]:
    """Say in a manifest why a file fails."""
    problems = [{"code": problem.code, "detail": problem.detail} for problem in error.problems]
    return {"reason": error.detail, "problems": problems}


def _write_pieces(
    model: Model, job: Job, store: ObjectStore, planned: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> dict[str, Any]:
    plan, part = planned
    scorer = Scorer(model, explain=job.explain)
    layout = Layout(model.contract, plan["header"], job.carry)
    scored = rejected = 0
    with ExitStack() as opened:
        pieces = [
            opened.enter_context(store.create(job.results_bucket, job.work_key(piece_name(part["number"], what))))
            for what in ("scored", "rejects")
        ]
        writer = Writer(pieces[0], plan["format"], names_of(layout, scorer))
        for block in gathered(_blocks(layout, job, store, (plan, part, opened)), scorer.rows):
            if len(block.lines) or plan["format"] == PARQUET:
                writer.write(block, scorer.score(block))
            scored += len(block.lines)
            rejected += block.rejected
            if block.rejects:
                pieces[1].write(reject_lines(block.rejects))
        writer.close()
        sizes = [piece.tell() for piece in pieces]
    return {"scored": scored, "rejected": rejected, "scored_bytes": sizes[0], "rejects_bytes": sizes[1]}


def names_of(layout: Layout, scorer: Scorer) -> list[str]:
    """Name the columns of the results."""
    return [LINE, *layout.carried, *scorer.names]


def _blocks(
    layout: Layout, job: Job, store: ObjectStore, place: tuple[Mapping[str, Any], Mapping[str, Any], ExitStack]
) -> Iterator[Block]:
    plan, part, opened = place
    if plan["format"] == PARQUET:
        file = opened.enter_context(store.open_seekable(job.bucket, job.key, job.version))
        return ParquetBlocks(layout, open_parquet(file), file).read(part)
    if "spooled" in part:
        source = store.open_read(job.results_bucket, job.work_key(part["spooled"]), None)
    else:
        source = store.open_range(job.bucket, job.key, job.version, (part["start"], part["size"]))
    opened.enter_context(source)
    reader = CsvBlocks(layout) if plan["format"] == CSV else JsonBlocks(layout)
    return reader.read(source, part["line"])
