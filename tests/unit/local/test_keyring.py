"""Keys in memory follow the keys on disk."""

import contextlib
import sqlite3
from datetime import date

import pytest

from ratecard.billing.plans import Plan
from ratecard.storage.accounts import SqliteAccounts
from ratecard_workbench.local.counters import CounterFile
from ratecard_workbench.local.keyring import Keyring


def test_keys_that_could_not_be_loaded_are_loaded_the_next_time(tmp_path, monkeypatch):
    """A busy database delays a new key; it does not hide it for ever."""
    path = tmp_path / "accounts.sqlite"
    plans = {"free": Plan("free", "Free", "A plan.", date(2026, 1, 1), 10.0, 10, None)}
    with (
        contextlib.closing(SqliteAccounts(path)) as ours,
        contextlib.closing(SqliteAccounts(path)) as theirs,
        contextlib.closing(CounterFile(tmp_path / "counters.bin")) as counters,
    ):
        keyring = Keyring(ours, plans, counters)
        theirs.ensure_customer("acme", "Acme")
        issued = theirs.create_key("acme", "free", "test")

        def busy():
            raise sqlite3.OperationalError

        with monkeypatch.context() as patched:
            patched.setattr(ours, "list_keys", busy)
            with pytest.raises(sqlite3.OperationalError):
                keyring.refresh()
        assert keyring.find(issued.secret) is None
        assert keyring.refresh()
        assert keyring.find(issued.secret).customer_id == "acme"
        assert not keyring.refresh()
