"""The text of the queries that count a large lake. SQL counts whole numbers; what a call counts as is not said here.

There are two steps. *Reading* takes a line apart where it is exactly as the platform writes it, member by member and
byte by byte; every other line is strange and goes to Python as it is. *Counting* (`queries_count`) removes copies,
joins both streams by id and counts groups of calls that have everything in common that matters; `billing.verdicts`
judges each group. Reading needs functions that engines name differently (`Dialect`); counting is one text for all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ratecard.billing.events import ANNOUNCEMENTS, CALL, OTHER

ENVELOPE = ("specversion", "type", "id", "source", "time", "subject")
WORK = (
    "operation",
    "model",
    "model_version",
    "units",
    "status",
    "billable",
    "api_key_id",
    "lambda_request_id",
    "client_request_id",
    "idempotency_key",
    "req_bytes",
    "resp_bytes",
    "latency_ms",
    "input_sha256",
)
LEVEL = "level"
ACCESS_MEMBERS = (
    "requestId",
    "extendedRequestId",
    "apiId",
    "stage",
    "requestTimeEpoch",
    "httpMethod",
    "resourcePath",
    "status",
    "protocol",
    "responseLength",
    "apiKeyId",
    "sourceIp",
    "principalId",
    "responseType",
    "integrationStatus",
    "integrationLatency",
    "responseLatency",
    "lambdaRequestId",
    "wafResponseCode",
)
"""Members of the stage's access-log format, in order."""

_NUMBERS = ("units", "status", "req_bytes", "resp_bytes")
_INSTANT = "[12][0-9]{3}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9]{3}Z"
_DIGITS = "[0-9]{1,15}"

USAGE_COLUMNS = (
    "part, strange, id, subject, at_ms, model, model_version, operation, level, units, status, billable, "
    "idempotency_key, input_sha256, line_hash"
)
ACCESS_COLUMNS = "part, strange, id, key_id, at_ms, status, integration_status, kind, line_hash"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What engines name differently.

    Attributes
    ----------
    whole : str
        What is taken from `line` at once, with its members' types (`{shape}`), as `m`.
    member : str
        A member of it (`{path}`) as a `{type}`, NULL if it is not there or of another type.
    bytes_of, matches : str
        Number of bytes of a text; whether a text `{a}` is wholly as an expression `{b}` says.
    to_ms : str
        Milliseconds since 1970 of `2026-11-22T10:11:12.345` in UTC, or NULL.
    hash_of : str
        A whole number that stands for a text.
    part_of : str
        A number from 0 to below `{parts}` that stands for a text.
    """

    whole: str
    member: str
    bytes_of: str
    matches: str
    to_ms: str
    hash_of: str
    part_of: str


DUCKDB = Dialect(
    whole="CASE WHEN json_valid(line) THEN json_transform(line, '{shape}') END",
    member="m.{path}",
    bytes_of="strlen({a})",
    matches="regexp_full_match({a}, '{b}')",
    to_ms="epoch_ms(TRY_CAST({a} AS TIMESTAMP))",
    hash_of="hash({a})",
    part_of="CAST(hash({a}) % {parts} AS INTEGER)",
)
ATHENA = Dialect(
    whole="TRUE",
    member="TRY_CAST(json_extract_scalar(line, '$.{path}') AS {type})",
    bytes_of="length(to_utf8({a}))",
    matches="regexp_like({a}, '^{b}$')",
    to_ms="CAST(to_unixtime(TRY(from_iso8601_timestamp(concat({a}, 'Z')))) * 1000 AS BIGINT)",
    hash_of="from_big_endian_64(xxhash64(to_utf8({a})))",
    part_of=(
        "CAST(mod(bitwise_and(from_big_endian_64(xxhash64(to_utf8({a}))), 9223372036854775807), {parts}) AS INTEGER)"
    ),
)


def read_usage(lines: str, dialect: Dialect = DUCKDB, *, parts: int = 1, mark: str = "") -> str:
    """Return the query that takes usage lines apart.

    Parameters
    ----------
    lines : str
        What gives a column `line`.
    dialect : Dialect
        The engine's.
    parts : int
        By how many the ids are divided; strange lines have this number as theirs.
    mark : str
        What strange lines begin with in the result.
    """
    types = dict.fromkeys(ENVELOPE, "VARCHAR")
    types |= {f"data.{name}": _type_of(name) for name in (*WORK, LEVEL)}
    shape = json.dumps(dict.fromkeys(ENVELOPE, "VARCHAR") | {"data": {name: _type_of(name) for name in (*WORK, LEVEL)}})
    text = ['\'{"specversion":"1.0","type":"ratecard.call.v1"\'']
    text += [piece for name in ENVELOPE[2:] for piece in (f"""',"{name}":"'""", f"m_{name}", "'\"'")]
    text += ["',\"data\":{'"]
    for name in WORK:
        text += [f"""'{"" if name == WORK[0] else ","}"{name}":'""", _spelt(name)]
        if name == "model_version":
            text += [f"""CASE WHEN m_{LEVEL} IS NULL THEN '' ELSE concat(',"{LEVEL}":"', m_{LEVEL}, '"') END"""]
    text += ["'}}'"]
    needed = ("id", "subject", "model", "model_version", "operation", "input_sha256")
    plain = [
        f"line = concat({', '.join(text)})",
        *(f"m_{name} <> ''" for name in needed),
        f"coalesce(m_{LEVEL}, '-') <> ''",
        *(f"m_{name} >= 0" for name in ("units", "status")),
        dialect.matches.format(a="m_time", b=_INSTANT),
        # Readers of JSON differ in whether they take inf and NaN.
        dialect.matches.format(a="coalesce(m_latency_ms, '0')", b="[0-9][0-9.eE+-]*"),
        "at_ms IS NOT NULL",
    ]
    columns = {name: f"m_{name}" for name in ("subject", "at_ms", "model", "model_version", "operation")}
    columns |= {"at_ms": "at_ms", "level": f"coalesce(m_{LEVEL}, 'standard')"}
    columns |= {name: f"m_{name}" for name in ("units", "status", "billable", "idempotency_key")}
    columns |= {"input_sha256": "CASE WHEN m_idempotency_key IS NOT NULL THEN m_input_sha256 END"}
    at_ms = dialect.to_ms.format(a="substr(m_time, 1, 23)")
    return _reading(lines, dialect, _Shape(shape, types, plain, columns, at_ms, "m_id"), (parts, mark))


def read_access(lines: str, dialect: Dialect = DUCKDB, *, parts: int = 1, mark: str = "") -> str:
    """Return the query that takes access lines apart; parameters are those of `read_usage`."""
    text = [piece for name in ACCESS_MEMBERS for piece in (f"""'","{name}":"'""", f"m_{name}")]
    text[0] = text[0].replace("'\",", "'{", 1)
    plain = [
        f"line = concat({', '.join(text)}, '\"}}')",
        *(f"m_{name} <> ''" for name in ("extendedRequestId", "apiKeyId", "integrationStatus", "httpMethod")),
        "m_extendedRequestId <> '-'",
        *(dialect.matches.format(a=f"m_{name}", b=_DIGITS) for name in ("requestTimeEpoch", "status")),
    ]
    columns = {
        "key_id": "m_apiKeyId",
        "at_ms": "at_ms",
        "status": "TRY_CAST(m_status AS BIGINT)",
        "integration_status": "m_integrationStatus",
        "kind": f"CASE WHEN m_httpMethod = 'POST' AND m_resourcePath NOT LIKE '%{ANNOUNCEMENTS}' "
        f"THEN '{CALL}' ELSE '{OTHER}' END",
    }
    types = dict.fromkeys(ACCESS_MEMBERS, "VARCHAR")
    shape = json.dumps(types)
    at_ms = "TRY_CAST(m_requestTimeEpoch AS BIGINT)"
    return _reading(lines, dialect, _Shape(shape, types, plain, columns, at_ms, "m_extendedRequestId"), (parts, mark))


@dataclass(frozen=True, slots=True)
class _Shape:
    shape: str
    types: dict[str, str]
    plain: Sequence[str]
    columns: dict[str, str]
    at_ms: str
    id: str


def _reading(lines: str, dialect: Dialect, shape: _Shape, division: tuple[int, str]) -> str:
    parts, mark = division
    members = ",\n  ".join(
        f"{dialect.member.format(path=path, type=kind)} AS m_{path.removeprefix('data.')}"
        for path, kind in shape.types.items()
    )
    ascii_only = f"{dialect.bytes_of.format(a='line')} = length(line)"
    plain = "\n  AND ".join([ascii_only, *shape.plain])
    columns = ",\n  ".join(f"CASE WHEN plain THEN {text} END AS {name}" for name, text in shape.columns.items())
    return f"""WITH
