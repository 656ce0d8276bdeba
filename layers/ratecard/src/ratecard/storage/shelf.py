"""The shelf: what customers may read about themselves, laid out by a job, so that nobody waits for a count.

An object for each customer's period, one with the list of their invoices, and one instant for all of it: when the lake
was last read. Everything here can be made again from lake, accounts and chain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratecard.kernel.digest import sha256_hex
from ratecard.storage.objects import ObjectStore

Described = dict[str, object]
_PERIOD = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What one customer may read.

    Attributes
    ----------
    usage : mapping of str to Described
        By name of the period, what was used in it.
    documents : list of Described
        Main facts of the invoices and credit notes, oldest first.
    """

    usage: Mapping[str, Described]
    documents: list[Described]


class Shelf:
    """Documents for customers.

    Parameters
    ----------
    objects : ObjectStore
        Where they are.
    bucket : str
        Which bucket of it; "" on one machine.
    prefix : str
        Begins every key.
    """

    def __init__(self, objects: ObjectStore, bucket: str = "", prefix: str = "shelf/") -> None:
        self._objects = objects
        self._bucket = bucket
        self._prefix = prefix

    def find_usage(self, customer: str, period: str | None) -> dict[str, Any] | None:
        """Return what a customer used in a period (`YYYY-MM`), or in the latest that was counted, if any."""
        if period is None:
            listed = self._find(f"customers/{customer}/periods.json")
            period = None if listed is None else max(listed["periods"], default=None)
        if period is None or not _PERIOD.fullmatch(period):
            return None
        return self._find(f"customers/{customer}/usage-{period}.json")

    def find_documents(self, customer: str) -> list[dict[str, Any]]:
        """Return the main facts of a customer's invoices and credit notes, oldest first."""
        found = self._find(f"customers/{customer}/documents.json")
        return [] if found is None else list(found["documents"])

    def find_as_of(self) -> str | None:
        """Return when the lake was last read, RFC 3339; None if it never was."""
        found = self._find("as-of.json")
        return None if found is None else str(found["as_of"])

    def lay_out(self, customers: Mapping[str, LaidOut], as_of: str) -> list[str]:
        """Store what has changed, and the instant.

        Parameters
        ----------
        customers : mapping of str to LaidOut
            By customer.
        as_of : str
            When the lake was read, RFC 3339.

        Returns
        -------
        list of str
            Names of the objects that were stored, besides the instant.
        """
        digests: dict[str, str] = self._find("digests.json") or {}
        stored: list[str] = []
        for customer, found in customers.items():
            folder = f"customers/{customer}/"
            wanted: dict[str, object] = {f"{folder}usage-{name}.json": said for name, said in found.usage.items()}
            listed = {name for name in {*digests, *wanted} if name.startswith(f"{folder}usage-")}
            periods = sorted(name.removeprefix(f"{folder}usage-").removesuffix(".json") for name in listed)
            wanted[f"{folder}periods.json"] = {"periods": periods}
            wanted[f"{folder}documents.json"] = {"documents": found.documents}
            for name, said in wanted.items():
                digest = sha256_hex(_text(said))
                if digests.get(name) != digest:
                    self._store(name, said)
                    digests[name] = digest
                    stored.append(name)
        if stored:
            self._store("digests.json", digests)
        self._store("as-of.json", {"as_of": as_of})
        return stored

    def _find(self, name: str) -> dict[str, Any] | None:
        content = self._objects.find_bytes(self._bucket, self._prefix + name)
        if content is None:
            return None
        found: dict[str, Any] = json.loads(content)
        return found

    def _store(self, name: str, said: object) -> None:
        self._objects.store_bytes(self._bucket, self._prefix + name, _text(said))


def _text(said: object) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
