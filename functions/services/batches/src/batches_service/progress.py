"""What has become of a batch, read from the notes that its steps leave; nothing else is kept about it."""

from __future__ import annotations

import json
from typing import Any

from batches_service.places import Places
from ratecard.serving.batch.job import MANIFEST
from ratecard.serving.batch.order import Order

PLAN = "plan.json"
Told = dict[str, Any]


def tell_progress(order: Order, places: Places) -> Told:
    """Say how far a batch is.

    Parameters
    ----------
    order : Order
        What was asked for.
    places : Places
        Where its files are.

    Returns
    -------
    dict
        `status`: waiting (for the upload, or to be planned), planned, scoring, succeeded or failed; `parts` while it
        runs; of a finished one `rows`, `cost`, `model_version`, `finished_at`, the `reason` and `problems` of a
        failure, and `links`.
    """
    place = order.key.removeprefix("inbox/")
    # Who removes the file, or its retention, takes nothing from the results.
    version = places.find_version(order.key) or places.find_scored(f"outbox/{place}/")
    if version is None:
        return _told("waiting", is_uploaded=False)
    folder = f"{place}/{version}"
    manifest = places.find(f"outbox/{folder}/{MANIFEST}")
    plan = None if manifest else places.find(f"work/{folder}/{PLAN}")
    if manifest is None and plan is None:
        # A batch that is published between two looks has no plan any more.
        manifest = places.find(f"outbox/{folder}/{MANIFEST}")
    if manifest is not None:
        return _finished(json.loads(manifest), f"outbox/{folder}", places)
    if plan is None:
        return _told("waiting", is_uploaded=True)
    scored = places.count_notes(f"work/{folder}")
    parts = {"planned": json.loads(plan)["parts"], "scored": scored}
    return _told("scoring" if scored else "planned", is_uploaded=True) | {"parts": parts}


def _told(status: str, *, is_uploaded: bool) -> Told:
    return {"status": status, "is_uploaded": is_uploaded}


def _finished(manifest: Told, folder: str, places: Places) -> Told:
    names = ("rows", "cost", "model_version", "finished_at", "reason", "problems")
    told = {name: manifest[name] for name in names if name in manifest}
    files = (MANIFEST, *manifest.get("results", {}))
    links = {"links": {name: places.link_to(f"{folder}/{name}") for name in files}}
    return _told(str(manifest["status"]), is_uploaded=True) | told | links