apart AS (SELECT line, {dialect.whole.format(shape=shape.shape)} AS m FROM {lines} WHERE line <> ''),
named AS (SELECT line,
  {members}
  FROM apart),
timed AS (SELECT *, {shape.at_ms} AS at_ms FROM named),
judged AS (SELECT *, coalesce(
  {plain}, FALSE) AS plain FROM timed)
SELECT CASE WHEN plain THEN {dialect.part_of.format(a=shape.id, parts=parts)} ELSE {parts} END AS part,
  CASE WHEN NOT plain THEN concat('{mark}', line) END AS strange,
  CASE WHEN plain THEN {shape.id} END AS id,
  {columns},
  CASE WHEN plain THEN {dialect.hash_of.format(a="line")} END AS line_hash
FROM judged"""


def _type_of(name: str) -> str:
    return "BIGINT" if name in _NUMBERS else "BOOLEAN" if name == "billable" else "VARCHAR"


def _spelt(name: str) -> str:
    """Return how a member's value is written, so that a line can be compared with its members written again."""
    value = f"m_{name}"
    if name in _NUMBERS:
        return f"CAST({value} AS VARCHAR)"
    if name == "billable":
        return f"CASE WHEN {value} THEN 'true' ELSE 'false' END"
    if name == "latency_ms":
        return f"coalesce({value}, 'null')"
    if name == "idempotency_key":
        value = f"""replace(replace({value}, '\\', '\\\\'), '"', '\\"')"""
    quoted = f"""concat('"', {value}, '"')"""
    return f"CASE WHEN m_{name} IS NULL THEN 'null' ELSE {quoted} END" if name in _ABSENT else quoted


_ABSENT = ("api_key_id", "lambda_request_id", "client_request_id", "idempotency_key")
