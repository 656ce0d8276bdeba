"""A load generator in plain Python, for machines without wrk: `plainload.py CONNECTIONS SECONDS URL BODY HEADERS`.

It keeps each connection open and waits for every answer it asked for. It takes more of the processor than wrk does, so
the server gets less: compare its numbers with its own only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

STATUS_OK = b"HTTP/1.1 200"


def request_bytes(url: str, body: bytes, headers: list[str]) -> bytes:
    """Return the complete request, the same for every call."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> bool:
    """Read one answer with a Content-Length; say whether its status is 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(lengths[0].partition(b":")[2]))
    return head.startswith(STATUS_OK)


async def caller(url: str, request: bytes, deadline: float, times: list[tuple[float, bool]]) -> None:
    """Call again and again on one connection until the deadline; note each call's seconds and outcome."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    while time.perf_counter() < deadline:
        start = time.perf_counter()
        writer.write(request)
        try:
            served = await read_answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            times.append((time.perf_counter() - start, False))
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            continue
        times.append((time.perf_counter() - start, served))
    writer.close()


async def main(connections: int, seconds: float, url: str, files: list[str]) -> None:
    """Run all callers and print what wrk's script prints."""
    body, headers = Path(files[0]).read_bytes(), Path(files[1]).read_text().splitlines()
    request = request_bytes(url, body, [line for line in headers if line])
    times: list[tuple[float, bool]] = []
    start = time.perf_counter()
    await asyncio.gather(*(caller(url, request, start + seconds, times) for _ in range(connections)))
    elapsed = time.perf_counter() - start
    served = sorted(taken for taken, good in times if good) or [0.0]
    numbers = {
        "seconds": elapsed,
        "answered": sum(good for _, good in times),
        "failed": sum(not good for _, good in times),
        "p50_ms": served[len(served) // 2] * 1e3,
        "p99_ms": served[len(served) * 99 // 100] * 1e3,
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]))
