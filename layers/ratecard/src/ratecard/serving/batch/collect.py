"""The last step: all pieces become one result, and a manifest says what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ratecard.contract.rows import refusal_of
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256
from ratecard.kernel.errors import ErrorKind, Problem, RatecardError
from ratecard.serving.batch.formats import CSV, PARQUET, Format
from ratecard.serving.batch.job import Job
from ratecard.serving.batch.plan import NO_ROWS
from ratecard.serving.batch.rowpath import ROW_ID
from ratecard.serving.batch.score import note_name, piece_name, reason_of
from ratecard.serving.batch.settle import cost_of, usage_id_of
from ratecard.serving.batch.writing import REJECT_COLUMNS, header_line
from ratecard.storage.objects import ObjectStore

MAX_REJECTS_BYTES = 256_000_000
TOO_MANY = Problem(
    "",
    "too_many_rejects",
    f"must not have more rows that are rejected than scored where that is over {MAX_REJECTS_BYTES} bytes of rejects",
)
"""Such a file is none of this model's rows, and its results could be many times as large as itself."""

REJECTS = "rejects.csv"
COPY_BYTES = 1 << 20
UNREPEATED = {"line", ROW_ID}
NOTES_AT_ONCE = 16
GROUP_ROWS = 1 << 17
"""Rows of a row group of a Parquet result, about."""

GROUP_BYTES = 128_000_000
"""About how much of a row group is held in memory: a row may carry many texts."""


class PartMissingError(RatecardError):
    """A part was not scored, or by another plan: the step before must run again."""

    code = "part_missing"
    kind = ErrorKind.CONFLICT


