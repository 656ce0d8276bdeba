"""Accounts: the same tests on SQLite and on DynamoDB."""

import contextlib
import hashlib

import pytest
from support.aws import moto_table

from ratecard.billing.periods import BillingCalendar, InvalidCalendarError
from ratecard.storage.accounts import (
    Assignment,
    InvalidCustomerError,
    PastChangeError,
    SqliteAccounts,
    TakenIdError,
    Terms,
    UnknownCustomerError,
    UnknownKeyError,
)
from ratecard.storage.customers import DEFAULT_TERMS
from ratecard.storage.dynamo_accounts import DynamoAccounts

START = 1_767_225_600_123
HOUR = 3_600_000
TAIPEI = Terms(BillingCalendar("Asia/Taipei", 31), "TWD")


class Clock:
    """A clock that stands until it is moved."""

    now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["sqlite", "dynamodb"])
def opened(request, tmp_path, clock):
    """How to open the accounts, any number of times."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path / "accounts.sqlite"
            yield lambda: stack.enter_context(contextlib.closing(SqliteAccounts(path, clock)))
        else:
            table = stack.enter_context(moto_table())
            yield lambda: DynamoAccounts(table, clock)


@pytest.fixture
def accounts(opened):
    made = opened()
    made.ensure_customer("acme", "Acme Ltd")
    return made


def test_a_customer_has_terms(opened):
    """Zone, anchor day, currency and the plan of files; another connection reads the same."""
    made = opened().create_customer("taipei-bank", "Bank", TAIPEI, "business")

    assert opened().get_customer("taipei-bank") == made
    assert (made.name, made.terms, made.files_plan) == ("Bank", TAIPEI, "business")
    assert made.created_at.isoformat() == "2026-01-01T00:00:00.123000+00:00"


def test_a_customer_is_made_once(accounts):
    """Creating again is refused, ensuring again changes nothing."""
    with pytest.raises(TakenIdError):
        accounts.create_customer("acme", "Other", TAIPEI, "business")
    assert accounts.ensure_customer("acme", "Other").name == "Acme Ltd"
    assert accounts.get_customer("acme").terms == DEFAULT_TERMS
    assert accounts.has_customer("acme")
    assert not accounts.has_customer("nobody")


def test_terms_and_name_change(accounts):
    """What is not given stays."""
    assert accounts.change_customer("acme", name="Acme SE").terms == DEFAULT_TERMS
    changed = accounts.change_customer("acme", terms=TAIPEI)
    assert (changed.name, changed.terms) == ("Acme SE", TAIPEI)


def test_customers_are_listed_by_id(accounts):
    """All of them, with their terms."""
    accounts.create_customer("abc", "Abc", TAIPEI, "free")

    assert [customer.id for customer in accounts.list_customers()] == ["abc", "acme"]
    assert accounts.list_customers()[0] == accounts.get_customer("abc")


@pytest.mark.parametrize("name", ["", "Acme", "a/b", "../a", "a#b", "é", "-a", "a" * 64, "a\n"])
def test_a_customers_id_is_safe_in_an_object_key(accounts, name):
    """Nothing but lower-case letters, digits and hyphens."""
    with pytest.raises(InvalidCustomerError):
        accounts.ensure_customer(name, "x")
    with pytest.raises(InvalidCustomerError):
        accounts.create_customer(name, "x", TAIPEI, "free")


def test_terms_that_cannot_be_meant_are_refused():
    """No such zone, day or currency."""
    with pytest.raises(InvalidCalendarError):
        BillingCalendar("Mars/Olympus")
    with pytest.raises(InvalidCalendarError):
        BillingCalendar("UTC", 32)
    with pytest.raises(InvalidCustomerError):
        Terms(BillingCalendar("UTC"), "XXX")


def test_what_is_not_there_is_said(accounts):
    """Unknown keys and customers are errors of their own kind, for every command."""
    for call in (
        lambda: accounts.rotate_key("none"),
        lambda: accounts.get_key("none"),
        lambda: accounts.set_key_enabled("none", enabled=False),
        lambda: accounts.set_key_plan("none", "free"),
    ):
        with pytest.raises(UnknownKeyError):
            call()
    for call in (
        lambda: accounts.create_key("nobody", "standard", "web"),
        lambda: accounts.get_customer("nobody"),
        lambda: accounts.change_customer("nobody", name="x"),
        lambda: accounts.set_files_plan("nobody", "free"),
    ):
        with pytest.raises(UnknownCustomerError):
            call()
    assert accounts.list_keys("nobody") == ()
    assert accounts.list_events("none") == ()


def test_a_key_is_kept_as_its_hash(accounts, opened):
    """Hash and last four characters; another connection reads the same."""
    issued = accounts.create_key("acme", "standard", "web")

    assert issued.key.secret_sha256 == hashlib.sha256(issued.secret.encode()).hexdigest()
    assert issued.key.last4 == issued.secret[-4:]
    assert (issued.key.enabled, issued.key.plan, issued.key.name) == (True, "standard", "web")
    assert opened().get_key(issued.key.id) == issued.key


def test_the_gateways_id_of_a_key_is_kept(accounts):
    """In AWS the gateway names a key, and usage lines carry that name."""
    assert accounts.create_key("acme", "standard", "web", "a1b2c3d4e5").key.id == "a1b2c3d4e5"
    with pytest.raises(TakenIdError):
        accounts.create_key("acme", "standard", "other", "a1b2c3d4e5")
    assert len(accounts.list_keys()) == 1
    assert len(accounts.list_events("a1b2c3d4e5")) == 1


def test_keys_are_listed_oldest_first(accounts, clock):
    """All, or one customer's."""
    accounts.ensure_customer("zeta", "Zeta")
    made = []
    for customer in ("zeta", "acme", "zeta"):
        made.append(accounts.create_key(customer, "standard", "web").key)
        clock.now += 1

    assert list(accounts.list_keys()) == made
    assert list(accounts.list_keys("zeta")) == [made[0], made[2]]


