"""Where the lake's files are: in a folder, or in a bucket from which they are brought batch by batch."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

from ratecard.storage.lake import GZIPPED, PLAIN, list_files

ENDINGS = (PLAIN, GZIPPED)
TYPICAL_RATIO = 12
"""How much smaller lines are when they are compressed."""


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One file of lines.

    Attributes
    ----------
    name : str
        Path or object key.
    size_bytes : int
        As stored.
    """

    name: str
    size_bytes: int

    @property
    def weight_bytes(self) -> int:
        """About what it has when it is compressed."""
        return self.size_bytes if self.name.endswith(GZIPPED) else self.size_bytes // TYPICAL_RATIO


class LakeFiles(Protocol):
    """Lists files, and lends them."""

    def list_stream(self, stream: str, first_day: str, last_day: str) -> list[LakeFile]:
        """Return a stream's files of some days (`YYYY-MM-DD`, both included) in order."""
        ...

    def lend(self, files: Sequence[LakeFile]) -> contextlib.AbstractContextManager[list[Path]]:
        """Lend files as local paths."""
        ...


class FolderFiles:
    """Files of a folder.

    Parameters
    ----------
    root : Path
        The lake's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def list_stream(self, stream: str, first_day: str, last_day: str) -> list[LakeFile]:
        """See `LakeFiles`."""
        paths = list_files(self._root, stream, first_day=first_day, last_day=last_day, endings=ENDINGS)
        return [LakeFile(str(path), path.stat().st_size) for path in paths]

    @contextlib.contextmanager
    def lend(self, files: Sequence[LakeFile]) -> Iterator[list[Path]]:
        """See `LakeFiles`."""
        yield [Path(file.name) for file in files]


class BucketFiles:
    """Objects of a bucket, each brought to the disk for as long as it is read.

    Parameters
    ----------
    bucket, prefix : str
        Where the lake is; the prefix is empty or ends with `/`.
    client : object, optional
        A boto3 client of S3; one is made if none is given.
    """

    def __init__(self, bucket: str, prefix: str = "", client: Any = None) -> None:
        if client is None:
            import boto3

            client = boto3.client("s3")
        self._s3 = client
        self._bucket = bucket
        self._prefix = prefix

    def list_stream(self, stream: str, first_day: str, last_day: str) -> list[LakeFile]:
        """See `LakeFiles`; one listing of all days, a thousand files a page: S3 lists in order of the names."""
        found: list[LakeFile] = []
        prefix = f"{self._prefix}{stream}/dt="
        after_last = f"{prefix}{(date.fromisoformat(last_day) + timedelta(days=1)).isoformat()}"
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=f"{prefix}{first_day}"
        )
        for page in pages:
            entries = [LakeFile(entry["Key"], entry["Size"]) for entry in page.get("Contents", ())]
            found += [entry for entry in entries if entry.name < after_last and entry.name.endswith(ENDINGS)]
            if entries and entries[-1].name >= after_last:
                break
        return found

    @contextlib.contextmanager
    def lend(self, files: Sequence[LakeFile]) -> Iterator[list[Path]]:
        """See `LakeFiles`."""
        with tempfile.TemporaryDirectory(prefix="ratecard-lake-") as scratch:
            paths: list[Path] = []
            for number, file in enumerate(files):
                path = Path(scratch) / f"{number}{GZIPPED if file.name.endswith(GZIPPED) else PLAIN}"
                self._s3.download_file(self._bucket, file.name, str(path))
                paths.append(path)
            yield paths


def batches(files: Sequence[LakeFile], weight_bytes: int) -> Iterator[list[LakeFile]]:
    """Cut a list of files into runs of about a weight, each with one file at least."""
    batch: list[LakeFile] = []
    weight = 0
    for file in files:
        batch.append(file)
        weight += file.weight_bytes
        if weight >= weight_bytes:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
