"""The text of counting: copies removed, both streams joined, calls grouped; the same for every engine."""

from __future__ import annotations

from collections.abc import Sequence

_USAGE_FIELDS = (
    "subject",
    "at_ms",
    "model",
    "model_version",
    "operation",
    "level",
    "units",
    "status",
    "billable",
    "idempotency_key",
    "input_sha256",
)
_ACCESS_FIELDS = ("key_id", "at_ms", "status", "integration_status", "kind")

GROUP = (
    "subject",
    "piece",
    "used",
    "model",
    "operation",
    "level",
    "used_status",
    "billable",
    "answered",
    "key_id",
    "answered_status",
    "integration_status",
    "kind",
    "copied",
)
"""What calls of a group have in common: everything that decides what they count as."""


def without_copies(stream: str, part: int) -> str:
    """Return the query that gives each id of a part once; `differs` says that its lines are not equal.

    Parameters
    ----------
    stream : str
        `usage` or `access`.
    part : int
        Part of the ids.
    """
    fields = _USAGE_FIELDS if stream == "usage" else _ACCESS_FIELDS
    smallest = ", ".join(f"min({name}) AS {name}" for name in fields)
    return (
        f"SELECT id, {smallest}, count(*) > 1 AS copied, min(line_hash) <> max(line_hash) AS differs "
        f"FROM {stream}_lines WHERE part = {part} GROUP BY id"
    )


def joined(moments: Sequence[int]) -> str:
    """Return the query that joins `used_once` and `answered_once`, without the ids in `odd`.

    Parameters
    ----------
    moments : sequence of int
        Instants that cut time for subjects without pieces of their own, milliseconds since 1970.
    """
    passed = " + ".join(f"CASE WHEN c.at_ms >= {moment} THEN 1 ELSE 0 END" for moment in moments) or "0"
    return f"""SELECT c.*, coalesce(p.piece, -1 - ({passed})) AS piece
FROM (
  SELECT coalesce(u.id, a.id) AS id,
    coalesce(u.subject, a.key_id) AS subject,
    coalesce(u.at_ms, a.at_ms) AS at_ms,
    u.id IS NOT NULL AS used,
    coalesce(u.model, '') AS model,
    coalesce(u.model_version, '') AS model_version,
    coalesce(u.operation, '') AS operation,
    coalesce(u.level, '') AS level,
    coalesce(u.units, 0) AS units,
    coalesce(u.status, 0) AS used_status,
    coalesce(u.billable, FALSE) AS billable,
    u.idempotency_key AS idempotency_key,
    u.input_sha256 AS input_sha256,
    a.id IS NOT NULL AS answered,
    coalesce(a.key_id, '') AS key_id,
    coalesce(a.status, 0) AS answered_status,
    coalesce(a.integration_status, '') AS integration_status,
    coalesce(a.kind, '') AS kind,
    coalesce(u.copied, FALSE) OR coalesce(a.copied, FALSE) AS copied
  FROM used_once u FULL OUTER JOIN answered_once a ON u.id = a.id
) c
LEFT JOIN pieces p ON p.subject = c.subject AND c.at_ms >= p.from_ms AND c.at_ms < p.to_ms
WHERE c.id NOT IN (SELECT id FROM odd)"""


def grouped(table: str) -> str:
    """Return the query that counts a table's calls by what they have in common."""
    names = ", ".join(GROUP)
    return f"SELECT {names}, min(at_ms), count(*), CAST(sum(units) AS BIGINT) FROM {table} GROUP BY {names}"


def hourly(table: str) -> str:
    """Return the query that counts a table's calls by the hour too."""
    return f"{grouped(table)}, at_ms // 3600000"


def listed(table: str) -> str:
    """Return the query that names the calls of the groups in `named`."""
    same = " AND ".join(f"c.{name} = g.{name}" for name in GROUP)
    return f"SELECT g.number, c.id, c.at_ms FROM {table} c JOIN named g ON {same}"


KEYED = "part_of_key, id, at_ms, units, model_version, idempotency_key, input_sha256, " + ", ".join(GROUP)
REPEATED = (
    "count(*) OVER (PARTITION BY idempotency_key, input_sha256, model, model_version, operation, level) AS repetitions"
)
