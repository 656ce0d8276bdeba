"""Customers and their API keys in one DynamoDB table.

The table's keys are `pk` (partition) and `sk` (sort), both strings. All of a customer lies in one partition, so that
one query reads it: the customer, each key, each key's events, and each change of a plan. A second partition for each
key says whose it is, and so does one for each id that the key has, or had, at the gateway (`gateway_ids`). Reads are
consistent; every change is one transaction that fails if what it is based on has changed meanwhile, and is then tried
again on what is there now.

| pk | sk |
|---|---|
| `customer#<id>` | `customer`; `key#<key>`; `event#<key>#<n>`; `plan#<subject>#<n>` |
| `key#<id>`, `key#<gateway's id>` | `owner` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ratecard.billing.periods import BillingCalendar
from ratecard.billing.segments import Assignment
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.storage.accounts import now_ms
from ratecard.storage.assignments import (
    PlanChange,
    check_start,
    files_subject,
    make_assignments,
    plan_at,
)
from ratecard.storage.customers import (
    DEFAULT_FILES_PLAN,
    DEFAULT_TERMS,
    ApiKey,
    Customer,
    IssuedKey,
    TakenIdError,
    Terms,
    UnknownCustomerError,
    UnknownKeyError,
    check_customer_id,
    instant_of,
    new_key_id,
    new_secret,
)
from ratecard.storage.dynamo_table import Change, DynamoTable, Item
from ratecard.storage.gateway_ids import KIND as GATEWAY
from ratecard.storage.gateway_ids import add_gateway_ids, parse_gateway_id


class DynamoAccounts:
    """Accounts in a DynamoDB table; see `Accounts`.

    Parameters
    ----------
    table : object
        A boto3 `Table` with the keys `pk` and `sk`.
    clock : callable, optional
        Gives the present in milliseconds since 1970.
    """

    def __init__(self, table: Any, clock: Callable[[], int] = now_ms) -> None:
        self._items = DynamoTable(table)
        self._clock = clock

    def create_customer(self, customer_id: str, name: str, terms: Terms, files_plan: str) -> Customer:
        """See `Accounts`."""
        if not self._add_customer(customer_id, name, terms, files_plan):
            raise TakenIdError(f"there is a customer {customer_id} already")
        return self.get_customer(customer_id)

    def ensure_customer(self, customer_id: str, name: str) -> Customer:
        """See `Accounts`."""
        check_customer_id(customer_id)
        if not self.has_customer(customer_id):
            self._add_customer(customer_id, name, DEFAULT_TERMS, DEFAULT_FILES_PLAN)
        return self.get_customer(customer_id)

    def change_customer(self, customer_id: str, *, name: str | None = None, terms: Terms | None = None) -> Customer:
        """See `Accounts`."""
        while True:
            item = self._get_customer_item(customer_id)
            changed = {"name": name or item["name"]} | _terms_item(terms or _terms(item))
            if self._items.write(self._items.update(item, changed)):
                return self.get_customer(customer_id)

    def get_customer(self, customer_id: str) -> Customer:
        """See `Accounts`."""
        return self._customer(self._get_customer_item(customer_id), self._changes(customer_id))

    def has_customer(self, customer_id: str) -> bool:
        """See `Accounts`."""
        return self._items.find(_partition(customer_id), "customer") is not None

    def list_customers(self) -> tuple[Customer, ...]:
        """See `Accounts`."""
        items = list(self._items.scan("customer", "plan"))
        changes = _by_subject(items)
        found = [
            self._customer(item, changes[files_subject(item["id"])]) for item in items if item["kind"] == "customer"
        ]
        return tuple(sorted(found, key=lambda customer: customer.id))

    def set_files_plan(self, customer_id: str, plan: str, from_ms: int | None = None) -> Customer:
        """See `Accounts`."""
        while True:
            item = self._get_customer_item(customer_id)
            start = check_start(from_ms, self._clock())
            change = PlanChange(files_subject(customer_id), customer_id, plan, start, int(item["revision"]) + 1)
            if self._items.write(self._items.update(item, {}), self._put_plan(change)):
                return self.get_customer(customer_id)

    def create_key(self, customer_id: str, plan: str, name: str, key_id: str | None = None) -> IssuedKey:
        """See `Accounts`."""
        secret, key_id, now = new_secret(), key_id or new_key_id(), self._clock()
        key = {
            "pk": _partition(customer_id),
            "sk": f"key#{key_id}",
            "kind": "key",
            "id": key_id,
            "customer_id": customer_id,
            "name": name,
            "secret_sha256": sha256_hex(secret.encode()),
            "last4": secret[-4:],
            "enabled": True,
            "created_ms": now,
            "revision": 1,
        }
        owner = {"pk": f"key#{key_id}", "sk": "owner", "kind": "owner", "customer_id": customer_id}
        while not self._items.write(
            self._items.require(_partition(customer_id), "customer"),
            self._items.put(owner),
            self._items.put(key),
            self._put_plan(PlanChange(key_id, customer_id, plan, now, 1)),
            self._put_event(key, "created", plan),
        ):
            self._get_customer_item(customer_id)
            if self._items.find(f"key#{key_id}", "owner"):
                raise TakenIdError(f"there is a key {key_id} already")
        return IssuedKey(self.get_key(key_id), secret)

    def rotate_key(self, key_id: str) -> IssuedKey:
        """See `Accounts`."""
        secret = new_secret()
        self._change_key(key_id, "rotated", {"secret_sha256": sha256_hex(secret.encode()), "last4": secret[-4:]})
        return IssuedKey(self.get_key(key_id), secret)

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """See `Accounts`."""
        self._change_key(key_id, "enabled" if enabled else "disabled", {"enabled": enabled})
        return self.get_key(key_id)

    def set_key_plan(self, key_id: str, plan: str, from_ms: int | None = None) -> ApiKey:
        """See `Accounts`."""
        while True:
            item = self._get_key_item(key_id)
            start = check_start(from_ms, self._clock())
            change = PlanChange(item["id"], item["customer_id"], plan, start, int(item["revision"]) + 1)
            if self._items.write(
                self._items.update(item, {}), self._put_plan(change), self._put_event(_next(item, {}), "plan set", plan)
            ):
                return self.get_key(key_id)

    def get_key(self, key_id: str) -> ApiKey:
        """See `Accounts`; an id that it has, or had, at the gateway finds it too."""
        item = self._get_key_item(key_id)
        return self._key(item, self._changes(item["customer_id"], item["id"]))

    def list_keys(self, customer_id: str | None = None) -> tuple[ApiKey, ...]:
        """See `Accounts`."""
        items = list(
            self._items.scan("key", "plan") if customer_id is None else self._items.query(_partition(customer_id), "")
        )
        changes = _by_subject(items)
        found = [self._key(item, changes[item["id"]]) for item in items if item["kind"] == "key"]
        return tuple(sorted(found, key=lambda key: (key.created_at, key.id)))

    def list_events(self, key_id: str) -> tuple[tuple[str, str, str], ...]:
        """See `Accounts`."""
        owner = self._items.find(f"key#{key_id}", "owner")
        prefix = f"event#{owner.get('key_id', key_id)}#" if owner else ""
        items = self._items.query(_partition(owner["customer_id"]), prefix) if owner else ()
        return tuple((item["action"], item["plan"], rfc3339_from_epoch_ms(int(item["at_ms"]))) for item in items)

    def assignments(self) -> tuple[Assignment, ...]:
        """See `Accounts`; what a key has the gateway's ids of it have too."""
        items = list(self._items.scan("plan", GATEWAY))
        own = make_assignments(_change(item) for item in items if item["kind"] == "plan")
        return add_gateway_ids(own, (parse_gateway_id(item) for item in items if item["kind"] == GATEWAY))

    def _add_customer(self, customer_id: str, name: str, terms: Terms, files_plan: str) -> bool:
        check_customer_id(customer_id)
        now = self._clock()
        item: dict[str, object] = {
            "pk": _partition(customer_id),
            "sk": "customer",
            "kind": "customer",
            "id": customer_id,
            "revision": 1,
        }
        item |= {"name": name, "created_ms": now} | _terms_item(terms)
        files = PlanChange(files_subject(customer_id), customer_id, files_plan, now, 1)
        # A transaction can also fail because of another one that fails too: only a customer who is there was first.
        while not self._items.write(self._items.put(item), self._put_plan(files)):
            if self.has_customer(customer_id):
                return False
        return True

    def _change_key(self, key_id: str, action: str, changed: Item) -> None:
        """Change members of a key, with an event; nothing if they are so already."""
        while True:
            item = self._get_key_item(key_id)
            plan = self._key(item, self._changes(item["customer_id"], item["id"])).plan
            event = self._put_event(_next(item, changed), action, plan)
            if all(item[name] == value for name, value in changed.items()) or self._items.write(
                self._items.update(item, changed), event
            ):
                return

    def _get_customer_item(self, customer_id: str) -> Item:
        item = self._items.find(_partition(customer_id), "customer")
        if item is None:
            raise UnknownCustomerError(f"there is no customer {customer_id}")
        return item

    def _get_key_item(self, key_id: str) -> Item:
        owner = self._items.find(f"key#{key_id}", "owner")
        item = owner and self._items.find(_partition(owner["customer_id"]), f"key#{owner.get('key_id', key_id)}")
        if item is None:
            raise UnknownKeyError(f"there is no key {key_id}")
        return item

    def _changes(self, customer_id: str, subject: str | None = None) -> list[PlanChange]:
        """Return the history of a key's plans, or of the plans of a customer's files."""
        subject = subject or files_subject(customer_id)
        return [_change(item) for item in self._items.query(_partition(customer_id), f"plan#{subject}#")]

    def _customer(self, item: Item, changes: list[PlanChange]) -> Customer:
        created_at = instant_of(int(item["created_ms"]))
        return Customer(item["id"], item["name"], created_at, _terms(item), plan_at(changes, self._clock()))

    def _key(self, item: Item, changes: list[PlanChange]) -> ApiKey:
        return ApiKey(
            id=item["id"],
            customer_id=item["customer_id"],
            name=item["name"],
            plan=plan_at(changes, self._clock()),
            secret_sha256=item["secret_sha256"],
            last4=item["last4"],
            enabled=item["enabled"],
            created_at=instant_of(int(item["created_ms"])),
        )

    def _put_plan(self, change: PlanChange) -> Change:
        members = {name: getattr(change, name) for name in ("subject", "customer_id", "plan", "from_ms", "number")}
        sort = f"plan#{change.subject}#{change.number:06}"
        return self._items.put({"pk": _partition(change.customer_id), "sk": sort, "kind": "plan"} | members)

    def _put_event(self, key: Item, action: str, plan: str) -> Change:
        """Note what a key has become; its revision numbers the event."""
        event = {"kind": "event", "action": action, "plan": plan, "at_ms": self._clock()}
        known = {name: key[name] for name in ("customer_id", "secret_sha256", "last4")}
        place = {"pk": key["pk"], "sk": f"event#{key['id']}#{int(key['revision']):06}"}
        return self._items.put(place | event | known | {"key_id": key["id"]})


def _partition(customer_id: str) -> str:
    return f"customer#{customer_id}"


def _next(item: Item, changed: Item) -> Item:
    return {**item, **changed, "revision": int(item["revision"]) + 1}


def _terms(item: Item) -> Terms:
    return Terms(BillingCalendar(item["zone"], int(item["anchor_day"])), item["currency"])


def _terms_item(terms: Terms) -> dict[str, object]:
    return {"zone": terms.calendar.zone, "anchor_day": terms.calendar.anchor_day, "currency": terms.currency}


def _change(item: Item) -> PlanChange:
    return PlanChange(item["subject"], item["customer_id"], item["plan"], int(item["from_ms"]), int(item["number"]))


def _by_subject(items: Iterable[Item]) -> dict[str, list[PlanChange]]:
    found: dict[str, list[PlanChange]] = {}
    for item in items:
        if item["kind"] == "plan":
            found.setdefault(item["subject"], []).append(_change(item))
    return found