def find_notes(job: Job, store: ObjectStore, plan: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    """Find the notes on all parts; None where there is none of this plan."""

    def load(number: int) -> dict[str, Any] | None:
        content = store.find_bytes(job.results_bucket, job.work_key(note_name(number)))
        note: dict[str, Any] | None = None if content is None else json.loads(content)
        return note if note is not None and note["plan"] == plan["id"] else None

    with ThreadPoolExecutor(NOTES_AT_ONCE) as threads:
        return list(threads.map(load, range(1, plan["parts"] + 1)))


def load_notes(job: Job, store: ObjectStore, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Load the notes on all parts.

    Raises
    ------
    PartMissingError
        If one is missing.
    """
    notes = find_notes(job, store, plan)
    missing = [number for number, note in enumerate(notes, 1) if note is None]
    if missing:
        raise PartMissingError(f"{len(missing)} of {plan['parts']} parts are not scored, the first is {missing[0]}")
    return [note for note in notes if note is not None]


def find_refusal(job: Job, store: ObjectStore, plan: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find the reason and problems of a part that shows that the file is none of rows."""
    notes = (note for note in find_notes(job, store, plan) if note is not None and note["status"] == "failed")
    return next(({"reason": note["reason"], "problems": note["problems"]} for note in notes), None)


def collect_parts(
    job: Job, store: ObjectStore, plan: Mapping[str, Any], *, names: Sequence[str], price: str | None
) -> dict[str, Any]:
    """Publish the results of a planned and scored object; the manifest is stored by the caller.

    Parameters
    ----------
    job, store, plan
        As in the steps before.
    names : sequence of str
        Columns of the results.
    price : str or None
        Of a row by the list, for example ``0.000500 USD``.

    Returns
    -------
    dict
        The manifest.
    """
    notes = load_notes(job, store, plan)
    failed = next((note for note in notes if note["status"] == "failed"), None)
    if failed is not None:
        return failed_manifest(job, plan, {"reason": failed["reason"], "problems": failed["problems"]}, price)
    scored, rejected = sum(note["scored"] for note in notes), sum(note["rejected"] for note in notes)
    if not scored + rejected:
        return failed_manifest(job, plan, reason_of(refusal_of(NO_ROWS, whole="the file")), price)
    if rejected > scored and sum(note["rejects_bytes"] for note in notes) > MAX_REJECTS_BYTES:
        return failed_manifest(job, plan, reason_of(refusal_of(TOO_MANY, whole="the file")), price)
    store.confirm_unchanged(job.bucket, job.key, job.version)
    kind = Format(plan["format"], "")
    head = header_line(names) if kind.name == CSV else b""
    results = {
        kind.scored_name: (
            _join_parquet(job, store, notes, kind.scored_name)
            if kind.name == PARQUET
            else _join(job, store, notes, (kind.scored_name, "scored", head))
        ),
        REJECTS: _join(job, store, notes, (REJECTS, "rejects", header_line(REJECT_COLUMNS))),
    }
    return _about(job, plan) | {
        "status": "succeeded",
        "usage_id": usage_id_of(plan),
        "input": plan["input"],
        "rows": {"read": scored + rejected, "scored": scored, "rejected": rejected},
        "results": results,
        "parts": [{name: note[name] for name in ("number", "scored", "rejected", "scored_bytes")} for note in notes],
        "cost": cost_of(price, scored),
    }


def failed_manifest(job: Job, about: Mapping[str, Any], reason: Mapping[str, Any], price: str | None) -> dict[str, Any]:
    """Say why a file fails; it costs nothing and stays where it is. `about` names model and model_version."""
    return _about(job, about) | {
        "status": "failed",
        **reason,
        "rows": {"read": 0, "scored": 0, "rejected": 0},
        "cost": cost_of(price, 0),
    }


def _about(job: Job, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": "",
        "model": about["model"],
        "model_version": about["model_version"],
        "operation": job.operation,
        "customer": job.customer,
        "object": {"bucket": job.bucket, "key": job.key, "version": job.version},
        "carried": list(job.carry),
        "announced_at": about.get("announced_at", rfc3339_from_epoch_ms(job.at_epoch_ms)),
        "finished_at": rfc3339_from_epoch_ms(int(time() * 1000)),
    }


class Described:
    """Writes to a file and describes what was written; the digest is computed beside, by a second thread.

    Parameters
    ----------
    file : BinaryIO
        Where the bytes go.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = sha256()
        self._size = 0
        self._hasher = ThreadPoolExecutor(1)
        self.closed = False

    def write(self, content: Any) -> int:
        """Write some bytes."""
        content = bytes(content)
        hashed = self._hasher.submit(self._sha256.update, content)
        self._file.write(content)
        self._size += len(content)
        hashed.result()
        return len(content)

    def flush(self) -> None:
        """Do nothing: the file is flushed when it is closed."""

    def describe(self) -> dict[str, str | int]:
        """Return SHA-256 and size."""
        self._hasher.shutdown()
        return {"sha256": self._sha256.hexdigest(), "bytes": self._size}


def _join(
    job: Job, store: ObjectStore, notes: Sequence[Mapping[str, Any]], what: tuple[str, str, bytes]
) -> dict[str, str | int]:
    """Put the pieces of one kind behind each other, after a header."""
    name, kind, header = what
    with store.create(job.results_bucket, job.result_key(name)) as file:
        described = Described(file)
        if header:
            described.write(header)
        for note in notes:
            size = 0
            if note[f"{kind}_bytes"]:
                for content in _read(job, store, piece_name(note["number"], kind)):
                    size += described.write(content)
            if size != note[f"{kind}_bytes"]:
                raise PartMissingError(
                    f"the {kind} piece of part {note['number']} is not of the size it was written in"
                )
        return described.describe()


def _read(job: Job, store: ObjectStore, name: str) -> Iterator[bytes]:
    with store.open_read(job.results_bucket, job.work_key(name), None) as piece:
        while content := piece.read(COPY_BYTES):
            yield content


def _join_parquet(job: Job, store: ObjectStore, notes: Sequence[Mapping[str, Any]], name: str) -> dict[str, str | int]:
    """Write the pieces, which are Arrow streams, as the row groups of one file."""
    with store.create(job.results_bucket, job.result_key(name)) as file:
        described = Described(file)
        writer: pq.ParquetWriter | None = None
        held: list[pa.RecordBatch] = []
        for batch in _batches(job, store, notes):
            if writer is None:
                sink = pa.PythonFile(described, mode="w")
                words = columns_of_few(batch.schema)
                writer = pq.ParquetWriter(sink, batch.schema, compression="zstd", use_dictionary=words)
            held.append(batch)
            if sum(one.num_rows for one in held) >= GROUP_ROWS or sum(one.nbytes for one in held) >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held), row_group_size=GROUP_ROWS * 2)
                held = []
        if writer is not None:
            if held:
                writer.write_table(pa.Table.from_batches(held), row_group_size=GROUP_ROWS * 2)
            writer.close()
        return described.describe()


def columns_of_few(schema: pa.Schema) -> list[str]:
    """Name the columns that may repeat their values: for the others a dictionary is work for nothing."""
    return [field.name for field in schema if not pa.types.is_floating(field.type) and field.name not in UNREPEATED]


def _batches(job: Job, store: ObjectStore, notes: Sequence[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    for note in notes:
        with store.open_read(job.results_bucket, job.work_key(piece_name(note["number"], "scored")), None) as piece:
            yield from pa.ipc.open_stream(piece)
