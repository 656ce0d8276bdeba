"""The first step: one pass over an object that says where its parts begin. The same object gives the same plan."""

from __future__ import annotations

import codecs
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

from ratecard.contract import ModelContract
from ratecard.contract.rows import refusal_of
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import Problem
from ratecard.kernel.jsontext import encode
from ratecard.serving.batch.formats import CSV, PARQUET, Format, parse_format
from ratecard.serving.batch.job import Job
from ratecard.serving.batch.parquetschema import check_schema, open_parquet
from ratecard.serving.batch.parts import (
    EXPLAINED_BLOCK_BYTES,
    cut_groups,
    cut_stream,
    limits_of,
    numbered,
    spool_stream,
)
from ratecard.serving.batch.reading import Expanding, Hashing
from ratecard.serving.batch.rowpath import Layout, check_carry, check_header
from ratecard.serving.batch.segments import MAX_LINE_BYTES, Segments, Source, parse_cells
from ratecard.storage.objects import ObjectStore

UTF_16 = Problem("", "bad_csv", "is UTF-16 text; it must be UTF-8")
NO_ROWS = Problem("", "no_rows", "must hold at least one row")
EMPTY = Problem("", "no_header", "is empty")


@dataclass(frozen=True, slots=True)
class Plan:
    """How an object is scored.

    Attributes
    ----------
    model, model_version : str
        What scores it; another version plans again.
    format : str
        csv, jsonl or parquet.
    header : tuple of str
        Columns of the file; () for JSON Lines.
    input : dict
        SHA-256 and bytes of the object.
    parts : list of dict
        `number` from 1, `line` of its first line or row, and where it is: `start` and `size` in bytes of the object, or
        of the intermediate file `spooled`, or row `groups` from and to, of which so many rows are `skipped` and so
        many `rows` are the part's.
    """

    model: str
    model_version: str
    format: str
    header: tuple[str, ...]
    input: dict[str, Any]
    parts: list[dict[str, Any]]

    def document(self, job: Job) -> dict[str, Any]:
        """Write the plan, without its parts, as JSON can hold it, with the time at which its rows will be billed."""
        document: dict[str, Any] = {
            "job": job.digest(),
            "model": self.model,
            "model_version": self.model_version,
            "format": self.format,
            "header": list(self.header),
            "input": self.input,
            "parts": len(self.parts),
        }
        plan_id = sha256_hex(encode([document, self.parts]).encode())
        return document | {"id": plan_id, "announced_at": rfc3339_from_epoch_ms(job.at_epoch_ms)}


def plan_object(contract: ModelContract, job: Job, store: ObjectStore) -> Plan:
    """Read an object through once and plan its parts.

    Raises
    ------
    InvalidRequestError
        If it is no file of this model's rows as a whole.
    NotFoundError, ObjectChangedError
        If it is gone, or was written again.
    """
    kind = parse_format(job.name)
    with ExitStack() as opened:
        stream = opened.enter_context(store.open_read(job.bucket, job.key, job.version))
        source = Hashing(stream)
        if kind.name == PARQUET:
            header, parts = _plan_parquet(contract, job, store, source)
        else:
            header, parts = _plan_text(contract, job, store, source)
        planned = Plan(
            contract.slug,
            contract.version,
            kind.name,
            header,
            {"sha256": source.hexdigest(), "bytes": source.size},
            parts,
        )
    store.confirm_unchanged(job.bucket, job.key, job.version)
    return planned


def _plan_parquet(
    contract: ModelContract, job: Job, store: ObjectStore, source: Hashing
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    while source.read(1 << 20):
        pass
    if not source.size:
        raise refusal_of(EMPTY, whole="the file")
    with store.open_seekable(job.bucket, job.key, job.version) as file:
        opened = open_parquet(file)
        check_schema(Layout(contract, opened.schema_arrow.names, job.carry), opened.schema_arrow, job.carry)
        parts = numbered(cut_groups(opened.metadata, limits_of(contract, job)))
        return tuple(opened.schema_arrow.names), parts


class Text(NamedTuple):
    """A file of text, opened: its columns are known, and its segments can be read.

    Attributes
    ----------
    kind : Format
        Format and compression.
    header : tuple of str
        Columns; () for JSON Lines.
    segments : Segments
        Everything after the header.
    start : int
        Bytes before it.
    """

    kind: Format
    header: tuple[str, ...]
    segments: Segments
    start: int


def open_text(contract: ModelContract, job: Job, source: Hashing) -> Text:
    """Read the beginning of a file of text.

    Raises
    ------
    InvalidRequestError
        If it has no header that fits, or is empty.
    """
    kind = parse_format(job.name)
    expanded = Expanding(source, kind.compression, job.size) if kind.compression else source
    beginning = Beginning(expanded, EXPLAINED_BLOCK_BYTES if job.explain else MAX_LINE_BYTES)
    if beginning.skip(codecs.BOM_UTF16_LE) or beginning.skip(codecs.BOM_UTF16_BE):
        raise refusal_of(UTF_16, whole="the file")
    skipped = beginning.skip(codecs.BOM_UTF8)
    if kind.name != CSV:
        if beginning.is_empty():
            raise refusal_of(EMPTY, whole="the file")
        check_carry(contract, job.carry)
        return Text(kind, (), Segments(beginning, 0, 1), skipped)
    first = beginning.take_line()
    header = parse_cells(first.decode("utf-8", "surrogateescape")) if first else None
    check_header(contract, header, job.carry)
    columns = tuple(header or ())
    return Text(kind, columns, Segments(beginning, len(columns), 2), skipped + len(first))


def _plan_text(
    contract: ModelContract, job: Job, store: ObjectStore, source: Hashing
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    text, limits = open_text(contract, job, source), limits_of(contract, job)
    if text.kind.compression:
        return text.header, numbered(spool_stream(text.segments, limits, job, store))
    return text.header, numbered(cut_stream(text.segments, limits, text.start))


class Beginning:
    """A stream of which the first bytes are looked at before it is read on.

    Parameters
    ----------
    source : Source
        Of bytes.
    at_once : int
        How many are returned at most.
    """

    def __init__(self, source: Source, at_once: int) -> None:
        self._source = source
        self._at_once = at_once
        self._held = source.read(MAX_LINE_BYTES)

    def is_empty(self) -> bool:
        """Tell whether there is nothing."""
        return not self._held

    def skip(self, prefix: bytes) -> int:
        """Drop a prefix if it is there; return how many bytes were dropped."""
        if not self._held.startswith(prefix):
            return 0
        self._held = self._held[len(prefix) :]
        return len(prefix)

    def take_line(self) -> bytes:
        """Take the first line, which must be a whole one or the only one; empty if it is too long."""
        while b"\n" not in self._held and len(self._held) < MAX_LINE_BYTES and (more := self._source.read(1 << 16)):
            self._held += more
        end = self._held.find(b"\n") + 1
        if not end and len(self._held) >= MAX_LINE_BYTES:
            return b""
        line, self._held = (self._held[:end], self._held[end:]) if end else (self._held, b"")
        return line

    def read(self, size: int, /) -> bytes:
        """Read on."""
        size = min(size, self._at_once)
        if self._held:
            piece, self._held = self._held[:size], self._held[size:]
            return piece
        return self._source.read(size)