def test_rotation_and_disabling_keep_the_history(accounts, clock):
    """One subject, one customer, one interval: who used the old secret is billed as before."""
    key = accounts.create_key("acme", "standard", "web").key
    clock.now += HOUR
    rotated = accounts.rotate_key(key.id)
    clock.now += HOUR
    assert accounts.set_key_enabled(key.id, enabled=False).enabled is False
    assert accounts.set_key_enabled(key.id, enabled=False).enabled is False
    assert accounts.set_key_enabled(key.id, enabled=True).enabled is True

    assert rotated.key.id == key.id
    assert rotated.key.secret_sha256 == hashlib.sha256(rotated.secret.encode()).hexdigest() != key.secret_sha256
    assert [(action, plan) for action, plan, _ in accounts.list_events(key.id)] == [
        (action, "standard") for action in ("created", "rotated", "disabled", "enabled")
    ]
    assert [at for _, _, at in accounts.list_events(key.id)][:2] == [
        "2026-01-01T00:00:00.123Z",
        "2026-01-01T01:00:00.123Z",
    ]
    assert Assignment(key.id, "acme", "standard", START, None) in accounts.assignments()


def test_a_change_of_plan_ends_one_interval_and_begins_the_next(accounts, clock):
    """Half-open, without gap or overlap, for keys and files."""
    key = accounts.create_key("acme", "standard", "web").key
    clock.now += HOUR
    assert accounts.set_key_plan(key.id, "business").plan == "business"
    assert accounts.set_files_plan("acme", "free").files_plan == "free"
    clock.now += HOUR
    accounts.set_key_plan(key.id, "business")

    assert set(accounts.assignments()) == {
        Assignment(key.id, "acme", "standard", START, START + HOUR),
        Assignment(key.id, "acme", "business", START + HOUR, None),
        Assignment("inbox/acme", "acme", "standard", START, START + HOUR),
        Assignment("inbox/acme", "acme", "free", START + HOUR, None),
    }
    assert [(action, plan) for action, plan, _ in accounts.list_events(key.id)][:2] == [
        ("created", "standard"),
        ("plan set", "business"),
    ]


def test_a_plan_changes_when_its_time_comes(accounts, clock):
    """A change may be made ahead; until then the present plan holds. The last word for an instant counts."""
    key = accounts.create_key("acme", "standard", "web").key
    later = START + 10 * HOUR
    assert accounts.set_key_plan(key.id, "free", later).plan == "standard"
    assert accounts.set_files_plan("acme", "business", later).files_plan == "standard"
    accounts.set_key_plan(key.id, "business", later)

    clock.now = later - 1
    assert [found.plan for found in accounts.list_keys("acme")] == ["standard"]
    clock.now = later
    assert [found.plan for found in accounts.list_keys()] == ["business"]
    assert [found.files_plan for found in accounts.list_customers()] == ["business"]
    assert Assignment(key.id, "acme", "standard", START, later) in accounts.assignments()
    assert Assignment(key.id, "acme", "business", later, None) in accounts.assignments()


def test_the_past_stays(accounts, clock):
    """What may be on an invoice already is not assigned anew; nothing is written."""
    key = accounts.create_key("acme", "standard", "web").key
    before = accounts.assignments()
    clock.now += HOUR
    with pytest.raises(PastChangeError):
        accounts.set_key_plan(key.id, "free", START)
    with pytest.raises(PastChangeError):
        accounts.set_files_plan("acme", "free", clock.now - 1)

    assert accounts.assignments() == before
    assert len(accounts.list_events(key.id)) == 1


def test_a_clock_that_goes_back_finds_the_first_plan(accounts, clock):
    """A key is never without a plan."""
    key = accounts.create_key("acme", "standard", "web").key
    clock.now -= HOUR

    assert accounts.get_key(key.id).plan == "standard"
    assert accounts.get_customer("acme").files_plan == "standard"
