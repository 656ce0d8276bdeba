"""Who changed what and when: records on a chain, each with the hash of what was there before and after."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ratecard.billing.canonical import canonical
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.accounts import now_ms
from ratecard.storage.chain import Chain, Document

FORMAT = 1
ADOPTED = "adopted"
"""The action of a record that somebody makes of changes that have none."""
UNRECORDED = "unrecorded"

State = Mapping[str, object]
"""What is recorded of a thing: JSON values by name. Never a key's secret; its hash and last four characters at most."""


class InvalidActorError(RatecardError):
    """A record must say who acted."""

    code = "invalid_actor"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change.

    Attributes
    ----------
    number : int
        Place in the chain, from 1.
    at : str
        When it was recorded, RFC 3339, UTC.
    actor, action, subject : str
        Who did what to what, for example ``ann``, ``key.rotated``, ``key/a1b2c3d4e5``.
    before_sha256, after_sha256 : str or None
        SHA-256 of the canonical JSON of its state; None if it was not there.
    changes : dict
        Members that differ: from what to what.
    """

    number: int
    at: str
    actor: str
    action: str
    subject: str
    before_sha256: str | None
    after_sha256: str | None
    changes: dict[str, list[object]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the records that a person must look at.

    Attributes
    ----------
    number : int
        The record; 0 if it is missing.
    kind : str
        A kind of fault of the chain, or `unrecorded`.
    detail : str
        One sentence.
    """

    number: int
    kind: str
    detail: str


class AuditTrail:
    """Records of changes, in order, that nobody edits.

    Parameters
    ----------
    chain : Chain
        Where they are.
    clock : callable, optional
        Gives the present in milliseconds since 1970.
    """

    def __init__(self, chain: Chain, clock: Callable[[], int] = now_ms) -> None:
        self._chain = chain
        self._clock = clock

    def head(self) -> tuple[int, str]:
        """Return number and hash of the last record; raises BrokenChainError if none can be added."""
        return self._chain.head()

    def require(self, actor: str) -> None:
        """Make sure, before a change, that it can be recorded; raises InvalidActorError and BrokenChainError."""
        if not actor.strip():
            raise InvalidActorError("a change needs the name of who makes it")
        self.head()

    def record(
        self, actor: str, action: str, subject: str, *, before: State | None, after: State | None
    ) -> AuditRecord:
        """Add a record.

        Parameters
        ----------
        actor, action, subject : str
            Who did what to what.
        before, after : State or None
            What was and what is there now; None if nothing.

        Raises
        ------
        InvalidActorError
            If the actor has no name.
        BrokenChainError
            If records are missing or damaged.
        """
        self.require(actor)
        members = {
            "format": FORMAT,
            "at": rfc3339_from_epoch_ms(self._clock()),
            "actor": actor,
            "action": action,
            "subject": subject,
            "before_sha256": hash_state(before),
            "after_sha256": hash_state(after),
            "changes": _changes(before or {}, after or {}),
        }
        document = self._chain.append(
            lambda number, previous, _: canonical(members | {"number": number, "previous_sha256": previous})
        )
        return _parse_record(document)

    def list_records(self) -> tuple[AuditRecord, ...]:
        """Return all records, oldest first; raises BrokenChainError if one cannot be read."""
        return tuple(_parse_record(document) for document in self._chain.read())

    def verify(self, present: Mapping[str, State], head_sha256: str | None = None) -> tuple[Finding, ...]:
        """List what is wrong with the records, and every change that has none.

        Parameters
        ----------
        present : Mapping of str to State
            What is there now, by subject.
        head_sha256 : str, optional
            Hash of the last record, noted elsewhere; see `Chain.verify`.
        """
        faults = self._chain.verify(head_sha256)
        if faults:
            return tuple(Finding(fault.number, fault.kind.value, fault.detail) for fault in faults)
        recorded = self._read()
        skipped = [
            Finding(number, UNRECORDED, f"{subject} had changed without a record before this one")
            for subject, numbers in sorted(recorded.skipped.items())
            for number in numbers
        ]
        changed = [
            Finding(0, UNRECORDED, f"{subject} has changed without a record") for subject in recorded.unlike(present)
        ]
        return (*skipped, *changed)

    def adopt(self, actor: str, present: Mapping[str, State]) -> list[str]:
        """Record, under a name, everything that has changed without a record; returns the subjects."""
        recorded = self._read()
        subjects = sorted({*recorded.unlike(present), *recorded.skipped})
        for subject in subjects:
            self.record(actor, ADOPTED, subject, before=None, after=present.get(subject))
        return subjects

    def _read(self) -> _Recorded:
        recorded = _Recorded({}, {})
        for record in self.list_records():
            subject = record.subject
            if record.action == ADOPTED:
                recorded.skipped.pop(subject, None)
            elif record.before_sha256 != recorded.last.get(subject):
                recorded.skipped.setdefault(subject, []).append(record.number)
            recorded.last[subject] = record.after_sha256
        return recorded


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the records say: each subject's last hash, and records that begin elsewhere than the one before ended."""

    last: dict[str, str | None]
    skipped: dict[str, list[int]]

    def unlike(self, present: Mapping[str, State]) -> list[str]:
        """Return the subjects that are not as their last record says; accounts never vanish, so they count as well."""
        accounts = {subject for subject in self.last if subject.startswith(("customer/", "key/"))}
        subjects = sorted(accounts | present.keys())
        return [subject for subject in subjects if hash_state(present.get(subject)) != self.last.get(subject)]


def hash_state(state: State | None) -> str | None:
    """Return the SHA-256 of a state's canonical JSON."""
    return None if state is None else sha256_hex(canonical(state))


def _changes(before: State, after: State) -> dict[str, list[object]]:
    names = sorted(before.keys() | after.keys())
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}


def _parse_record(document: Document) -> AuditRecord:
    members = json.loads(document.content)
    names = ("at", "actor", "action", "subject", "before_sha256", "after_sha256", "changes")
    return AuditRecord(document.number, *(members[name] for name in names))
