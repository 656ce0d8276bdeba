"""`GET /v1/outbox/{model}/{file}`: gives the caller's own results, streamed from the disk.

In AWS a signed link to S3 takes this place; the route exists on one machine only.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from ratecard_workbench.local.access_log import mark_unsent
from ratecard_workbench.local.exchange import Exchange, Send
from ratecard_workbench.local.openapi import Route
from ratecard_workbench.local.proxy_event import Answer

PREFIX = "/v1/outbox/"
RESOURCE = "/v1/outbox/{model}/{file}"
CHUNK_BYTES = 1 << 20
MEDIA_TYPES = {".csv": b"text/csv; charset=utf-8", ".json": b"application/json"}
# Whatever else may lie in the outbox is not named by any link.
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){3,4}")


class DownloadDoor:
    """Gives results.

    Parameters
    ----------
    outbox : Path
        The outbox's folder.
    """

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox

    @staticmethod
    def route() -> Route:
        """Return the route, as the router and the access log know it."""
        return Route("GET", RESOURCE, "outbox", needs_key=True, integration=None)

    def find(self, exchange: Exchange) -> Answer | None:
        """Open a file of the key's own customer, or return None if there is none."""
        assert exchange.holder is not None
        name = exchange.path.removeprefix(PREFIX)
        folder = (self._outbox / exchange.holder.customer_id).resolve()
        path = folder / name
        # A link could lead anywhere.
        if not _PATH.fullmatch(name) or not path.is_file() or path.resolve() != path:
            return None
        media = MEDIA_TYPES.get(path.suffix, b"application/octet-stream")
        return Answer(200, [(b"Content-Type", media), (b"Cache-Control", b"no-store")], b"", path.open("rb"))


async def send_file(answer: Answer, exchange: Exchange, send: Send) -> None:
    """Send an answer's file as its body, a piece at a time; the headers say its size already."""
    assert answer.file is not None
    left = exchange.response_bytes
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    with answer.file as file:
        while not exchange.connection.is_closing():
            piece = await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if not left:
                return
            if not piece:
                raise OSError("a result became shorter while it was sent")
    mark_unsent(exchange)


def size_of(answer: Answer) -> int:
    """Return the size of an answer's body in bytes."""
    return len(answer.body) if answer.file is None else os.fstat(answer.file.fileno()).st_size
