"""Documents in a row: numbered from 1 without a gap, each with the hash of the one before, none ever changed.

A number belongs to whoever first puts a document there; the place itself decides that (`link(2)`, S3's
`If-None-Match`), so any number of processes and machines may append without a lock and none can leave one behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, overload

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, RatecardError

NO_DOCUMENT = "0" * 64
"""What the first document names as the hash of the one before."""


class BrokenChainError(RatecardError):
    """Documents are missing or damaged; nothing is appended until a person has looked."""

    code = "broken_chain"
    kind = ErrorKind.CONFLICT


class DocumentPlaces(Protocol):
    """Numbered places that are written once."""

    def list_numbers(self, after: int) -> list[int]:
        """Return the numbers above `after` that are taken, ascending."""
        ...

    def get(self, number: int) -> bytes:
        """Return a document; raises NotFoundError."""
        ...

    def create(self, number: int, content: bytes) -> bool:
        """Put a document at a number, whole and for good; False if another one is there."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a chain.

    Attributes
    ----------
    number : int
        From 1.
    content : bytes
        A JSON object with `number` and `previous_sha256`.
    """

    number: int
    content: bytes

    @property
    def sha256(self) -> str:
        """What the next document names."""
        return sha256_hex(self.content)


Build = Callable[[int, str, Sequence[Document]], bytes]
"""Makes the document for a number, given the previous one's hash and all earlier ones; it may be called many times."""


class FaultKind(Enum):
    """What is wrong with a place of the chain."""

    GAP = "gap"
    TORN = "torn"
    MISNUMBERED = "misnumbered"
    TAMPERED = "tampered"
    WRONG_HEAD = "wrong_head"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, for a person to look at."""

    number: int
    kind: FaultKind
    detail: str


class Chain:
    """A chain of documents.

    Parameters
    ----------
    places : DocumentPlaces
        Where the documents are.

    Notes
    -----
    A document that has been seen is taken to stay: only numbers that came since are looked for again.
    """

    def __init__(self, places: DocumentPlaces) -> None:
        self._places = places
        self._length = 0

    def append(self, build: Build) -> Document:
        """Add a document at the end.

        Parameters
        ----------
        build : Build
            Called as `build(number, previous_sha256, earlier)`, and again after another process took the number.
            `earlier[n]` is read when it is asked for: remember how far you looked and take `earlier[seen:]`.
            Whatever it raises ends the attempt; nothing was written then.

        Returns
        -------
        Document
            What was written; it survives a loss of power.

        Raises
        ------
        BrokenChainError
            If a number below the last is missing, or the last document is damaged.
        ValueError
            If the document built does not carry the number and hash that it was given.
        """
        while True:
            earlier = self.read()
            number = len(earlier) + 1
            previous = _hash_of_last(earlier)
            content = build(number, previous, earlier)
            if _link(content) != (number, previous):
                raise ValueError("a document must carry its number and the hash of the one before")
            if self._places.create(number, content):
                self._length = number
                return Document(number, content)

    def read(self) -> Sequence[Document]:
        """Return the documents there are now, in order; each is read when it is asked for.

        Raises
        ------
        BrokenChainError
            If a number below the last is missing.
        """
        numbers = self._list_numbers(self._length)
        if numbers != list(range(self._length + 1, self._length + 1 + len(numbers))):
            raise BrokenChainError("numbers are missing in the chain; verify it")
        self._length += len(numbers)
        return _Documents(self._places, range(1, self._length + 1))

    def head(self) -> tuple[int, str]:
        """Return number and hash of the last document: what to note elsewhere, see `verify`.

        Raises
        ------
        BrokenChainError
            If nothing can be appended.
        """
        documents = self.read()
        return len(documents), _hash_of_last(documents)

    def verify(self, head_sha256: str | None = None) -> tuple[Fault, ...]:
        """Read everything and list what is wrong.

        Parameters
        ----------
        head_sha256 : str, optional
            Hash of the last document, from somewhere else: the only way to notice that the last document was altered
            or that the end of the chain was cut off, since no later document vouches for it.
        """
        return tuple(self._faults(head_sha256))

    def _list_numbers(self, after: int) -> list[int]:
        """List numbers; one that was passed over while others were being added is not taken for a gap."""
        found = self._places.list_numbers(after)
        if not found or found[-1] - after == len(found):
            return found
        # A folder is not listed at one instant. What is below the last number seen was there before it.
        return [number for number in self._places.list_numbers(after) if number <= found[-1]]

    def _faults(self, head_sha256: str | None) -> Iterator[Fault]:
        expected, previous, digest = 1, NO_DOCUMENT, NO_DOCUMENT
        for number in self._list_numbers(0):
            if number != expected:
                yield Fault(expected, FaultKind.GAP, f"nothing from {expected} to {number - 1}")
            content = self._places.get(number)
            digest = sha256_hex(content)
            link = _link(content)
            if link is None:
                yield Fault(number, FaultKind.TORN, "not a JSON object with number and previous_sha256")
            elif link[0] != number:
                yield Fault(number, FaultKind.MISNUMBERED, f"says that it is number {link[0]}")
            elif number == expected and link[1] != previous:
                yield Fault(number - 1, FaultKind.TAMPERED, f"is not what number {number} was written after")
            expected, previous = number + 1, digest
        if head_sha256 is not None and digest != head_sha256:
            yield Fault(expected - 1, FaultKind.WRONG_HEAD, "the last document is not the one you named")


class _Documents(Sequence[Document]):
    """Documents that are read when they are asked for."""

    def __init__(self, places: DocumentPlaces, numbers: range) -> None:
        self._places = places
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | Sequence[Document]:
        if isinstance(index, slice):
            return _Documents(self._places, self._numbers[index])
        number = self._numbers[index]
        return Document(number, self._places.get(number))


def _hash_of_last(documents: Sequence[Document]) -> str:
    """Return the last document's hash, unless it is plainly not what was written there."""
    if not documents:
        return NO_DOCUMENT
    last = documents[-1]
    link = _link(last.content)
    if link is None or link[0] != last.number:
        raise BrokenChainError(f"document {last.number} is damaged; verify the chain")
    return last.sha256


def _link(content: bytes) -> tuple[int, str] | None:
    """Read number and previous hash; None if they are not there."""
    try:
        members = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    number, previous = members.get("number"), members.get("previous_sha256")
    return (number, previous) if type(number) is int and isinstance(previous, str) else None
