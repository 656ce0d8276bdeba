"""Counts the parts of a large lake: SQL groups, the verdicts are Python's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ratecard.billing.counting import Counted, Sums
from ratecard.billing.retries import WINDOW_MS
from ratecard.billing.scope import Scope
from ratecard.billing.segments import END_OF_TIME_MS
from ratecard.billing.verdicts import Call, judge
from ratecard.storage.lake import ACCESS, USAGE, DamagedFileError
from ratecard.storage.odd_calls import OddCalls, Reread, make_access, make_usage
from ratecard.storage.queries import ACCESS_COLUMNS, USAGE_COLUMNS, read_access, read_usage
from ratecard.storage.queries_count import GROUP, KEYED, REPEATED, grouped, hourly, joined, listed, without_copies

_LINES = (
    "read_csv([{files}], columns = {{'line': 'VARCHAR'}}, delim = '\x01\x02\x03\x04', quote = '', escape = '', "
    "header = false, auto_detect = false, encoding = '{encoding}', strict_mode = false, new_line = '\\n', "
    "nullstr = '\x02\x03')"
)
"""Every line of some files as one text, whatever is in it: nothing separates columns."""

_ENCODINGS = {"U": "utf-8", "L": "latin-1"}
"""By the mark that strange lines get. The first is faster; the second takes any bytes."""

_TABLES = """
CREATE TEMP TABLE usage_lines (part INTEGER, strange VARCHAR, id VARCHAR, subject VARCHAR, at_ms BIGINT, model VARCHAR,
  model_version VARCHAR, operation VARCHAR, level VARCHAR, units BIGINT, status BIGINT, billable BOOLEAN,
  idempotency_key VARCHAR, input_sha256 VARCHAR, line_hash UBIGINT);
CREATE TEMP TABLE access_lines (part INTEGER, strange VARCHAR, id VARCHAR, key_id VARCHAR, at_ms BIGINT, status BIGINT,
  integration_status VARCHAR, kind VARCHAR, line_hash UBIGINT);
