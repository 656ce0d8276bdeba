"""Accounts whose changes reach API Gateway at once."""

from __future__ import annotations

from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.customers import Accounts, ApiKey, IssuedKey
from ratecard.storage.gateway_keys import GatewayKeys


class PublishedAccounts(AuditedAccounts):
    """Changes accounts, records each change, and makes the gateway follow.

    The gateway comes last. If the process is killed before, `GatewayKeys.sync` finishes it; only a secret that the
    gateway was not given is lost, and nobody has seen it: the key is rotated.

    Parameters
    ----------
    accounts : Accounts
        What is changed.
    trail : AuditTrail
        Where it is recorded.
    actor : str
        Who makes the changes.
    keys : GatewayKeys
        The gateway.
    """

    def __init__(self, accounts: Accounts, trail: AuditTrail, actor: str, *, keys: GatewayKeys) -> None:
        super().__init__(accounts, trail, actor)
        self._keys = keys

    def create_key(self, customer_id: str, plan: str, name: str, key_id: str | None = None) -> IssuedKey:
        """See `Accounts`."""
        issued = super().create_key(customer_id, plan, name, key_id)
        self._keys.publish(issued)
        return issued

    def rotate_key(self, key_id: str) -> IssuedKey:
        """See `Accounts`."""
        issued = super().rotate_key(key_id)
        self._keys.publish(issued)
        return issued

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """See `Accounts`."""
        key = super().set_key_enabled(key_id, enabled=enabled)
        self._keys.settle(key_id)
        return key

    def set_key_plan(self, key_id: str, plan: str, from_ms: int | None = None) -> ApiKey:
        """See `Accounts`; a plan that begins later is the gateway's when `GatewayKeys.sync` runs then."""
        key = super().set_key_plan(key_id, plan, from_ms)
        self._keys.settle(key_id)
        return key
