"""The keys that the gateway accepts, in memory: a lookup costs the same for one key and for ten thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from ratecard.billing.plans import Plan
from ratecard.storage.accounts import SqliteAccounts
from ratecard_workbench.local.counters import CounterFile
from ratecard_workbench.local.throttle import Meter


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """What the gateway knows of a valid key."""

    key_id: str
    customer_id: str
    meter: Meter


class Keyring:
    """Enabled keys by the hash of their secret.

    Parameters
    ----------
    accounts : SqliteAccounts
        Where keys are kept; other processes change them.
    plans : Mapping of str to Plan
        The plans in force.
    counters : CounterFile
        Where requests are counted.
    """

    def __init__(self, accounts: SqliteAccounts, plans: Mapping[str, Plan], counters: CounterFile) -> None:
        self._accounts = accounts
        self._plans = plans
        self._counters = counters
        self._meters: dict[str, Meter] = {}
        self._holders: dict[str, KeyHolder] = {}
        self._revision = -1
        self.refresh()

    def find(self, secret: str) -> KeyHolder | None:
        """Return the holder of a secret, or None if it is unknown, disabled or in no plan."""
        return self._holders.get(sha256(secret.encode("utf-8", "replace")).hexdigest())

    def refresh(self) -> bool:
        """Load the keys again if somebody changed them since the last time; cheap otherwise."""
        revision = self._accounts.revision()
        if revision == self._revision:
            return False
        self.reload()
        # Only now: keys that could not be loaded are due again.
        self._revision = revision
        return True

    def replace_plans(self, plans: Mapping[str, Plan]) -> None:
        """Take over the versions of the plans that are in force from now on."""
        self._plans = plans
        self.reload()

    def reload(self) -> None:
        """Load the keys. A key keeps the state of its throttle and quota as long as its plan stays."""
        holders = {}
        for key in self._accounts.list_keys():
            plan = self._plans.get(key.plan)
            if plan is None or not key.enabled:
                continue
            meter = self._meters.get(key.id)
            if meter is None or meter.plan != plan:
                meter = self._meters[key.id] = Meter(key.id, plan, self._counters)
            holders[key.secret_sha256] = KeyHolder(key.id, key.customer_id, meter)
        self._holders = holders
