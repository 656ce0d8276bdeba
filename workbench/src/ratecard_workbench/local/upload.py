"""`PUT /v1/inbox/{model}/{file}`: puts a file into the caller's folder of the inbox, streamed to the disk.

In AWS the client's own upload to S3 takes this place; the route exists on one machine only. A file of any other name
than a batch's replaces the one before, and is scored as a new version.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from ratecard.serving.batch.order import MOST_BYTES
from ratecard_workbench.local.exchange import Exchange, Receive
from ratecard_workbench.local.inbox_folder import EXPLAIN, PARTIAL_SUFFIX
from ratecard_workbench.local.openapi import Route
from ratecard_workbench.local.proxy_event import Answer
from ratecard_workbench.local.request_body import BodyTooLargeError, BodyTooSlowError, ClientGoneError, drop_body
from ratecard_workbench.local.upload_terms import InvalidUploadError, Terms, already_uploaded, parse_terms

PREFIX = "/v1/inbox/"
RESOURCE = "/v1/inbox/{model}/{file}"
# Between two parts of the body, not for the whole of it.
STALL_SECONDS = 30.0
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


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
        try:
            folder, name = self._parse_place(exchange)
            key = (folder / name).relative_to(self._inbox.parent).as_posix()
            terms = parse_terms(exchange, self._inbox.parent, key)
        except InvalidUploadError:
            await drop_body(exchange, receive)
            raise
        if exchange.content_length > MOST_BYTES:
            raise BodyTooLargeError
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{name}.{exchange.lambda_request_id}{PARTIAL_SUFFIX}"
        try:
            size = await _store(partial, receive, terms.md5)
            _publish(partial, folder / name, terms)
        finally:
            partial.unlink(missing_ok=True)
        # Whole, and on the disk under its name, before the client hears of it.
        await asyncio.to_thread(_sync_names, folder, self._inbox.parent)
        document = {"key": key, "bytes": size, "call_id": exchange.extended_request_id}
        return Answer(201, [(b"Content-Type", b"application/json")], json.dumps(document).encode())

    def _parse_place(self, exchange: Exchange) -> tuple[Path, str]:
        """Return folder and name of the file."""
        assert exchange.holder is not None
        slug, _, name = exchange.path.removeprefix(PREFIX).partition("/")
        self._check_names(slug, name)
        folder = self._inbox / exchange.holder.customer_id / slug
        return (folder / EXPLAIN if _parse_query(exchange.query_parameters()) else folder), name

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


async def _store(path: Path, receive: Receive, md5: bytes | None) -> int:
    size = 0
    digest = None if md5 is None else hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        async for piece in _pieces(receive):
            size += file.write(piece)
            if digest is not None:
                digest.update(piece)
            if size > MOST_BYTES:
                raise BodyTooLargeError
        if digest is not None and digest.digest() != md5:
            raise InvalidUploadError("wrong_digest", "the content's MD5 is not the one of the header Content-MD5")
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    return size


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] != "http.request":
            raise ClientGoneError
        yield message["body"]
        if not message.get("more_body"):
            return


def _publish(partial: Path, path: Path, terms: Terms) -> None:
    """Give a file its name; a name that may be given once is not taken from a file that came meanwhile."""
    if not terms.is_once:
        partial.replace(path)
        return
    try:
        os.link(partial, path)
    except FileExistsError:
        raise already_uploaded() from None


def _sync_names(folder: Path, top: Path) -> None:
    """Sync a folder and those above it up to `top`: each may be new, and its name is in the one above."""
    for each in (folder, *folder.parents):
        descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if each == top:
            return
