"""`PUT /v1/inbox/{model}/{file}`: puts a file into the caller's folder of the inbox, streamed to the disk.

In AWS the client's own upload to S3 takes this place; the route exists on one machine only.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from ratecard_workbench.local.exchange import Exchange, Receive
from ratecard_workbench.local.openapi import Route
from ratecard_workbench.local.proxy_event import Answer
from ratecard_workbench.local.request_body import BodyTooLargeError, BodyTooSlowError, ClientGoneError

PREFIX = "/v1/inbox/"
RESOURCE = "/v1/inbox/{model}/{file}"
# The largest object that S3 takes in one part.
MAXIMUM_FILE_BYTES = 5 * 1024**3
# Between two parts of the body, not for the whole of it.
STALL_SECONDS = 30.0
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class InvalidUploadError(Exception):
    """The path names no model that takes files, or no proper file."""


class UploadDoor:
    """Takes uploads.

    Parameters
    ----------
    inbox : Path
        The inbox's folder.
    slugs : callable
        Returns the models that take files.
    """

    def __init__(self, inbox: Path, slugs: Callable[[], tuple[str, ...]]) -> None:
        self._inbox = inbox
        self._slugs = slugs

    @staticmethod
    def route() -> Route:
        """Return the route, as the router and the access log know it."""
        return Route("PUT", RESOURCE, "inbox0", needs_key=True, integration=None)

    async def accept(self, exchange: Exchange, receive: Receive) -> Answer:
        """Store the body under the caller's own folder; the file appears whole or not at all.

        Raises
        ------
        InvalidUploadError, BodyTooLargeError, BodyTooSlowError, ClientGoneError
            As their names say; nothing is left behind.
        """
        assert exchange.holder is not None
        slug, _, name = exchange.path.removeprefix(PREFIX).partition("/")
        if slug not in self._slugs() or not _FILE_NAME.fullmatch(name) or exchange.content_length > MAXIMUM_FILE_BYTES:
            raise InvalidUploadError
        folder = self._inbox / exchange.holder.customer_id / slug
        if exchange.query_parameters() == {"explain": ["true"]}:
            folder /= "explain"
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{name}.{exchange.lambda_request_id}.partial"
        try:
            size = await _store(partial, receive)
            # Whole and on the disk before the client hears of it.
            partial.replace(folder / name)
        finally:
            partial.unlink(missing_ok=True)
        key = (folder / name).relative_to(self._inbox.parent).as_posix()
        document = {"key": key, "bytes": size, "call_id": exchange.extended_request_id}
        return Answer(201, [(b"Content-Type", b"application/json")], json.dumps(document).encode())


async def _store(path: Path, receive: Receive) -> int:
    size = 0
    with path.open("wb") as file:
        while True:
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlowError from None
            if message["type"] != "http.request":
                raise ClientGoneError
            size += file.write(message["body"])
            if size > MAXIMUM_FILE_BYTES:
                raise BodyTooLargeError
            if not message.get("more_body"):
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
                return size
