"""Which keys of API Gateway stand, or stood, for a key of the accounts: usage lines name the gateway's ids, for ever.

A gateway's key has one value for life, so each rotation makes another one. Its id is noted in the accounts' table
before the key can be used, and the note stays when the key is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ratecard.billing.segments import Assignment
from ratecard.storage.accounts import now_ms
from ratecard.storage.dynamo_table import DynamoTable, Item

KIND = "gateway"


@dataclass(frozen=True, slots=True)
class GatewayId:
    """A note that a gateway's key is one of the accounts'.

    Attributes
    ----------
    gateway_id, key_id, customer_id : str
        The gateway's id, and what it stands for.
    created_ms : int
        When it was noted, milliseconds since 1970.
    retired_ms : int or None
        When another one took its place.
    deleted : bool
        Whether the gateway was told to delete it.
    """

    gateway_id: str
    key_id: str
    customer_id: str
    created_ms: int
    retired_ms: int | None = None
    deleted: bool = False


class GatewayIds:
    """The notes, in the table of the accounts: `pk` is ``key#<gateway's id>``, so that no key has the same id.

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

    def list_ids(self) -> tuple[GatewayId, ...]:
        """Return all notes, oldest first."""
        found = (parse_gateway_id(item) for item in self._items.scan(KIND))
        return tuple(sorted(found, key=lambda each: (each.created_ms, each.gateway_id)))

    def find(self, gateway_id: str) -> GatewayId | None:
        """Return the note of one id, or None."""
        item = self._items.find(f"key#{gateway_id}", "owner")
        return parse_gateway_id(item) if item is not None and item["kind"] == KIND else None

    def record(self, gateway_id: str, *, key_id: str, customer_id: str) -> None:
        """Note whose an id is; nothing if it is noted.

        Raises
        ------
        ValueError
            If it is noted as somebody else's, or is the id of a key of the accounts.
        """
        note = {"customer_id": customer_id, "key_id": key_id, "gateway_id": gateway_id, "created_ms": self._clock()}
        item = {"pk": f"key#{gateway_id}", "sk": "owner", "kind": KIND, "revision": 1} | note
        while not self._items.write(self._items.put(item)):
            found = self._items.find(f"key#{gateway_id}", "owner")
            if found is not None:
                if (found["kind"], found.get("key_id")) != (KIND, key_id):
                    raise ValueError(f"the gateway's key {gateway_id} is not one of key {key_id}")
                return

    def retire(self, gateway_id: str) -> None:
        """Note that another key took its place; the first instant stays."""
        self._change(gateway_id, lambda note: {} if note.retired_ms else {"retired_ms": self._clock()})

    def mark_deleted(self, gateway_id: str) -> None:
        """Note that the gateway need not have it any more."""
        self._change(gateway_id, lambda note: {} if note.deleted else {"deleted": True})

    def _change(self, gateway_id: str, decide: Callable[[GatewayId], Item]) -> None:
        while True:
            item = self._items.find(f"key#{gateway_id}", "owner")
            changed = {} if item is None else decide(parse_gateway_id(item))
            if item is None or not changed or self._items.write(self._items.update(item, changed)):
                return


def parse_gateway_id(item: Item) -> GatewayId:
    """Read an item of the table."""
    retired = item.get("retired_ms")
    return GatewayId(
        item["gateway_id"],
        item["key_id"],
        item["customer_id"],
        int(item["created_ms"]),
        None if retired is None else int(retired),
        bool(item.get("deleted", False)),
    )


def add_gateway_ids(assignments: Iterable[Assignment], ids: Iterable[GatewayId]) -> tuple[Assignment, ...]:
    """Give the usage under each gateway's id the customer and the plans of the key that it stands for."""
    own = tuple(assignments)
    by_subject: dict[str, list[Assignment]] = {}
    for assignment in own:
        by_subject.setdefault(assignment.subject, []).append(assignment)
    also = [
        replace(assignment, subject=each.gateway_id) for each in ids for assignment in by_subject.get(each.key_id, ())
    ]
    return (*own, *also)
