"""Tables of a TOML file, read strictly: every entry is taken once, by its type, and nothing may be left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from ratecard.kernel.errors import ErrorKind, RatecardError

MAXIMUM_DECIMALS = 12
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,12})?")

_Choice = TypeVar("_Choice", bound=Enum)
_Value = TypeVar("_Value")


class PriceBookError(RatecardError):
    """The file of plans and prices is missing or says something that cannot be meant."""

    code = "invalid_price_book"
    kind = ErrorKind.INVALID


class Table:
    """A TOML table whose every entry must be taken once, by its type."""

    def __init__(self, name: str, entries: Mapping[str, object]) -> None:
        self.name = name
        self._left = dict(entries)

    def take(self, key: str, kind: type[_Value]) -> _Value:
        """Take an entry of exactly this type."""
        if key not in self._left:
            raise PriceBookError(f"{self.name}: {key} is missing")
        value = self._left.pop(key)
        if type(value) is not kind:
            raise PriceBookError(f"{self.name}: {key} must be of type {kind.__name__}")
        return value

    def take_number(self, key: str, maximum: float) -> float:
        """Take a number above 0 and at most `maximum`."""
        value = self.take(key, float) if isinstance(self._left.get(key), float) else self.take(key, int)
        if not 0 < value <= maximum:
            raise PriceBookError(f"{self.name}: {key} must be above 0 and at most {maximum:g}")
        return value

    def take_count(self, key: str, maximum: int) -> int:
        """Take a whole number from 1 to `maximum`."""
        value = self.take(key, int)
        if not 0 < value <= maximum:
            raise PriceBookError(f"{self.name}: {key} must be above 0 and at most {maximum}")
        return value

    def take_slug(self, key: str) -> str:
        """Take lower-case words joined by hyphens."""
        value = self.take(key, str)
        if not _SLUG.fullmatch(value):
            raise PriceBookError(f"{self.name}: {key} must be lower-case words joined by hyphens")
        return value

    def take_choice(self, key: str, kind: type[_Choice]) -> _Choice:
        """Take the name of a member of an enumeration."""
        try:
            return kind(self.take(key, str))
        except ValueError:
            choices = ", ".join(str(member.value) for member in kind)
            raise PriceBookError(f"{self.name}: {key} must be one of {choices}") from None

    def take_decimal(self, key: str) -> Decimal:
        """Take a decimal string."""
        text = self.take(key, type(self._left.get(key)))
        if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
            wanted = f'a decimal string, such as "0.002", with at most {MAXIMUM_DECIMALS} decimals'
            raise PriceBookError(f"{self.name}: {key} must be {wanted}")
        return Decimal(text)

    def take_flag(self, key: str) -> bool:
        """Take true or false; false if it is not there."""
        return key in self and self.take(key, bool)

    @property
    def names(self) -> tuple[str, ...]:
        """What has not been taken yet, in the file's order."""
        return tuple(self._left)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take_table(self, key: str) -> Table | None:
        """Take a table, or None if it is not there."""
        value = self._left.pop(key, None)
        if value is not None and not isinstance(value, dict):
            raise PriceBookError(f"{self.name}: {key} must be a table")
        return None if value is None else Table(f"{self.name}: {key}", value)

    def take_tables(self, key: str) -> list[Table]:
        """Take a list of tables that is not empty."""
        value = self.take(key, list)
        if not value or not all(isinstance(entry, dict) for entry in value):
            raise PriceBookError(f"{self.name}: {key} must be a list of tables and not empty")
        return [Table(f"{key}[{number}]", entry) for number, entry in enumerate(value)]

    def finish(self) -> None:
        """Refuse what was not taken."""
        if self._left:
            raise PriceBookError(f"{self.name}: {min(self._left)} is not a known field")
