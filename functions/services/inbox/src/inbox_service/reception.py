"""What becomes of an object in the inbox: a model's flow may score it, or a manifest says why none does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratecard.serving.arrival import Created, parse_created
from ratecard.serving.batch.undeliverable import (
    KEY_TOO_LONG,
    find_failure,
    find_problems,
    is_key_too_long,
    is_marker,
    store_failure,
)
from ratecard.storage.customers import Accounts
from ratecard.storage.objects import ObjectStore

TABLE, OUTBOX, MODELS = "RATECARD_ACCOUNTS", "RATECARD_OUTBOX", "RATECARD_MODELS"

Event = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reception:
    """What the answer depends on.

    Attributes
    ----------
    accounts : Accounts
        Says whether somebody would pay.
    objects : ObjectStore
        Takes the manifests.
    outbox : str
        Their bucket.
    slugs : tuple of str
        The models that take files.
    """

    accounts: Accounts
    objects: ObjectStore
    outbox: str
    slugs: tuple[str, ...]


def open_reception(environment: Mapping[str, str]) -> Reception:
    """Open what the environment names: `RATECARD_ACCOUNTS`, a table; `RATECARD_OUTBOX`, a bucket; `RATECARD_MODELS`.

    Raises
    ------
    KeyError
        If one is missing.
    """
    import boto3

    from ratecard.storage.dynamo_accounts import DynamoAccounts
    from ratecard.storage.objects import S3ObjectStore

    accounts = DynamoAccounts(boto3.resource("dynamodb").Table(environment[TABLE]))
    return Reception(accounts, S3ObjectStore(), environment[OUTBOX], tuple(environment[MODELS].split(",")))


def receive(event: Event, reception: Reception) -> Answer:
    """Say of an object whether it is to be scored; if it belongs to no model, write why.

    Parameters
    ----------
    event : mapping
        EventBridge's, of an object that was created; or from a model's flow, which waits for the answer, an `operation`
        receive with that `event`.
    reception : Reception
        Whom to ask, and where to write.

    Returns
    -------
    dict
        `status`: taken; failed, with the `codes` of what is wrong, when the manifest is written, if its key is not too
        long; or passed, of what needs no answer, or gets it when a model's flow asks.

    Raises
    ------
    InvalidRequestError
        If it is another event.
    """
    asked = event.get("operation") == "receive"
    created = parse_created(event["event"] if asked else event)
    if is_marker(created) or (not asked and _has_flow(created.key, reception.slugs)):
        return {"status": "passed"}
    codes = [KEY_TOO_LONG] if is_key_too_long(created) else _told_off(created, reception)
    if not codes:
        return {"status": "taken"}
    # Escaped, so that a key cannot break the log's lines.
    logging.getLogger(__name__).warning("%s is not scored: %s", ascii(created.key), ", ".join(codes))
    return {"status": "failed", "codes": codes}


def _told_off(created: Created, reception: Reception) -> list[str]:
    """Return the codes of what is wrong, when the manifest is written."""
    # What was refused once stays refused: the event may come again when the customer is there.
    manifest = find_failure(created, reception.objects, reception.outbox)
    if manifest is None:
        problems = find_problems(created.key, reception.slugs, reception.accounts.has_customer)
        if not problems:
            return []
        manifest = store_failure(created, reception.objects, reception.outbox, problems)
    return [problem["code"] for problem in manifest["problems"]]


def _has_flow(key: str, slugs: tuple[str, ...]) -> bool:
    """Tell whether a model's rule takes a key too: its pattern is `inbox/*/<slug>/*`."""
    root, _, rest = key.partition("/")
    return root == "inbox" and any(f"/{slug}/" in rest for slug in slugs)
