"""Who acts on this machine, and the trail that what they change leaves."""

from __future__ import annotations

import getpass
import os

from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.chain import Chain
from ratecard.storage.customers import DEFAULT_FILES_PLAN, DEFAULT_TERMS, Customer, Terms
from ratecard.storage.places import FolderPlaces
from ratecard_workbench.local.home import Home


def operator_name() -> str:
    """Return the name of this process's user; the number, where a container has no name for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def open_trail(home: Home) -> AuditTrail:
    """Open the home's audit trail."""
    return AuditTrail(Chain(FolderPlaces(home.audit)))


def audited(home: Home, accounts: SqliteAccounts, actor: str) -> AuditedAccounts:
    """Make accounts write down who changes them."""
    return AuditedAccounts(accounts, open_trail(home), actor)


def ensure_customer(accounts: AuditedAccounts, customer_id: str, name: str, currency: str) -> Customer:
    """Return a customer, made now if there is none, who pays in the price book's currency."""
    if accounts.accounts.has_customer(customer_id):
        return accounts.accounts.get_customer(customer_id)
    terms = Terms(DEFAULT_TERMS.calendar, currency)
    return accounts.create_customer(customer_id, name, terms, DEFAULT_FILES_PLAN)
