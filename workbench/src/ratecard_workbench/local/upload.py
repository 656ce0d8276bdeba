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
from ratecard_workbench.local.inbox_folder import EXPLAIN, PARTIAL_SUFFIX
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
    """The path names no model that takes files, or no proper file, or the query asks for something unknown.

    Parameters
    ----------
    code : str
        Stable name of what is wrong.
    detail : str
        A sentence for the client.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


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
        self._check_names(slug, name)
        explain = _parse_query(exchange.query_parameters())
        if exchange.content_length > MAXIMUM_FILE_BYTES:
            raise BodyTooLargeError
        folder = self._inbox / exchange.holder.customer_id / slug
        if explain:
            folder /= EXPLAIN
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{name}.{exchange.lambda_request_id}{PARTIAL_SUFFIX}"
        try:
            size = await _store(partial, receive)
            # Whole and on the disk before the client hears of it.
            partial.replace(folder / name)
        finally:
            partial.unlink(missing_ok=True)
        key = (folder / name).relative_to(self._inbox.parent).as_posix()
        document = {"key": key, "bytes": size, "call_id": exchange.extended_request_id}
        return Answer(201, [(b"Content-Type", b"application/json")], json.dumps(document).encode())

    def _check_names(self, slug: str, name: str) -> None:
        if slug not in self._slugs():
            raise InvalidUploadError("unknown_model", "no model of this name takes files")
        if not _FILE_NAME.fullmatch(name):
            raise InvalidUploadError(
                "invalid_file_name",
                "a file's name is at most 128 letters, digits, points, hyphens and underscores, and begins with a"
                " letter or digit",
            )
        if name == EXPLAIN or name.endswith(PARTIAL_SUFFIX):
            raise InvalidUploadError(
                "reserved_file_name", f"a file is not named {EXPLAIN}, and its name does not end in {PARTIAL_SUFFIX}"
            )


def _parse_query(query: dict[str, list[str]] | None) -> bool:
    """Tell whether the file is to be explained."""
    if query is None or query == {"explain": ["false"]}:
        return False
    if query != {"explain": ["true"]}:
        raise InvalidUploadError("invalid_query", "the query is empty, explain=true or explain=false")
    return True


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
