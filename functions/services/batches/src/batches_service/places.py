"""Where files of batches lie and how clients reach them: S3 with signed links, or a folder behind the gateway."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import time
from typing import Any, Protocol

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.serving.batch.job import MANIFEST
from ratecard.serving.batch.order import Order
from ratecard.storage.objects import LocalObjectStore, ObjectStore, local_version

LINK_SECONDS = 3600
TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}
"""What S3 answers if an object came, changed or went between the look at it and the conditional put."""

NOTE = re.compile(r"part-\d{5}\.json")


@dataclass(frozen=True, slots=True)
class Upload:
    """How a client brings the file.

    Attributes
    ----------
    method, url : str
        Of the request; a URL that begins with a slash is one of this API, and takes the API key.
    headers : dict
        Headers that must be sent just so.
    expires_at : str or None
        RFC 3339; None where the place does not expire.
    """

    method: str
    url: str
    headers: dict[str, str]
    expires_at: str | None

    def document(self) -> dict[str, Any]:
        """Write it as JSON can hold it."""
        return asdict(self)


class Places(Protocol):
    """Inbox and outbox, with links to what is in them."""

    def find(self, key: str) -> bytes | None:
        """Return a small object of the outbox, or None."""
        ...

    def store(self, key: str, content: bytes) -> None:
        """Store a small object in the outbox."""
        ...

    def claim(self, key: str, content: bytes, is_past: Callable[[bytes], bool]) -> bytes:
        """Store a small object in the outbox unless one that is not past is there; return the one that is there now."""
        ...

    def find_version(self, key: str) -> str | None:
        """Name the present version of an object of the inbox, or None if nothing was uploaded."""
        ...

    def find_scored(self, prefix: str) -> str | None:
        """Name the version of an object whose manifest lies under a prefix of the outbox, or None."""
        ...

    def count_notes(self, work_folder: str) -> int:
        """Count the parts that are scored."""
        ...

    def upload_for(self, order: Order) -> Upload:
        """Say how the file is uploaded."""
        ...

    def link_to(self, key: str) -> str:
        """Say where a client reads an object of the outbox."""
        ...


class FolderPlaces:
    """Inbox and outbox of one machine; the gateway takes and gives files.

    Parameters
    ----------
    root : Path
        The platform's folder.
    """

    def __init__(self, root: Path) -> None:
        self._objects = LocalObjectStore(root)

    def find(self, key: str) -> bytes | None:
        """Return an object; see `Places`."""
        return self._objects.find_bytes("", key)

    def store(self, key: str, content: bytes) -> None:
        """Store an object; see `Places`."""
        self._objects.store_bytes("", key, content)

    def claim(self, key: str, content: bytes, is_past: Callable[[bytes], bool]) -> bytes:
        """Look and write while nobody else may; see `Places`."""
        path = self._objects.path_of(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            present = self.find(key)
            if present is not None and not is_past(present):
                return present
            self.store(key, content)
        return content

    def find_version(self, key: str) -> str | None:
        """Name a file's version; see `Places`."""
        try:
            return local_version(self._objects.path_of(key))
        except FileNotFoundError:
            return None

    def find_scored(self, prefix: str) -> str | None:
        """Look for a manifest; see `Places`."""
        found = self._objects.path_of(prefix.rstrip("/")).glob(f"*/{MANIFEST}")
        return next((path.parent.name for path in found), None)

    def count_notes(self, work_folder: str) -> int:
        """Count notes in a folder; see `Places`."""
        folder = self._objects.path_of(work_folder)
        return _count(path.name for path in folder.iterdir()) if folder.is_dir() else 0

    def upload_for(self, order: Order) -> Upload:
        """Name the gateway's own route, which holds the upload to the same headers as S3; see `Places`."""
        name = order.key.rpartition("/")[2]
        query = "?explain=true" if order.explain else ""
        return Upload("PUT", f"/v1/inbox/{order.slug}/{name}{query}", _headers_of(order), None)

    def link_to(self, key: str) -> str:
        """Name the gateway's own route, which adds the key's customer; see `Places`."""
        _, _, rest = key.removeprefix("outbox/").partition("/")
        return f"/v1/outbox/{rest}"


