"""Settling: the bill for a result is written down once, and then only repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import parse_money
from ratecard.metering.usage import Caller, Work, record_usage
from ratecard.serving.batch.job import MANIFEST, Job
from ratecard.storage.objects import ObjectStore

LIST_PRICE = "list price"
"""What a manifest's cost is: the dearest price of the price book that is for everybody."""


class OtherOrderError(RatecardError):
    """The folder of the results has those of something else that was ordered."""

    code = "other_order"
    kind = ErrorKind.CONFLICT


def usage_id_of(plan: Mapping[str, Any]) -> str:
    """Name the charge for a plan's rows.

    The plan's id stands for the order, the content, the version of the model and the parts: what differs in any of
    these, or in its time, is another charge, and no two different lines can have one id.
    """
    return sha256_hex(f"{plan['id']}\n{plan['announced_at']}".encode())


def record_parts(manifest: Mapping[str, Any]) -> None:
    """Write the usage line of each part of a result; all of it is from the manifest, so that it is always the same."""
    at_epoch_ms = round(datetime.fromisoformat(manifest["announced_at"]).timestamp() * 1000)
    for part in manifest.get("parts", ()):
        if not part["scored"]:
            continue
        caller = Caller(
            call_id=sha256_hex(f"{manifest['usage_id']}\n{part['number']}".encode()),
            source="/inbox",
            at_epoch_ms=at_epoch_ms,
            subject=f"inbox/{manifest['customer']}",
            api_key_id=None,
            lambda_request_id=None,
            client_request_id=None,
            idempotency_key=None,
            billable=True,
        )
        work = Work(
            operation=manifest["operation"],
            model=manifest["model"],
            model_version=manifest["model_version"],
            units=part["scored"],
            request_bytes=manifest["input"]["bytes"] if part["number"] == 1 else 0,
            response_bytes=part["scored_bytes"],
            input_sha256=manifest["input"]["sha256"],
            latency_ms=None,
        )
        record_usage(caller, work)


def publish(job: Job, store: ObjectStore, manifest: Mapping[str, Any]) -> None:
    """Settle a job, write its usage lines, show the manifest, and empty the work folder; each can be done again.

    A manifest in the work folder is a settled bill: whoever finds it goes on with it, and nobody writes another, so
    that a death between the lines and the manifest cannot have rows billed twice.
    """
    content = (json.dumps(manifest, indent=2) + "\n").encode()
    if manifest["status"] == "succeeded":
        store.store_bytes(job.results_bucket, job.work_key(MANIFEST), content)
        record_parts(manifest)
    store.store_bytes(job.results_bucket, job.result_key(MANIFEST), content)
    store.remove_folder(job.results_bucket, f"{job.work_folder}/")


def cost_of(price: str | None, rows: int) -> dict[str, str] | None:
    """Return the list price of the scored rows, not rounded; None where no price was given.

    It knows neither the customer's plan nor how many rows the period already has: the invoice does.
    """
    if price is None:
        return None
    unit = parse_money(price)
    total = unit.times(rows)
    return {
        "amount": str(total.amount),
        "currency": total.currency,
        "unit_price": str(unit.amount),
        "basis": LIST_PRICE,
    }


def find_published(job: Job, store: ObjectStore, slug: str) -> dict[str, Any] | None:
    """Return the manifest of a job that ended, by whatever version of the model: it is billed once.

    Its usage lines are written again, for whoever stored the manifest may have died before they were taken; they are
    the same lines with the same ids, which rating counts once.

    Raises
    ------
    OtherOrderError
        If the results are another order's.
    """
    content = store.find_bytes(job.results_bucket, job.result_key(MANIFEST))
    if content is None:
        return None
    manifest: dict[str, Any] = json.loads(content)
    check_order(job, manifest, slug)
    record_parts(manifest)
    return manifest


def find_settled(job: Job, store: ObjectStore, slug: str) -> dict[str, Any] | None:
    """Return the manifest of a job that ended, and of one whose bill is settled: that is published now."""
    published = find_published(job, store, slug)
    if published is not None:
        return published
    content = store.find_bytes(job.results_bucket, job.work_key(MANIFEST))
    if content is None:
        return None
    manifest: dict[str, Any] = json.loads(content)
    check_order(job, manifest, slug)
    publish(job, store, manifest)
    return manifest


def check_order(job: Job, manifest: Mapping[str, Any], slug: str) -> None:
    """Make sure that a manifest is about just this order; raises OtherOrderError."""
    wanted = {
        "model": slug,
        "operation": job.operation,
        "customer": job.customer,
        "object": {"bucket": job.bucket, "key": job.key, "version": job.version},
        "carried": list(job.carry),
    }
    if any(manifest.get(name) != value for name, value in wanted.items()):
        raise OtherOrderError("the folder of the results has those of another order")
