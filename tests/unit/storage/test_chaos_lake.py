"""The chaos lake: invoices to the cent and exceptions to the id, by both ways of counting."""

from collections import Counter

import pytest
from support.chaos import assignments, calendars, make_chaos, owed_cents, periods
from support.ledger import BOOK, at

from ratecard.billing.lines import total_of
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.statement import Account, Inputs, draft_invoice
from ratecard.storage.counting import FolderLake
from ratecard.storage.sqllake import Limits, SqlLake

PRICES = parse_price_book(BOOK)


def make_scope():
    """Everybody's June, read three days after its end."""
    return Scope(assignments(), PRICES, periods(), Guards(at("2026-07-04T00:00:00")))


def prove(counted, scope, observed):
    """Compare invoices, exceptions, free calls and torn lines with what was observed."""
    found = [(each.oddity, each.id, each.customer) for each in counted.exceptions]
    assert len(found) == len(set(found))
    assert set(found) == observed.exceptions
    assert counted.damaged == observed.torn
    free = Counter()
    for count in counted.counts:
        if count.reason:
            free[count.customer, count.reason] += count.calls
    assert free == observed.free
    inputs = Inputs(scope, counted, PRICES)
    for name, calendar in calendars().items():
        draft = draft_invoice(inputs, Account(name, calendar))
        assert int(total_of(draft.lines) * 100) == owed_cents(observed, name)


@pytest.mark.parametrize("limits", [None, Limits(memory_bytes=300_000_000, part_bytes=80_000, batch_bytes=160_000)])
def test_eight_thousand_calls_in_chaos(tmp_path, limits):
    """All that goes wrong, small: SQL in one part and in many gives what the observer saw, and what Python gives."""
    observed = make_chaos(tmp_path, 20261122, 8_000)
    scope = make_scope()
    counted = SqlLake(tmp_path, limits).count_usage(scope)
    prove(counted, scope, observed)
    if limits is None:
        assert FolderLake(tmp_path).count_usage(scope) == counted


@pytest.mark.slow(45)
@pytest.mark.timeout(1800)  # A minute on two quiet cores; a busy machine is no reason to fail.
def test_a_million_calls_in_chaos(tmp_path):
    """The same with a million calls, by SQL in parts."""
    observed = make_chaos(tmp_path, 1, 1_000_000)
    scope = make_scope()
    prove(SqlLake(tmp_path, Limits(part_bytes=20_000_000)).count_usage(scope), scope, observed)
