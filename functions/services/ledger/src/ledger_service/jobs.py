"""What each run does; all of it may be done again at any time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import partial

from ledger_service.books import Books
from ratecard.billing.blockers import Blocker
from ratecard.billing.canonical import canonical
from ratecard.billing.invoice import invoice_content, money_text
from ratecard.billing.periods import Period
from ratecard.billing.segments import Directory
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.storage.gateway_counts import KEPT_DAYS, fetch_gateway_counts
from ratecard.storage.gateway_keys import REPORTED, Step
from ratecard.storage.issuing import Outcome
from ratecard.storage.ledger import Statement
from ratecard.storage.refreshing import refresh
from ratecard.storage.third_count import compare_days, whole_days

Report = dict[str, object]

DUE = "operator/due.json"
"""What the operator reads: drafts, what was issued, and what is blocked by what."""
MOST_BLOCKERS = 200
"""So many of an invoice's blockers are written down; all are counted."""


def run_refresh(books: Books, *, as_of_ms: int) -> Report:
    """Count usage for customers to read, and stop or start prepaid keys, at the gateway too."""
    done = refresh(books.ledger, books.shelf, books.accounts, books.trail, as_of_ms=as_of_ms)
    steps = books.keys.switch()
    return {
        "as_of": rfc3339_from_epoch_ms(done.as_of_ms),
        "customers": done.customers,
        "stored": len(done.stored),
        "switched": {switch.key_id: "enabled" if switch.enabled else "disabled" for switch in done.switches},
        "gateway": [_step(step) for step in steps],
    }


def run_billing(books: Books, bucket: str, *, as_of_ms: int, issues: bool) -> Report:
    """Issue what is due, or draft it, and write down for the operator what came of it.

    Parameters
    ----------
    books : Books
        What is due.
    bucket : str
        Where the operator's report goes.
    as_of_ms : int
        The present.
    issues : bool
        Whether to issue.
    """
    if issues:
        outcomes = list(books.issuing.issue_due(as_of_ms=as_of_ms))
        entries, periods = [_outcome(each) for each in outcomes], [each.period for each in outcomes]
    else:
        due = books.ledger.find_due(as_of_ms=as_of_ms)
        statements = books.ledger.assess(due, as_of_ms=as_of_ms)
        entries, periods = [_draft(each) for _, each in sorted(statements.items())], list(due.values())
    differences = _gateway_differences(books, periods, as_of_ms)
    report: Report = {"as_of": rfc3339_from_epoch_ms(as_of_ms), "issues": issues, "due": entries}
    report["gateway_differences"] = differences
    books.objects.store_bytes(bucket, DUE, json.dumps(report, sort_keys=True, indent=2).encode())
    return {
        "as_of": report["as_of"],
        "issued": sum(1 for entry in entries if "number" in entry),
        "drafted": sum(1 for entry in entries if "content_sha256" in entry and "number" not in entry),
        "blocked": sum(1 for entry in entries if entry["blocked_by"]),
        "gateway_differences": len(differences),
    }


def run_keys(books: Books) -> Report:
    """Make the gateway's keys follow the accounts."""
    steps = books.keys.sync()
    waiting = [step for step in steps if step.kind in REPORTED]
    return {
        "done": [_step(step) for step in steps if step.kind not in REPORTED],
        "waiting": [_step(step) for step in waiting],
    }


def _gateway_differences(books: Books, periods: Iterable[Period], as_of_ms: int) -> list[Report]:
    """Compare the gateway's own count with its log, over the days that are closed now; nothing if none is."""
    days = whole_days(periods, as_of_ms=as_of_ms, kept_days=KEPT_DAYS)
    if days is None:
        return []
    directory = Directory(books.ledger.sources.accounts.assignments())
    count_gateway = partial(fetch_gateway_counts, books.gateway, books.stage)
    return [
        {
            "customer": each.customer,
            "gateway_key": each.key_id,
            "day": each.day,
            "counted_by_gateway": each.counted,
            "in_access_log": each.logged,
        }
        for each in compare_days(count_gateway, books.files, days=days, directory=directory)
        if each.difference
    ]


def _outcome(outcome: Outcome) -> Report:
    entry: Report = {"customer": outcome.customer, "period": outcome.period.name} | _blocked(outcome.blockers)
    if outcome.document is not None:
        document = outcome.document
        entry |= {"number": document.number, "sha256": document.sha256, "content_sha256": document.content_sha256}
    return entry


def _draft(statement: Statement) -> Report:
    draft = statement.draft
    return {
        "customer": draft.customer,
        "period": draft.period.name,
        "currency": draft.currency,
        "total": money_text(statement.total, draft.currency),
        "due": money_text(statement.due, draft.currency),
        "content_sha256": sha256_hex(canonical(invoice_content(draft))),
    } | _blocked(statement.blockers)


def _blocked(blockers: Iterable[Blocker]) -> Report:
    found = list(blockers)
    named = [{"code": each.code, "detail": each.detail, "call": each.call_id} for each in found[:MOST_BLOCKERS]]
    return {"blocked_by": dict(Counter(each.code for each in found)), "blockers": named}


def _step(step: Step) -> Report:
    members = {"step": step.kind.value, "key": step.key_id, "gateway_key": step.gateway_id, "plan": step.plan}
    return {name: value for name, value in members.items() if value}
