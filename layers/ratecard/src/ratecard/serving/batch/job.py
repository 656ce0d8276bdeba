"""What is to be scored, for whom, and where everything of it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import InvalidRequestError
from ratecard.kernel.jsontext import encode
from ratecard.serving.arrival import Arrival

MANIFEST = "manifest.json"
SMALLEST_PART = 4 << 20
LARGEST_PART = 64 << 20
PARTS_AIMED_AT = 64
MOST_PARTS = 8_000
"""Fewer than the 10,000 children that a Distributed Map runs."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file and what is wanted of it.

    Attributes
    ----------
    bucket, key, version : str
        The object, and which content of it.
    size : int
        Announced size in bytes.
    name : str
        The file's own name; its ending says the format.
    customer : str
        Who pays.
    explain : bool
        Whether reasons are asked for.
    carry : tuple of str
        Columns of the file that are carried through to the results, beside `row_id`.
    at_epoch_ms : int
        When it was announced: the time of its usage lines, if it is the first announcement that is planned.
    results_bucket, results_folder : str
        Where the results appear, whole or not at all.
    work_folder : str
        Where the parts lie meanwhile, in the same bucket; nobody is shown it, and it is emptied in the end.
    """

    bucket: str
    key: str
    version: str
    size: int
    name: str
    customer: str
    explain: bool
    carry: tuple[str, ...]
    at_epoch_ms: int
    results_bucket: str
    results_folder: str
    work_folder: str

    @property
    def operation(self) -> str:
        """The metered operation."""
        return "batch_explain" if self.explain else "batch"

    @property
    def part_bytes(self) -> int:
        """About how large a part is; depends on the order only, so that a plan made again is the same."""
        smallest = SMALLEST_PART // 16 if self.explain else SMALLEST_PART
        aimed = min(max(self.size // PARTS_AIMED_AT, smallest), LARGEST_PART)
        return max(aimed, self.size // MOST_PARTS)

    def result_key(self, name: str) -> str:
        """Key of a result."""
        return f"{self.results_folder}/{name}"

    def work_key(self, name: str) -> str:
        """Key of an intermediate file."""
        return f"{self.work_folder}/{name}"

    def document(self) -> dict[str, Any]:
        """Write the job as JSON can hold it."""
        return asdict(self) | {"carry": list(self.carry)}

    def digest(self) -> str:
        """Return the SHA-256 of the order: of everything that is wanted, but not of when it was announced."""
        order = self.document()
        del order["at_epoch_ms"]
        return sha256_hex(encode(order).encode())


def parse_job(document: Mapping[str, Any]) -> Job:
    """Read what `Job.document` wrote.

    Raises
    ------
    InvalidRequestError
        If it is something else.
    """
    try:
        job = Job(**{**document, "carry": tuple(document["carry"])})
    except (KeyError, TypeError) as error:
        raise InvalidRequestError("a batch step needs a job, as the step before gave it") from error
    texts = (job.bucket, job.key, job.version, job.name, job.customer, job.results_bucket, job.results_folder)
    if not all(type(text) is str and text for text in (*texts, job.work_folder, *job.carry)):
        raise InvalidRequestError("a batch job has a field that is empty or no text")
    return job


def job_of(arrival: Arrival, outbox: str, carry: tuple[str, ...] = ()) -> Job:
    """Make the job of an announced object."""
    folder = arrival.results_folder
    return Job(
        bucket=arrival.bucket,
        key=arrival.key,
        version=arrival.version,
        size=arrival.size,
        name=arrival.name,
        customer=arrival.customer,
        explain=arrival.explain,
        carry=carry,
        at_epoch_ms=arrival.at_epoch_ms,
        results_bucket=outbox,
        results_folder=folder,
        work_folder=f"work/{folder.removeprefix('outbox/')}",
    )
