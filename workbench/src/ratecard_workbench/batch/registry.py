"""The jobs of this machine: one small file each, so that one that died is found again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import ErrorKind, InvalidRequestError, NotFoundError, RatecardError
from ratecard.serving.batch.job import MANIFEST, Job, parse_job
from ratecard.storage.objects import local_version
from ratecard_workbench.batch.locks import LockFile, LockHeldError

BUCKET = "local"


class JobRunningError(RatecardError):
    """Another process works on the job."""

    code = "batch_running"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class LocalOrder:
    """What was ordered on the command line.

    Attributes
    ----------
    model : str
        Slug.
    file, out : Path
        What is scored, and the folder that gets the results; absolute.
    customer : str
        Who pays.
    explain : bool
        Whether reasons are asked for.
    carry : tuple of str
        Columns to carry through.
    """

    model: str
    file: Path
    out: Path
    customer: str
    explain: bool
    carry: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A job and its name."""

    id: str
    model: str
    job: Job

    @property
    def results(self) -> Path:
        """Folder of the results."""
        return Path("/", self.job.results_folder)

    @property
    def work(self) -> Path:
        """Folder of the parts."""
        return Path("/", self.job.work_folder)

    @property
    def file(self) -> Path:
        """What is scored."""
        return Path("/", self.job.key)

    @property
    def bill(self) -> Path:
        """Mark of a job that is billed; it stays, whatever becomes of the results."""
        return self.work.with_name(f"{self.id}.billed")

    def find_manifest(self) -> dict[str, Any] | None:
        """Return the manifest of a job that ended; None before."""
        return _find(self.results / MANIFEST)

    def find_result(self) -> dict[str, Any] | None:
        """Return the manifest of a job that succeeded; None of any other."""
        manifest = self.find_manifest()
        return manifest if manifest is not None and manifest["status"] == "succeeded" else None

    def find_bill(self) -> dict[str, Any] | None:
        """Return the manifest, without parts, of a job that was billed; None of any other."""
        return _find(self.bill)

    def find_plan(self) -> dict[str, Any] | None:
        """Return the plan of a job that is under way."""
        return _find(self.work / "plan.json")

    def is_settled(self) -> bool:
        """Tell whether a job is billed, though its results may not be shown yet, or are moved away."""
        return self.find_result() is not None or self.bill.exists() or (self.work / MANIFEST).exists()

    def count_parts(self) -> tuple[int, int]:
        """Return how many parts are scored and planned; 0 of 0 before there is a plan."""
        plan = self.find_plan()
        return (0, 0) if plan is None else (len(list(self.work.glob("part-*.json"))), plan["parts"])


