"""The S3 door: a file of rows in the inbox becomes a scored file, a file of rejects and a manifest in the outbox.

Everything written depends only on the object's version, the model's version and the announcement: a second delivery
finds the manifest and stops, or, if the first one died before that, writes the same bytes again. The manifest is last.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratecard.kernel.errors import InvalidRequestError, NotFoundError
from ratecard.kernel.money import parse_money
from ratecard.metering.usage import Caller, Work, record_usage
from ratecard.serving.arrival import Arrival, NoInboxFileError, parse_arrival
from ratecard.serving.records import DigestingReader, read_records
from ratecard.serving.results import REJECTS, SCORED, Counts, describe_file, write_results
from ratecard.storage.objects import LocalObjectStore, ObjectStore, S3ObjectStore

if TYPE_CHECKING:
    from ratecard.contract import ModelContract
    from ratecard.serving.model import Model

MANIFEST = "manifest.json"

MAX_BYTES = 1_000_000_000
MAX_EXPLAINED_BYTES = 250_000_000
MAX_SAMPLED_BYTES = 10_000_000
"""What one run scores well within Lambda's 15 minutes: without reasons, with exact ones, and with sampled ones, where a
row takes as long as a thousand scores."""


def answer_file(model: Model, event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Score one object.

    Parameters
    ----------
    model : Model
        Ready to score.
    event : mapping
        EventBridge event of S3, "Object Created".
    environ : mapping
        RATECARD_OUTBOX (bucket), RATECARD_OBJECT_ROOT (folder, on one machine only), RATECARD_BATCH_ROW_PRICE and
        RATECARD_BATCH_EXPLAIN_ROW_PRICE (for example ``0.000500 USD``).

    Returns
    -------
    dict
        The manifest; `status` is succeeded or failed. A failed file costs nothing and stays where it is.

    Raises
    ------
    InvalidRequestError
        If it is no event of an object that was created.
    ObjectChangedError
        If the object was replaced meanwhile; its new version has an announcement of its own.
    """
    contract = model.contract
    try:
        arrival = parse_arrival(event, contract.slug)
    except NoInboxFileError as error:
        # Anybody who may upload can make such a key, the S3 console with one click: no reason to fail, retry and alarm.
        return {"status": "failed", "reason": error.detail, "rows": Counts(0, 0, 0)._asdict()}
    root = environ.get("RATECARD_OBJECT_ROOT")
    store: ObjectStore = LocalObjectStore(Path(root)) if root else S3ObjectStore()
    outbox = environ.get("RATECARD_OUTBOX", arrival.bucket)
    manifest_key = f"{arrival.results_folder}/{MANIFEST}"
    done = store.find_bytes(outbox, manifest_key)
    if done is not None:
        # Whatever version of the model wrote it: one version of an object is scored, and billed, once.
        earlier: dict[str, Any] = json.loads(done)
        return earlier
    price = environ.get("RATECARD_BATCH_EXPLAIN_ROW_PRICE" if arrival.explain else "RATECARD_BATCH_ROW_PRICE")
    manifest = about(contract, arrival) | score_object(model, arrival, store, outbox)
    manifest["cost"] = cost_of(price, manifest["rows"]["scored"])
    store.store_bytes(outbox, manifest_key, (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def about(contract: ModelContract, arrival: Arrival) -> dict[str, Any]:
    """Begin a manifest."""
    return {
        "status": "failed",
        "usage_id": arrival.usage_id(contract.slug, contract.version),
        "model": contract.slug,
        "model_version": contract.version,
        "operation": arrival.operation,
        "customer": arrival.customer,
        "object": {"bucket": arrival.bucket, "key": arrival.key, "version": arrival.version},
        "rows": Counts(0, 0, 0)._asdict(),
    }


def largest_file(contract: ModelContract, *, explain: bool) -> int:
    """Return how many bytes of rows one run takes."""
    if not explain:
        return MAX_BYTES
    return MAX_SAMPLED_BYTES if contract.sampled_reasons else MAX_EXPLAINED_BYTES


def score_object(model: Model, arrival: Arrival, store: ObjectStore, outbox: str) -> dict[str, Any]:
    """Score an object into the outbox, then write its usage line; return what the manifest says of it."""
    limit = largest_file(model.contract, explain=arrival.explain)
    if arrival.size > limit:
        return {"reason": f"the file has over {limit} bytes, more than one run scores in its time"}
    try:
        stream = store.open_read(arrival.bucket, arrival.key, arrival.version)
    except NotFoundError as error:
        return {"reason": error.detail}
    with stream, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        reader = DigestingReader(stream)
        try:
            records = read_records(model.contract, reader, arrival.name)
            counts = write_results(model, records, folder, explain=arrival.explain)
            store.confirm_unchanged(arrival.bucket, arrival.key, arrival.version)
        except InvalidRequestError as error:
            problems = [{"code": problem.code, "detail": problem.detail} for problem in error.problems]
            return {"reason": error.detail, "problems": problems}
        results = {name: describe_file(folder / name) for name in (SCORED, REJECTS)}
        for name in results:
            store.store_file(outbox, f"{arrival.results_folder}/{name}", folder / name)
    record_file(model.contract, arrival, reader, (counts.scored, int(results[SCORED]["bytes"])))
    digest = {"sha256": reader.hexdigest(), "bytes": reader.size}
    return {"status": "succeeded", "input": digest, "rows": counts._asdict(), "results": results}


def record_file(contract: ModelContract, arrival: Arrival, reader: DigestingReader, answered: tuple[int, int]) -> None:
    """Write the usage line of a scored file; the same file gives the same line, byte for byte."""
    units, response_bytes = answered
    caller = Caller(
        call_id=arrival.usage_id(contract.slug, contract.version),
        source="/inbox",
        at_epoch_ms=arrival.at_epoch_ms,
        subject=f"inbox/{arrival.customer}",
        api_key_id=None,
        lambda_request_id=None,
        client_request_id=None,
        idempotency_key=None,
        billable=units > 0,
    )
    work = Work(
        operation=arrival.operation,
        model=contract.slug,
        model_version=contract.version,
        units=units,
        request_bytes=reader.size,
        response_bytes=response_bytes,
        input_sha256=reader.hexdigest(),
        latency_ms=None,
    )
    record_usage(caller, work)


def cost_of(price: str | None, rows: int) -> dict[str, str] | None:
    """Price the scored rows, exactly: it is the invoice's line that is rounded. None where no price was given."""
    if price is None:
        return None
    unit = parse_money(price)
    total = unit.times(rows)
    return {"amount": str(total.amount), "currency": total.currency, "unit_price": str(unit.amount)}
