"""What only DynamoDB does: pages, and writers that overtake each other."""

import pytest
from support.aws import moto_table

from ratecard.storage.customers import TakenIdError
from ratecard.storage.dynamo_accounts import DynamoAccounts


@pytest.fixture
def table():
    with moto_table() as made:
        yield made


@pytest.fixture
def accounts(table):
    made = DynamoAccounts(table)
    made.ensure_customer("acme", "Acme")
    return made


def overtaken(table, other):
    """Let another writer act once, just before the next transaction."""
    client = table.meta.client
    real = client.transact_write_items

    def transact_write_items(**request):
        client.transact_write_items = real
        other()
        return real(**request)

    client.transact_write_items = transact_write_items


def test_everything_is_read_to_the_last_page(table, accounts):
    """A page of DynamoDB ends at 1 MB: the 26th customer, and the one after the page, are there."""
    for number in range(30):
        accounts.create_customer(f"c{number:03}", "x" * 45_000, accounts.get_customer("acme").terms, "free")
    for number in range(4):
        accounts.create_key("c000", "standard", f"{number}" * 300_000)

    assert "LastEvaluatedKey" in table.scan()
    assert len(accounts.list_customers()) == 31
    assert len(accounts.list_keys()) == len(accounts.list_keys("c000")) == 4
    assert len(accounts.assignments()) == 35


def test_two_changes_at_once_are_both_made(table, accounts):
    """The one overtaken looks again: no event is lost, none has another's number."""
    key = accounts.create_key("acme", "standard", "web").key
    overtaken(table, lambda: DynamoAccounts(table).set_key_plan(key.id, "business"))
    rotated = accounts.rotate_key(key.id)

    assert rotated.key.plan == "business"
    events = [(action, plan) for action, plan, _ in accounts.list_events(key.id)]
    assert events == [("created", "standard"), ("plan set", "business"), ("rotated", "business")]


def test_two_changes_of_a_customer_at_once_are_both_made(table, accounts):
    """Name by one, plan of files by the other."""
    overtaken(table, lambda: DynamoAccounts(table).set_files_plan("acme", "free"))
    assert accounts.change_customer("acme", name="New").files_plan == "free"
    overtaken(table, lambda: DynamoAccounts(table).change_customer("acme", name="Newer"))
    changed = accounts.set_files_plan("acme", "business")

    assert (changed.name, changed.files_plan) == ("Newer", "business")


def test_a_customer_made_twice_at_once_is_made_once(table, accounts):
    """The second is told, or takes what the first made."""
    terms = accounts.get_customer("acme").terms
    overtaken(table, lambda: DynamoAccounts(table).create_customer("new", "First", terms, "free"))
    with pytest.raises(TakenIdError):
        accounts.create_customer("new", "Second", terms, "free")
    overtaken(table, lambda: DynamoAccounts(table).create_customer("newer", "First", terms, "free"))

    assert accounts.ensure_customer("newer", "Second").name == "First"


def test_another_failure_is_raised(table, accounts):
    """A table that is gone is not a lost race."""
    table.delete()
    with pytest.raises(table.meta.client.exceptions.ResourceNotFoundException):
        accounts.ensure_customer("acme", "Acme")


def test_no_item_holds_a_secret(table, accounts):
    """Hash and last four characters only."""
    issued = accounts.create_key("acme", "standard", "web")

    assert issued.secret not in repr(table.scan()["Items"])
