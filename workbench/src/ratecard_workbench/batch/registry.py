"""The jobs of this machine: one small file each, so that one that died is found again."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import ErrorKind, NotFoundError, RatecardError
from ratecard.serving.batch.job import MANIFEST, Job, parse_job
from ratecard.storage.objects import local_version

BUCKET = "local"


class JobRunningError(RatecardError):
    """Another process works on the job."""

    code = "batch_running"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Order:
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

    def find_manifest(self) -> dict[str, Any] | None:
        """Return the manifest of a job that ended; None before."""
        try:
            manifest: dict[str, Any] = json.loads((self.results / MANIFEST).read_text())
        except FileNotFoundError:
            return None
        return manifest

    def count_parts(self) -> tuple[int, int]:
        """Return how many parts are scored and planned; 0 of 0 before there is a plan."""
        try:
            planned: int = json.loads((self.work / "plan.json").read_text())["parts"]
        except FileNotFoundError:
            return 0, 0
        return len(list(self.work.glob("part-*.json"))), planned


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

    def enter(self, order: Order, now_ms: int) -> Entry:
        """Return the job of an order: the same order for the same content of the file is the same job."""
        version = local_version(order.file)
        wanted = asdict(order) | {"file": str(order.file), "out": str(order.out), "version": version}
        name = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
        try:
            return self.get(name)
        except NotFoundError:
            pass
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
            results_folder=str(order.out / order.file.name / version)[1:],
            work_folder=str(self._folder / name)[1:],
        )
        content = json.dumps({"id": name, "model": order.model, "job": job.document()})
        partial = self._folder / f".{name}.{os.getpid()}"
        partial.write_text(content)
        partial.replace(self._folder / f"{name}.json")
        return self.get(name)

    def get(self, name: str) -> Entry:
        """Return a job by its name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        try:
            document = json.loads((self._folder / f"{Path(name).name}.json").read_text())
        except FileNotFoundError:
            raise NotFoundError(f"there is no batch {name}; `ratecard batch status` lists them") from None
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
        """
        descriptor = os.open(self._folder / f"{entry.id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise JobRunningError(f"another process works on batch {entry.id}") from None
        try:
            yield
        finally:
            os.close(descriptor)

    def ask_to_stop(self, entry: Entry) -> None:
        """Ask whoever works on a job to stop."""
        (self._folder / f"{entry.id}.stop").touch()

    def is_asked_to_stop(self, entry: Entry) -> bool:
        """Tell whether somebody asked."""
        return (self._folder / f"{entry.id}.stop").exists()

    def forget_wish_to_stop(self, entry: Entry) -> None:
        """Start anew."""
        (self._folder / f"{entry.id}.stop").unlink(missing_ok=True)

    def forget_unless_begun(self, entry: Entry) -> None:
        """Remove a job that was only looked at."""
        if not entry.work.exists() and not entry.results.exists():
            self.forget(entry)

    def forget(self, entry: Entry) -> None:
        """Remove a job and its parts, not its results."""
        shutil.rmtree(entry.work, ignore_errors=True)
        for ending in ("json", "stop", "lock"):
            (self._folder / f"{entry.id}.{ending}").unlink(missing_ok=True)