class Registry:
    """The jobs, in a folder of the platform's home.

    Parameters
    ----------
    folder : Path
        Made, for its owner only, if there is none.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder.resolve()

    def entry_of(self, order: LocalOrder, now_ms: int) -> Entry:
        """Return the job of an order; nothing is noted.

        Notes
        -----
        The same order of the same content is the same job. A content is known by the file's path, time and size; where
        these are those of a file that is scored already, by its SHA-256.

        Raises
        ------
        InvalidRequestError
            If a path is not UTF-8.
        """
        entry = self._entry_of(order, now_ms)
        result = entry.find_result() or entry.find_bill()
        content = None if result is None else digest_of(order.file)
        if result is None or result["input"]["sha256"] == content:
            return entry
        return self._entry_of(order, now_ms, content)

    def enter(self, order: LocalOrder, now_ms: int) -> Entry:
        """Note the job of an order, unless it is noted; return it as it was noted first."""
        entry = self.entry_of(order, now_ms)
        content = json.dumps({"id": entry.id, "model": entry.model, "job": entry.job.document()})
        partial = self._folder / f".{entry.id}.{os.getpid()}"
        partial.write_text(content)
        try:
            os.link(partial, self._folder / f"{entry.id}.json")
        except FileExistsError:
            pass
        finally:
            partial.unlink()
        return self.get(entry.id)

    def get(self, name: str) -> Entry:
        """Return a job by its name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        document = _find(self._folder / f"{Path(name).name}.json")
        if document is None:
            raise NotFoundError(f"there is no batch {name}; `ratecard batch status` lists them")
        return Entry(document["id"], document["model"], parse_job(document["job"]))

    def list_entries(self) -> list[Entry]:
        """Return all jobs, the newest first."""
        entries = [self.get(path.stem) for path in self._folder.glob("*.json")]
        return sorted(entries, key=lambda entry: -entry.job.at_epoch_ms)

    @contextmanager
    def hold(self, entry: Entry) -> Iterator[None]:
        """Keep others from working on a job; the system frees it when this process dies.

        Raises
        ------
        JobRunningError
            If another process works on it.
        NotFoundError
            If it was cancelled meanwhile.
        """
        try:
            with self._lock(entry).held():
                self.get(entry.id)
                yield
        except LockHeldError:
            raise JobRunningError(f"another process works on batch {entry.id}") from None

    @contextmanager
    def asking_to_stop(self, entry: Entry) -> Iterator[None]:
        """Ask whoever works on a job to stop, and keep others from beginning; the wish dies with this process.

        Raises
        ------
        JobRunningError
            If another process asks already.
        """
        try:
            with self._wish(entry).held():
                yield
        except LockHeldError:
            raise JobRunningError(f"batch {entry.id} is being cancelled already") from None

    def is_asked_to_stop(self, entry: Entry) -> bool:
        """Tell whether somebody asks."""
        return self._wish(entry).is_held()

    def state_of(self, entry: Entry) -> str:
        """Say how a job stands: waiting, running, stopping, stopped, died, succeeded or failed."""
        lock, manifest = self._lock(entry), entry.find_manifest() or entry.find_bill()
        if lock.is_held():
            return "stopping" if self.is_asked_to_stop(entry) else "running"
        if manifest is not None:
            return str(manifest["status"])
        if lock.is_orphaned():
            return "died"
        return "stopped" if lock.was_held() else "waiting"

    def forget(self, entry: Entry) -> None:
        """Remove a job that is not settled, its parts and its results so far; for who holds it."""
        shutil.rmtree(entry.work, ignore_errors=True)
        forget_failure(entry)
        if entry.results.name == entry.id:
            shutil.rmtree(entry.results, ignore_errors=True)
            with suppress(OSError):
                entry.results.parent.rmdir()
        (self._folder / f"{entry.id}.json").unlink(missing_ok=True)
        self._wish(entry).remove()
        self._lock(entry).remove()

    def _entry_of(self, order: LocalOrder, now_ms: int, content: str | None = None) -> Entry:
        version = local_version(order.file)
        wanted = asdict(order) | {"file": str(order.file), "out": str(order.out), "version": version}
        wanted |= {"registry": str(self._folder), "content": content}
        try:
            name = hashlib.sha256(json.dumps(wanted, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
        except UnicodeEncodeError:
            raise InvalidRequestError(f"{str(order.file)!a} or its results' folder is not named in UTF-8") from None
        try:
            return self.get(name)
        except NotFoundError:
            pass
        if (order.out / order.file.name).is_file():
            raise InvalidRequestError(f"{order.out / order.file.name} is a file: results need another folder, --out")
        job = Job(
            bucket=BUCKET,
            key=str(order.file)[1:],
            version=version,
            size=order.file.stat().st_size,
            name=order.file.name,
            customer=order.customer,
            explain=order.explain,
            carry=order.carry,
            at_epoch_ms=now_ms,
            results_bucket=BUCKET,
            results_folder=str(order.out / order.file.name / name)[1:],
            work_folder=str(self._folder / name)[1:],
        )
        return Entry(name, order.model, job)

    def _lock(self, entry: Entry) -> LockFile:
        return LockFile(self._folder / f"{entry.id}.lock")

    def _wish(self, entry: Entry) -> LockFile:
        return LockFile(self._folder / f"{entry.id}.stop")


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def forget_failure(entry: Entry) -> None:
    """Remove the manifest of a job that failed, and folders that are empty then: it may be tried again."""
    manifest = entry.find_manifest()
    if manifest is None or manifest["status"] == "succeeded":
        return
    (entry.results / MANIFEST).unlink(missing_ok=True)
    for folder in (entry.results, entry.results.parent):
        try:
            folder.rmdir()
        except OSError:
            return


def _find(path: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return document
