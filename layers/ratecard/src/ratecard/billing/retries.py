"""Client retries: calls with the same Idempotency-Key and body are charged once in 24 hours."""

from __future__ import annotations

from collections.abc import Iterable

from ratecard.billing.events import UsageRecord

WINDOW_MS = 86_400_000


def find_retries(calls: Iterable[tuple[str, UsageRecord]]) -> frozenset[str]:
    """Find the ids of calls that repeat an earlier one.

    Parameters
    ----------
    calls : iterable of (str, UsageRecord)
        Customer and record of every call that would be charged, in any order. Calls that did not reach the caller are
        not among them: what is repeated because it failed is charged.

    Returns
    -------
    frozenset of str
        Ids of retries. A window of 24 hours begins with the first call and takes in what lies less than 24 hours after
        it; the first call behind it begins the next.

    Notes
    -----
    Source: draft-ietf-httpapi-idempotency-key-header-07; the key alone is not enough, the same key with another body is
    another call.
    """
    groups: dict[tuple[str, ...], list[UsageRecord]] = {}
    for customer, call in calls:
        if call.idempotency_key is not None:
            asked = call.model, call.model_version, call.operation, call.level
            groups.setdefault((customer, call.idempotency_key, call.input_sha256, *asked), []).append(call)
    found: set[str] = set()
    for group in groups.values():
        window_end = -1
        for call in sorted(group, key=lambda each: (each.at_ms, each.id)):
            if call.at_ms < window_end:
                found.add(call.id)
            else:
                window_end = call.at_ms + WINDOW_MS
    return frozenset(found)