class S3Places:
    """Inbox and outbox in S3; clients reach them by links signed with this function's role.

    Parameters
    ----------
    inbox, outbox : str
        Buckets.
    objects : ObjectStore
        S3's.
    s3 : object
        boto3's client, with signature version 4.
    """

    def __init__(self, inbox: str, outbox: str, objects: ObjectStore, s3: Any) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._objects = objects
        self._s3 = s3

    def find(self, key: str) -> bytes | None:
        """Return an object; see `Places`."""
        return self._objects.find_bytes(self._outbox, key)

    def store(self, key: str, content: bytes) -> None:
        """Store an object; see `Places`."""
        self._objects.store_bytes(self._outbox, key, content)

    def claim(self, key: str, content: bytes, is_past: Callable[[bytes], bool]) -> bytes:
        """Put it only in the place of what was seen there, and look again if that has changed; see `Places`."""
        errors = self._s3.exceptions
        while True:
            condition = {"IfNoneMatch": "*"}
            try:
                found = self._s3.get_object(Bucket=self._outbox, Key=key)
                present: bytes = found["Body"].read()
                if not is_past(present):
                    return present
                condition = {"IfMatch": found["ETag"]}
            except errors.NoSuchKey:
                pass
            try:
                self._s3.put_object(Bucket=self._outbox, Key=key, Body=content, **condition)
            except errors.ClientError as error:
                if error.response["Error"]["Code"] not in TAKEN:
                    raise
            else:
                return content

    def find_version(self, key: str) -> str | None:
        """Ask for an object's head; see `Places`."""
        try:
            head = self._s3.head_object(Bucket=self._inbox, Key=key)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return None
            raise
        return str(head["VersionId"])

    def find_scored(self, prefix: str) -> str | None:
        """Look through the few keys under a prefix; see `Places`."""
        listed = self._s3.list_objects_v2(Bucket=self._outbox, Prefix=prefix).get("Contents", ())
        found = (entry["Key"].removeprefix(prefix).split("/") for entry in listed)
        return next((steps[0] for steps in found if steps[1:] == [MANIFEST]), None)

    def count_notes(self, work_folder: str) -> int:
        """Count notes under a prefix, a thousand keys a request; see `Places`."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._outbox, Prefix=f"{work_folder}/part-")
        return _count(entry["Key"].rpartition("/")[2] for page in pages for entry in page.get("Contents", ()))

    def upload_for(self, order: Order) -> Upload:
        """Sign one PUT of just this size, of a key that is not there yet; see `Places`."""
        wanted = {"Bucket": self._inbox, "Key": order.key, "ContentLength": order.bytes, "IfNoneMatch": "*"}
        until = rfc3339_from_epoch_ms(int((time() + LINK_SECONDS) * 1000))
        url = self._s3.generate_presigned_url("put_object", Params=wanted, ExpiresIn=LINK_SECONDS)
        return Upload("PUT", url, _headers_of(order), until)

    def link_to(self, key: str) -> str:
        """Sign a GET; see `Places`."""
        wanted = {"Bucket": self._outbox, "Key": key}
        return str(self._s3.generate_presigned_url("get_object", Params=wanted, ExpiresIn=LINK_SECONDS))


def _headers_of(order: Order) -> dict[str, str]:
    """Headers that hold an upload to the size that was announced, and to a place where nothing is yet."""
    return {"Content-Length": str(order.bytes), "If-None-Match": "*"}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out; the system lets them in when this one dies, however it dies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _count(names: Iterable[str]) -> int:
    return sum(NOTE.fullmatch(name) is not None for name in names)
