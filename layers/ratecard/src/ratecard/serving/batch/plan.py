"""The first step: one pass over an object that says where its parts begin. The same object gives the same plan."""

from __future__ import annotations

from collections.abc import Iterator
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
from ratecard.serving.batch.parquetblocks import check_schema, open_parquet
from ratecard.serving.batch.reading import Expanding, Hashing
from ratecard.serving.batch.rowpath import Layout, check_header
from ratecard.serving.batch.segments import MAX_LINE_BYTES, Segments, Source, parse_cells
from ratecard.storage.objects import ObjectStore

BOM = b"\xef\xbb\xbf"
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
        of the intermediate file `spooled`, or row `groups` from and to.
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
            [{"number": number, **part} for number, part in enumerate(parts, 1)],
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
        metadata = opened.metadata
        parts: list[dict[str, Any]] = []
        row, held = 1, job.part_bytes
        for group in range(metadata.num_row_groups):
            if held >= job.part_bytes:
                parts.append({"groups": [group, group], "line": row})
                held = 0
            parts[-1]["groups"][1] = group + 1
            held += metadata.row_group(group).total_byte_size
            row += metadata.row_group(group).num_rows
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
    beginning = Beginning(Expanding(source, kind.compression, job.size) if kind.compression else source)
    skipped = beginning.skip(BOM)
    if kind.name != CSV:
        if beginning.is_empty():
            raise refusal_of(EMPTY, whole="the file")
        return Text(kind, (), Segments(beginning, 0, 1), skipped)
    first = beginning.take_line()
    header = parse_cells(first.decode("utf-8", "surrogateescape")) if first else None
    check_header(contract, header, job.carry)
    columns = tuple(header or ())
    return Text(kind, columns, Segments(beginning, len(columns), 2), skipped + len(first))


def _plan_text(
    contract: ModelContract, job: Job, store: ObjectStore, source: Hashing
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    text = open_text(contract, job, source)
    if text.kind.compression:
        return text.header, list(_spool(job, store, text.segments))
    return text.header, list(_cut(text.segments, job.part_bytes, text.start))


def _cut(segments: Segments, part_bytes: int, start: int) -> Iterator[dict[str, Any]]:
    """Name the parts of a stream by their place in it."""
    begun, line, end = 0, None, 0
    for segment in segments:
        line = segment.line if line is None else line
        end = segment.end
        if end - begun >= part_bytes:
            yield {"start": start + begun, "size": end - begun, "line": line}
            begun, line = end, None
    if line is not None:
        yield {"start": start + begun, "size": end - begun, "line": line}


def _spool(job: Job, store: ObjectStore, segments: Segments) -> Iterator[dict[str, Any]]:
    """Write the parts of a stream that cannot be read from its middle into files of their own."""
    stack, file, size, line, number = ExitStack(), None, 0, 0, 0
    with stack:
        for segment in segments:
            if file is None:
                number += 1
                file = stack.enter_context(store.create(job.results_bucket, job.work_key(_spooled(number))))
                size, line = 0, segment.line
            # A line that is too long leaves just enough to be too long again.
            content = segment.content or b"x" * MAX_LINE_BYTES + b"\n"
            file.write(content)
            size += len(content)
            if size >= job.part_bytes:
                stack.close()
                yield {"spooled": _spooled(number), "size": size, "line": line}
                file = None
        stack.close()
        if file is not None:
            yield {"spooled": _spooled(number), "size": size, "line": line}


def _spooled(number: int) -> str:
    return f"input-{number:05d}"


class Beginning:
    """A stream of which the first bytes are looked at before it is read on."""

    def __init__(self, source: Source) -> None:
        self._source = source
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
        if self._held:
            piece, self._held = self._held[:size], self._held[size:]
            return piece
        return self._source.read(size)
