"""Files of the inbox that belong to no model's flow: what is wrong with their keys, and the manifest that says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from time import time
from typing import Any

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import Problem
from ratecard.serving.arrival import Created, results_folder_of
from ratecard.serving.batch.job import MANIFEST
from ratecard.storage.objects import ObjectStore

EXPLAIN = "explain"
MISPLACED = Problem(
    "", "misplaced_file", "a file lies at inbox/<customer>/<model>/<file> or inbox/<customer>/<model>/explain/<file>"
)
NO_CUSTOMER = Problem("", "unknown_customer", "there is no customer of the name in its key, so nobody would pay")
CODES = {MISPLACED.code, NO_CUSTOMER.code, "unknown_model"}
KEY_TOO_LONG = "key_too_long"
LONGEST_FOLDER_BYTES = 1_000
"""Of results in S3, whose keys have 1,024 bytes at most: what remains is for the names of results and parts."""


def find_problems(key: str, slugs: Iterable[str], has_customer: Callable[[str], bool]) -> tuple[Problem, ...]:
    """Find out why a file can be given to no model.

    Parameters
    ----------
    key : str
        Of the object.
    slugs : iterable of str
        The models that take files.
    has_customer : callable
        Tells whether there is a customer of a name.

    Returns
    -------
    tuple of Problem
        Empty if the file is one to score.
    """
    root, *steps = key.split("/")
    if len(steps) == 4 and steps[2] == EXPLAIN:
        del steps[2]
    if root != "inbox" or len(steps) != 3 or "" in steps:
        return (MISPLACED,)
    customer, slug, _ = steps
    known = sorted(slugs)
    problems = () if slug in known else (_no_model(slug, known),)
    return problems if has_customer(customer) else (*problems, NO_CUSTOMER)


def _no_model(slug: str, known: Sequence[str]) -> Problem:
    nearest = get_close_matches(slug, known, 1)
    hint = f"; the nearest is {nearest[0]}" if nearest else ""
    names = ", ".join(known) or "none"
    return Problem("", "unknown_model", f"no model has the name in its key; models that take files: {names}{hint}")


def is_marker(created: Created) -> bool:
    """Tell whether an object only shows a folder: S3's console makes one with a click."""
    return created.key.endswith("/") and created.size == 0


def is_key_too_long(created: Created) -> bool:
    """Tell whether S3 could not hold the file's results, nor even a manifest."""
    return len(results_folder_of(created.key, created.version).encode()) > LONGEST_FOLDER_BYTES


def find_failure(created: Created, store: ObjectStore, outbox: str) -> dict[str, Any] | None:
    """Return the manifest that says that a file cannot be given to any model, if it was written."""
    content = store.find_bytes(outbox, _manifest_key(created))
    manifest: dict[str, Any] = json.loads(content) if content else {}
    return manifest if CODES & {problem["code"] for problem in manifest.get("problems", ())} else None


def store_failure(created: Created, store: ObjectStore, outbox: str, problems: tuple[Problem, ...]) -> dict[str, Any]:
    """Write the manifest where results would be, once for each version of a file.

    Parameters
    ----------
    created : Created
        The file; it stays where it is.
    store, outbox
        Where to.
    problems : tuple of Problem
        See `find_problems`.

    Returns
    -------
    dict
        The manifest, with `status` failed: nothing was scored, and nothing is billed.
    """
    present = find_failure(created, store, outbox)
    if present is not None:
        return present
    manifest = {
        "status": "failed",
        "reason": problems[0].detail,
        "problems": [{"code": problem.code, "detail": problem.detail} for problem in problems],
        "object": {"bucket": created.bucket, "key": created.key, "version": created.version},
        "announced_at": rfc3339_from_epoch_ms(created.at_epoch_ms),
        "finished_at": rfc3339_from_epoch_ms(int(time() * 1000)),
        "rows": {"read": 0, "scored": 0, "rejected": 0},
        "cost": None,
    }
    store.store_bytes(outbox, _manifest_key(created), (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def withdraw_failure(created: Created, store: ObjectStore, outbox: str) -> None:
    """Remove that manifest, and nothing else, for whoever tries the file again: customer or model may be there now."""
    if find_failure(created, store, outbox) is not None:
        store.remove_folder(outbox, f"{results_folder_of(created.key, created.version)}/")


def _manifest_key(created: Created) -> str:
    return f"{results_folder_of(created.key, created.version)}/{MANIFEST}"
