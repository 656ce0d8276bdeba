"""Customers and keys: secrets are shown once, kept as hashes, and their history is never edited."""

import contextlib
import hashlib
import sqlite3

import pytest

from ratecard.kernel.errors import ErrorKind
from ratecard.storage.accounts import InvalidCustomerError, SqliteAccounts, UnknownCustomerError, UnknownKeyError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "accounts.sqlite"


@pytest.fixture
def accounts(path):
    with contextlib.closing(SqliteAccounts(path)) as opened:
        opened.ensure_customer("acme", "Acme Ltd")
        yield opened


def test_a_secret_is_stored_as_its_hash_only(accounts, path):
    """No file of the database holds the secret; its SHA-256 and last four characters are there."""
    issued = accounts.create_key("acme", "standard", "web")

    assert issued.key.secret_sha256 == hashlib.sha256(issued.secret.encode()).hexdigest()
    assert issued.key.last4 == issued.secret[-4:]
    for file in path.parent.iterdir():
        assert issued.secret.encode() not in file.read_bytes()
    assert issued.secret not in repr(issued)
    assert issued.key.secret_sha256 not in repr(issued)


def test_a_secret_is_long_and_new_each_time(accounts):
    """API Gateway takes 20 to 128 characters; ours hold 256 random bits."""
    secrets = {accounts.create_key("acme", "standard", "web").secret for _ in range(50)}

    assert len(secrets) == 50
    assert all(43 <= len(secret) <= 128 for secret in secrets)


def test_only_the_owner_can_read_the_file(accounts, path):
    """The file is made with mode 0600."""
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotation_keeps_the_key(accounts):
    """Id, customer, plan and name stay; the secret is another, and the history tells of it."""
    first = accounts.create_key("acme", "standard", "web")

    second = accounts.rotate_key(first.key.id)

    assert (second.key.id, second.key.customer_id, second.key.plan) == (first.key.id, "acme", "standard")
    assert second.secret != first.secret
    assert len(accounts.list_keys()) == 1
    assert [action for action, _, _ in accounts.list_events(first.key.id)] == ["created", "rotated"]


def test_a_key_is_disabled_and_enabled(accounts):
    """Each change is one event; repeating one is none."""
    key = accounts.create_key("acme", "standard", "web").key

    assert accounts.set_key_enabled(key.id, enabled=False).enabled is False
    assert accounts.set_key_enabled(key.id, enabled=False).enabled is False
    assert accounts.set_key_enabled(key.id, enabled=True).enabled is True
    assert [action for action, _, _ in accounts.list_events(key.id)] == ["created", "disabled", "enabled"]


@pytest.mark.parametrize("statement", ["UPDATE key_events SET plan = 'x'", "DELETE FROM key_events"])
def test_history_is_never_edited(accounts, path, statement):
    """The database itself refuses to change or delete events."""
    accounts.create_key("acme", "standard", "web")

    with contextlib.closing(sqlite3.connect(path)) as other, pytest.raises(sqlite3.IntegrityError, match="history"):
        other.execute(statement)


def test_another_process_sees_the_change(accounts, path):
    """The revision changes when, and only when, another connection wrote."""
    with contextlib.closing(SqliteAccounts(path)) as watcher:
        before = watcher.revision()
        assert watcher.revision() == before
        accounts.create_key("acme", "standard", "web")
        assert watcher.revision() != before


def test_what_is_not_there_is_said(accounts):
    """Unknown keys and customers are errors of their own kind."""
    with pytest.raises(UnknownKeyError):
        accounts.rotate_key("none")
    with pytest.raises(UnknownKeyError):
        accounts.set_key_enabled("none", enabled=False)
    with pytest.raises(UnknownCustomerError) as caught:
        accounts.create_key("nobody", "standard", "web")
    assert caught.value.kind is ErrorKind.NOT_FOUND


@pytest.mark.parametrize("name", ["", "Acme", "a/b", "../a", "a b", "é", "-a", "a" * 64, "a\n"])
def test_a_customers_id_is_safe_in_an_object_key(accounts, name):
    """The id is a folder of the inbox: nothing but lower-case letters, digits and hyphens."""
    with pytest.raises(InvalidCustomerError):
        accounts.ensure_customer(name, "x")


def test_a_customer_is_made_once(accounts):
    """Ensuring again returns the first one."""
    again = accounts.ensure_customer("acme", "Another name")

    assert again.name == "Acme Ltd"
    assert accounts.has_customer("acme")
    assert not accounts.has_customer("nobody")
