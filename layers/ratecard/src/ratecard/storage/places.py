"""Where the documents of a chain are: a folder on this machine, or S3."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import NotFoundError

INVOICES, GRANTS, AUDIT = "invoices/", "grants/", "audit/"
"""Prefixes of the three chains in a stage's bucket of what is written once."""
_DIGITS = 12
_NAME = re.compile(rf"(\d{{{_DIGITS}}})\.json")
_PARTIAL = ".partial"
# Nobody needs this long between writing a file and naming it.
ABANDONED_SECONDS = 3600.0


def name_of(number: int) -> str:
    """Return the file name of a number; names sort as the numbers do."""
    return f"{number:0{_DIGITS}}.json"


class FolderPlaces:
    """Documents as read-only files of one folder, on a file system with hard links.

    Parameters
    ----------
    folder : Path
        Made, for its owner only, if there is none. What killed processes left half-written an hour ago is removed.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._sweep()

    def list_numbers(self, after: int) -> list[int]:
        """See `DocumentPlaces`."""
        found = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(number for match in found if match and (number := int(match.group(1))) > after)

    def get(self, number: int) -> bytes:
        """See `DocumentPlaces`."""
        try:
            return (self._folder / name_of(number)).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"there is no document {number}") from None

    def create(self, number: int, content: bytes) -> bool:
        """Write a file nobody sees, have the disk take it, then give it its name, which fails if the name is taken."""
        partial = self._folder / f".{os.getpid()}-{secrets.token_hex(8)}{_PARTIAL}"
        try:
            _write_synced(partial, content)
            try:
                os.link(partial, self._folder / name_of(number))
            except FileExistsError:
                return False
            self._sync_names()
            return True
        finally:
            partial.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what killed processes left half-written."""
        oldest = time.time() - ABANDONED_SECONDS
        for path in self._folder.glob(f".*{_PARTIAL}"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _sync_names(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class S3Places:
    """Documents as objects under one prefix of a bucket, each put only if nothing is there.

    Parameters
    ----------
    bucket : str
        The bucket; its policy should allow `s3:PutObject` only with `If-None-Match`, and no deletion.
    prefix : str
        Begins every key, for example ``invoices/``.
    client : object, optional
        A boto3 client of S3; one is made if none is given.
    """

    def __init__(self, bucket: str, prefix: str, client: Any = None) -> None:
        if client is None:
            import boto3

            client = boto3.client("s3")
        self._s3 = client
        self._bucket = bucket
        self._prefix = prefix

    def list_numbers(self, after: int) -> list[int]:
        """See `DocumentPlaces`; as many requests as there are thousands of documents."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, StartAfter=self._key(after)
        )
        names = (entry["Key"].removeprefix(self._prefix) for page in pages for entry in page.get("Contents", ()))
        return [int(match.group(1)) for name in names if (match := _NAME.fullmatch(name))]

    def get(self, number: int) -> bytes:
        """See `DocumentPlaces`."""
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=self._key(number))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            raise NotFoundError(f"there is no document {number}") from None
        return content

    def create(self, number: int, content: bytes) -> bool:
        """Put an object if none is there.

        The client repeats a request whose answer got lost; the second is then refused because of the first. A token
        in the object's metadata tells our own document from another writer's.
        """
        token = secrets.token_hex(16)
        while True:
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=self._key(number),
                    Body=content,
                    ContentType="application/json",
                    IfNoneMatch="*",
                    Metadata={"writer": token},
                )
            except self._s3.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ConditionalRequestConflict":
                    continue  # another put of this key was under way: ask again who won
                if code != "PreconditionFailed":
                    raise
                return self._writer(number) == token
            return True

    def _writer(self, number: int) -> str | None:
        metadata = self._s3.head_object(Bucket=self._bucket, Key=self._key(number))["Metadata"]
        writer: str | None = metadata.get("writer")
        return writer

    def _key(self, number: int) -> str:
        return self._prefix + name_of(number)
