"""Audit: every change leaves a record, no record changes, and what has none is named."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from support.aws import BUCKET, moto_client, moto_table
from support.documents import encode

from ratecard.billing.periods import BillingCalendar
from ratecard.storage.accounts import SqliteAccounts, Terms, UnknownKeyError
from ratecard.storage.audit import AuditTrail, InvalidActorError, hash_state
from ratecard.storage.audited import AuditedAccounts, account_states
from ratecard.storage.chain import BrokenChainError, Chain
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.places import FolderPlaces, S3Places, name_of

TERMS = Terms(BillingCalendar("Asia/Taipei", 31), "TWD")
START = 1_767_225_600_000


@pytest.fixture(params=["machine", "aws"])
def kept(request, tmp_path):
    """Accounts and places for records: SQLite and a folder, or DynamoDB and S3."""
    with contextlib.ExitStack() as stack:
        if request.param == "machine":
            path = tmp_path / "accounts.sqlite"
            accounts = stack.enter_context(contextlib.closing(SqliteAccounts(path, lambda: START)))
            yield accounts, FolderPlaces(tmp_path / "audit")
        else:
            accounts = DynamoAccounts(stack.enter_context(moto_table()), lambda: START)
            s3 = stack.enter_context(moto_client("s3"))
            s3.create_bucket(Bucket=BUCKET)
            yield accounts, S3Places(BUCKET, "audit/", s3)


@pytest.fixture
def accounts(kept):
    return kept[0]


@pytest.fixture
def trail(kept):
    return AuditTrail(Chain(kept[1]), lambda: START)


@pytest.fixture
def audited(accounts, trail):
    return AuditedAccounts(accounts, trail, "ann")


def findings(trail, accounts, head=None):
    return [(finding.number, finding.kind) for finding in trail.verify(account_states(accounts), head)]


def test_every_change_leaves_one_record(audited, accounts, trail):
    """Who, what, and each member from what to what; a command that changes nothing leaves none."""
    audited.create_customer("acme", "Acme", TERMS, "free")
    audited.ensure_customer("acme", "Acme")
    audited.change_customer("acme", name="Acme SE")
    audited.set_files_plan("acme", "business", START + 1000)
    key = audited.create_key("acme", "standard", "web").key
    audited.rotate_key(key.id)
    audited.set_key_plan(key.id, "business", START + 1000)
    audited.set_key_enabled(key.id, enabled=False)
    audited.set_key_enabled(key.id, enabled=False)
    audited.set_key_enabled(key.id, enabled=True)

    records = trail.list_records()
    assert [(record.action, record.subject) for record in records] == [
        ("customer.created", "customer/acme"),
        ("customer.changed", "customer/acme"),
        ("customer.files_plan_set", "customer/acme"),
        ("key.created", f"key/{key.id}"),
        ("key.rotated", f"key/{key.id}"),
        ("key.plan_set", f"key/{key.id}"),
        ("key.disabled", f"key/{key.id}"),
        ("key.enabled", f"key/{key.id}"),
    ]
    assert {(record.actor, record.at) for record in records} == {("ann", "2026-01-01T00:00:00.000Z")}
    assert records[1].changes == {"name": ["Acme", "Acme SE"]}
    assert records[2].changes["files_plans"][1] == [
        ["free", "2026-01-01T00:00:00.000Z"],
        ["business", "2026-01-01T00:00:01.000Z"],
    ]
    assert records[0].before_sha256 is None
    assert records[1].before_sha256 == records[0].after_sha256
    assert records[7].after_sha256 == hash_state(account_states(accounts)[f"key/{key.id}"])
    assert findings(trail, accounts, trail.head()[1]) == []


def test_no_record_holds_a_secret(audited, kept):
    """Hash and last four characters only."""
    audited.ensure_customer("acme", "Acme")
    issued = audited.create_key("acme", "standard", "web")
    rotated = audited.rotate_key(issued.key.id)

    written = b"".join(kept[1].get(number) for number in kept[1].list_numbers(0))
    assert issued.secret.encode() not in written
    assert rotated.secret.encode() not in written
    assert rotated.key.last4.encode() in written


def test_a_change_that_is_refused_leaves_no_record(audited, trail):
    """An unknown key, for example."""
    with pytest.raises(UnknownKeyError):
        audited.rotate_key("none")
    assert trail.list_records() == ()


def test_what_was_changed_without_a_record_is_named(audited, accounts, trail):
    """By another program, or by one killed between the change and its record; also after later records."""
    audited.ensure_customer("acme", "Acme")
    key = audited.create_key("acme", "standard", "web").key
    accounts.set_key_enabled(key.id, enabled=False)
    other = accounts.create_key("acme", "free", "hidden").key

    assert [finding.detail for finding in trail.verify(account_states(accounts))] == [
        f"{subject} has changed without a record" for subject in sorted([f"key/{key.id}", f"key/{other.id}"])
    ]
    audited.rotate_key(key.id)
    assert sorted(findings(trail, accounts)) == [(0, "unrecorded"), (3, "unrecorded")]

    assert trail.adopt("bob", account_states(accounts)) == sorted([f"key/{key.id}", f"key/{other.id}"])
    assert findings(trail, accounts) == []
    assert [record.actor for record in trail.list_records()][-2:] == ["bob", "bob"]
    assert trail.adopt("bob", account_states(accounts)) == []


KILLED = """
import os, pathlib, signal, sys
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.chain import Chain
from ratecard.storage.places import FolderPlaces