CREATE TEMP TABLE pieces (subject VARCHAR, from_ms BIGINT, to_ms BIGINT, piece INTEGER);
CREATE TEMP TABLE odd (id VARCHAR);
"""
_USED = USAGE_COLUMNS.removeprefix("part, strange, ")
_ANSWERED = ACCESS_COLUMNS.removeprefix("part, strange, ")
_SHA = "sha256(concat_ws(' ', idempotency_key, input_sha256))"


class PartCounter:
    """Takes a lake's files, then counts part after part.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To a database of its own.
    scope : Scope
        Whose calls are counted.
    parts : int
        By how many the ids are divided.
    scratch : Path
        Folder for what the lines say.
    """

    def __init__(self, connection: Any, scope: Scope, parts: int, scratch: Path) -> None:
        self._database = connection
        self._scope = scope
        self._parts = parts
        self._scratch = scratch
        self._odd = OddCalls(scope)
        self._sums = Sums(scope)
        self._batches = 0
        self._keyed = False
        connection.execute(_TABLES)
        columns = list(zip(*pieces_of(scope), strict=True)) or [(), (), (), ()]
        connection.execute(
            "INSERT INTO pieces SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::BIGINT[]), "
            "unnest(?::INTEGER[])",
            [list(column) for column in columns],
        )

    def stage(self, stream: str, paths: Sequence[Path]) -> None:
        """Read files.

        Raises
        ------
        DamagedFileError
            If one cannot be read to its end.
        """
        import duckdb

        self._batches += 1
        for mark in _ENCODINGS:
            try:
                self._database.execute(self._staging(stream, paths, mark))
            except (duckdb.IOException, duckdb.InvalidInputException) as error:
                reason = str(error).partition("\n")[0]
                for partial in (self._scratch / stream).glob(f"*/b{self._batches}_*"):
                    partial.unlink()
            else:
                return
        raise DamagedFileError(f"files of the lake from {paths[0]} to {paths[-1]}: {reason}")

    def _staging(self, stream: str, paths: Sequence[Path], mark: str) -> str:
        files = ", ".join(_quoted(str(path)) for path in paths)
        lines = _LINES.format(files=files, encoding=_ENCODINGS[mark])
        query = (read_usage if stream == USAGE else read_access)(lines, parts=self._parts, mark=mark)
        if self._parts == 1:
            return f"INSERT INTO {stream}_lines {query}"
        return (
            f"COPY ({query}) TO {_quoted(str(self._scratch / stream))} (FORMAT parquet, COMPRESSION lz4, "
            f"PARTITION_BY (part), APPEND, FILENAME_PATTERN 'b{self._batches}_{{uuid}}')"
        )

    def prepare(self) -> None:
        """Take what is strange, once all files are read."""
        for stream in (USAGE, ACCESS):
            if any((self._scratch / stream).glob("*/*.parquet")):
                pattern = _quoted(f"{self._scratch / stream}/*/*.parquet")
                self._database.execute(
                    f"DROP TABLE {stream}_lines; CREATE TEMP VIEW {stream}_lines AS "
                    f"SELECT * FROM read_parquet({pattern}, hive_partitioning = true)"
                )
            for (line,) in self._rows(f"SELECT strange FROM {stream}_lines WHERE part = {self._parts}"):
                self._odd.add_strange(stream, line[1:].encode(_ENCODINGS[line[0]]))
        self._database.execute("INSERT INTO odd SELECT unnest(?::VARCHAR[])", [self._odd.ids()])

    def count_part(self, part: int) -> None:
        """Count the ids of one part."""
        self._make("used_once", without_copies(USAGE, part))
        self._make("answered_once", without_copies(ACCESS, part))
        self._database.execute(
            "INSERT INTO odd SELECT id FROM used_once WHERE differs UNION SELECT id FROM answered_once WHERE differs"
        )
        odd = f"part = {part} AND id IN (SELECT id FROM odd)"
        for row in self._rows(f"SELECT {_USED} FROM usage_lines WHERE {odd}"):
            self._odd.add_used(row)
        for row in self._rows(f"SELECT {_ANSWERED} FROM access_lines WHERE {odd}"):
            self._odd.add_answered(row)
        self._make("calls", joined(moments_of(self._scope)))
        self._keep_keyed()
        if self._scope.by_hour:
            for row in self._rows(hourly("calls")):
                fields = dict(zip((*GROUP, "at_ms", "calls", "units"), row, strict=True))
                self._sums.add_hour(_call_of(fields), fields["calls"])
        self._add_groups("(SELECT * FROM calls WHERE idempotency_key IS NULL)")

    def count_keyed(self, part: int) -> None:
        """Count one part of the calls with an Idempotency-Key, all of those that could repeat each other."""
        if not self._keyed:
            return
        self._make("keyed_calls", f"SELECT *, {REPEATED} FROM keyed WHERE part_of_key = {part}")
        self._add_groups("(SELECT * FROM keyed_calls WHERE repetitions = 1)")
        names = [name.strip() for name in KEYED.split(",")]
        for row in self._rows(f"SELECT {KEYED} FROM keyed_calls WHERE repetitions > 1"):
            fields = dict(zip(names, row, strict=True))
            self._sums.add_call(fields["id"], _call_of(fields))
        self._sums.settle_retries()

    def finish(self, reread: Reread) -> Counted:
        """Judge the odd calls and return everything; `reread` is that of `OddCalls.settle`."""
        self._odd.settle(self._sums, reread)
        return self._sums.finish(damaged=self._odd.damaged)

    def _keep_keyed(self) -> None:
        part_of_key = f"CAST(hash({_SHA}) % {self._parts} AS INTEGER) AS part_of_key"
        columns = KEYED.replace("part_of_key", part_of_key, 1)
        query = f"SELECT {columns} FROM calls WHERE idempotency_key IS NOT NULL"
        self._database.execute(
            f"INSERT INTO keyed {query}" if self._keyed else f"CREATE OR REPLACE TABLE keyed AS {query}"
        )
        self._keyed = True

    def _add_groups(self, table: str) -> None:
        """Judge groups of equal calls, and list the ids of those that are not plain."""
        self._make("found", f"SELECT row_number() OVER () AS number, * FROM ({grouped(table)})")
        listing: dict[int, Any] = {}
        for number, *row in self._rows("SELECT * FROM found"):
            fields = dict(zip((*GROUP, "at_ms", "calls", "units"), row, strict=True))
            verdict = judge(self._scope, _call_of(fields))
            self._sums.add(verdict, fields["calls"], fields["units"])
            if verdict.oddities:
                listing[number] = verdict
        if listing:
            self._database.execute(
                "CREATE OR REPLACE TEMP TABLE named AS "
                "SELECT * FROM found WHERE number IN (SELECT unnest(?::BIGINT[]))",
                [list(listing)],
            )
            for number, call_id, at_ms in self._rows(listed(table)):
                self._sums.note(listing[number], call_id, at_ms)

    def _make(self, table: str, query: str) -> None:
        self._database.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Yield a result's rows; nothing else may be asked meanwhile."""
        result = self._database.execute(query)
        while rows := result.fetchmany(20_000):
            yield from rows


