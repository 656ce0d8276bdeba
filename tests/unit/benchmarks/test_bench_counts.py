"""The benchmark's reading of the platform's books."""

import json
from pathlib import Path

from benchmarks.local_platform import Count, count_calls


def write_lines(home: Path, stream: str, lines: list[dict[str, object]]) -> None:
    """Write a stream of the lake as the platform lays it out."""
    folder = home / "lake" / stream / "dt=2026-11-22" / "hour=10"
    folder.mkdir(parents=True)
    (folder / "writer.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def access(call: str, status: str = "200", method: str = "POST") -> dict[str, object]:
    """Return an access line."""
    return {"extendedRequestId": call, "status": status, "httpMethod": method}


def test_calls_are_matched_by_id(tmp_path: Path) -> None:
    """A served call without a usage line is lost, a second line is repeated, an unsent answer is neither."""
    write_lines(tmp_path, "access", [access("a"), access("b"), access("c", "403"), access("d", method="GET")])
    write_lines(tmp_path, "usage", [{"id": "a"}, {"id": "a"}, {"id": "e"}])

    assert count_calls(tmp_path) == Count(served=2, metered=3, lost=1, repeated=1, unsent=1)