root = pathlib.Path(sys.argv[1])
trail = AuditTrail(Chain(FolderPlaces(root / "audit")))
trail.record = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
AuditedAccounts(SqliteAccounts(root / "accounts.sqlite"), trail, "ann").ensure_customer("acme", "Acme")
"""


def test_a_process_killed_between_change_and_record_is_named(tmp_path):
    """The change is there, its record is not: verification says so."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL

    trail = AuditTrail(Chain(FolderPlaces(tmp_path / "audit")))
    with contextlib.closing(SqliteAccounts(tmp_path / "accounts.sqlite")) as accounts:
        assert accounts.has_customer("acme")
        assert findings(trail, accounts) == [(0, "unrecorded")]


def test_an_account_that_vanished_is_named(audited, accounts, trail):
    """Nothing is ever deleted: an older copy of the accounts was put in place."""
    audited.ensure_customer("acme", "Acme")
    assert [finding.detail for finding in trail.verify({})] == ["customer/acme has changed without a record"]


def test_an_edited_price_book_is_named(trail):
    """Its hash is compared with the last one recorded, and whoever answers for it is recorded."""
    book = {"price-book": {"sha256": "a" * 64}}
    assert trail.adopt("ann", book) == ["price-book"]
    assert trail.verify(book) == ()
    assert [finding.kind for finding in trail.verify({"price-book": {"sha256": "b" * 64}})] == ["unrecorded"]


def test_an_edited_record_is_found(tmp_path):
    """The next record does not fit any more; in S3 as in a folder, see the tests of the chain."""
    trail = AuditTrail(Chain(FolderPlaces(tmp_path)), lambda: START)
    for number in range(2):
        trail.record("ann", "price_book.changed", "price-book", before=None, after={"n": number})
    path = tmp_path / name_of(1)
    content = path.read_bytes().replace(b'"ann"', b'"bob"')
    path.unlink()
    path.write_bytes(content)

    assert [(finding.number, finding.kind) for finding in trail.verify({})] == [(1, "tampered")]


def test_nothing_is_changed_where_no_record_could_be_added(audited, accounts, kept):
    """A damaged trail stops every command before it changes anything."""
    kept[1].create(2, encode(2, "0" * 64))

    with pytest.raises(BrokenChainError):
        audited.ensure_customer("acme", "Acme")
    assert accounts.list_customers() == ()


def test_nothing_is_changed_by_nobody(accounts, trail):
    """Nor where nobody answers for it."""
    accounts.ensure_customer("acme", "Acme")
    nobody = AuditedAccounts(accounts, trail, " ")

    with pytest.raises(InvalidActorError):
        nobody.change_customer("acme", name="Other")
    with pytest.raises(InvalidActorError):
        nobody.create_key("acme", "standard", "web")
    assert (accounts.get_customer("acme").name, accounts.list_keys()) == ("Acme", ())


def test_a_record_needs_a_name(accounts, trail):
    """An empty actor is refused before anything is written."""
    with pytest.raises(InvalidActorError):
        trail.record(" ", "key.rotated", "key/x", before=None, after={})
    assert trail.list_records() == ()


def test_records_are_canonical_json(trail, kept):
    """Sorted members, no spaces, so that everybody computes the same hash."""
    trail.record("ann", "credit.issued", "credit/1", before=None, after={"b": "1.50", "a": "é"})
    content = kept[1].get(1)

    again = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"))
    assert content == again.encode()
    assert trail.list_records()[0].after_sha256 == hash_state({"a": "é", "b": "1.50"})