@contextlib.contextmanager
def open_database(scratch: Path, *, memory_bytes: int, threads: int) -> Iterator[Any]:
    """Open a database in a scratch folder, to which it spills what does not fit in memory."""
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_bytes // 1_000_000}MB",
        "threads": threads,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with contextlib.closing(duckdb.connect(str(scratch / "count.duckdb"), config=settings)) as connection:
        connection.execute("SET enable_progress_bar = false")
        yield connection


def _call_of(fields: dict[str, Any]) -> Call:
    """Return a call with what a group has in common."""
    names = ("subject", "at_ms", "model", "operation", "level", "used_status", "billable")
    subject, at_ms, model, operation, level, status, billable = (fields[name] for name in names)
    version, key, body = (fields.get(name) for name in ("model_version", "idempotency_key", "input_sha256"))
    call_id = fields.get("id", "")
    work = (subject, at_ms, model, version or "", operation, level, fields["units"], status, billable, key, body)
    answer = tuple(fields[name] for name in ("key_id", "at_ms", "answered_status", "integration_status", "kind"))
    return Call(
        subject=subject,
        at_ms=at_ms,
        usage=make_usage(call_id, work) if fields["used"] else None,
        access=make_access(call_id, answer) if fields["answered"] else None,
        copied=fields["copied"],
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def pieces_of(scope: Scope) -> Iterator[tuple[str, int, int, int]]:
    """Yield (subject, from, to, piece): stretches of time in which equal calls of a subject have equal verdicts."""
    cuts: dict[str, set[int]] = {}
    for each in scope.directory.assignments:
        found = cuts.setdefault(each.subject, set(moments_of(scope)))
        found |= {each.from_ms, each.end_ms}
        if each.customer in scope.periods:
            period = scope.periods[each.customer]
            found |= {period.from_ms - WINDOW_MS, period.from_ms, period.to_ms}
    for segment in scope.segments:
        cuts[segment.subject] |= {segment.from_ms, segment.to_ms}
    number = 0
    for subject, found in sorted(cuts.items()):
        bounds = [-END_OF_TIME_MS, *sorted(found), END_OF_TIME_MS * 2]
        for begin, end in pairwise(bounds):
            yield subject, begin, end, number
            number += 1


def moments_of(scope: Scope) -> list[int]:
    """Return the instants that matter for subjects whom nobody has."""
    guards = scope.guards
    return [scope.from_ms, scope.to_ms, guards.as_of_ms - guards.past_ms, guards.as_of_ms + guards.future_ms + 1]
