"""Customers and keys in SQLite: secrets are shown once, kept as hashes, and their history is never edited."""

import contextlib
import hashlib
import sqlite3
import threading

import pytest

from ratecard.kernel.errors import ErrorKind
from ratecard.storage.accounts import (
    Assignment,
    InvalidCustomerError,
    SqliteAccounts,
    UnknownCustomerError,
    UnknownKeyError,
    now_ms,
)
from ratecard.storage.accounts_schema import VERSIONS
from ratecard.storage.customers import DEFAULT_TERMS


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


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE key_events SET plan = 'x'",
        "DELETE FROM key_events",
        "UPDATE plan_changes SET plan = 'x'",
        "DELETE FROM plan_changes",
    ],
)
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


@pytest.fixture
def first_version(path):
    """A file as the platform wrote it before customers had terms and plans changed."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in VERSIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO customers VALUES ('acme', 'Acme Ltd', '2026-11-01T08:00:00.500Z')")
        connection.execute(
            "INSERT INTO keys VALUES ('k1', 'acme', 'web', 'business', ?, 'wxyz', 0, '2026-11-02T08:00:00.007Z')",
            ("a" * 64,),
        )
        connection.execute(
            "INSERT INTO key_events (key_id, customer_id, action, plan, secret_sha256, last4, at) VALUES"
            " ('k1', 'acme', 'created', 'business', ?, 'wxyz', '2026-11-02T08:00:00.007Z')",
            ("a" * 64,),
        )
    return path


def test_a_file_of_the_first_version_is_taken_over(first_version):
    """Keys, customers and history stay; the plans' history begins when each was made."""
    for _ in range(2):
        with contextlib.closing(SqliteAccounts(first_version)) as accounts:
            key = accounts.get_key("k1")
            customer = accounts.get_customer("acme")
            assert (key.plan, key.enabled, key.last4, key.secret_sha256) == ("business", False, "wxyz", "a" * 64)
            assert (customer.name, customer.terms, customer.files_plan) == ("Acme Ltd", DEFAULT_TERMS, "standard")
            assert accounts.list_events("k1") == (("created", "business", "2026-11-02T08:00:00.007Z"),)
            assert set(accounts.assignments()) == {
                Assignment("k1", "acme", "business", 1_793_606_400_007, None),
                Assignment("inbox/acme", "acme", "standard", 1_793_520_000_500, None),
            }


def test_a_file_is_brought_up_to_date_once(first_version):
    """Whoever else opens it at the same time."""
    failed = []

    def open_it():
        try:
            SqliteAccounts(first_version).close()
        except sqlite3.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with contextlib.closing(SqliteAccounts(first_version)) as accounts:
        assert len(accounts.assignments()) == 2


def test_a_plan_that_begins_changes_the_revision(path):
    """So that a running platform follows a change that was made ahead."""
    now = now_ms()
    with contextlib.closing(SqliteAccounts(path, lambda: now)) as accounts:
        accounts.ensure_customer("acme", "Acme")
        key = accounts.create_key("acme", "standard", "web").key
        accounts.set_key_plan(key.id, "business", now + 1000)
        before = accounts.revision()
        now += 999
        assert accounts.revision() == before
        now += 1
        assert accounts.revision() != before
        assert accounts.get_key(key.id).plan == "business"
