"""Opens the files of a home; one that cannot be used is named in a sentence, with what to do about it."""

from __future__ import annotations

from ratecard.storage.accounts import SqliteAccounts
from ratecard_workbench.local.counters import CounterFile
from ratecard_workbench.local.deliveries import Deliveries
from ratecard_workbench.local.home import Home, usable
from ratecard_workbench.local.sinks import PlatformSinks


def open_accounts(home: Home) -> SqliteAccounts:
    """Open customers and keys; raises HomeError."""
    with usable(home.accounts):
        return SqliteAccounts(home.accounts)


def open_counters(home: Home) -> CounterFile:
    """Open the counts of requests; raises HomeError."""
    with usable(home.counters):
        return CounterFile(home.counters)


def open_sinks(home: Home) -> PlatformSinks:
    """Open the lake's writers and the logs; raises HomeError."""
    with usable(home.logs):
        return PlatformSinks(home)


def open_deliveries(home: Home) -> Deliveries:
    """Open the list of files; raises HomeError."""
    with usable(home.deliveries):
        return Deliveries(home.deliveries)
