"""The kinds of input a model can take. Each parses one JSON value, and refuses rather than repairs."""

from __future__ import annotations

from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

NAN = float("nan")
LARGEST = 1.7976931348623157e308
"""Largest finite float64."""


class Refusal(Exception):  # noqa: N818 - it says what the contract does, and never leaves this package
    """One value breaks its feature's rules.

    Parameters
    ----------
    code : str
        wrong_type, not_finite, out_of_range, not_a_choice, too_long or bad_text.
    detail : str
        What is expected; never the value that was sent.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Number(Value):
    """A real number.

    Attributes
    ----------
    name : str
        snake_case name of the field and of the engine's column.
    unit : str
        What one of it is, for example TWD, years or fraction.
    minimum, maximum : float
        Bounds, both inclusive, in `unit`.
    about : str
        One sentence a client understands.
    sample : float
        A typical value, for examples.
    missing : bool
        Whether null or an absent field is allowed; the engine then sees NaN.
    scored : bool
        Whether it is a column of the engine; otherwise only `decide` sees it.
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    about: str
    sample: float
    missing: bool = False
    scored: bool = True

    def parse(self, value: object) -> float | None:
        """Return the value as float64.

        Raises
        ------
        Refusal
            wrong_type, not_finite or out_of_range.
        """
        if type(value) is float or type(value) is int:
            if self.minimum <= value <= self.maximum:
                return float(value)
            raise refused_number(value, self.minimum, self.maximum)
        if value is None and self.missing:
            return None
        raise Refusal("wrong_type", "must be a number")

    def encode(self, value: float | None) -> float:
        """Return the engine's column value."""
        return NAN if value is None else value


class Integer(Value):
    """A whole number; JSON makes no difference between 3 and 3.0, so both are taken. Fields as in `Number`."""

    name: str
    unit: str
    minimum: int
    maximum: int
    about: str
    sample: int
    missing: bool = False
    scored: bool = True

    def parse(self, value: object) -> int | None:
        """Return the value as int.

        Raises
        ------
        Refusal
            wrong_type, not_finite or out_of_range.
        """
        if type(value) is int or type(value) is float:
            if self.minimum <= value <= self.maximum:
                if type(value) is int or value == int(value):
                    return int(value)
                raise Refusal("wrong_type", "must be a whole number")
            raise refused_number(value, self.minimum, self.maximum)
        if value is None and self.missing:
            return None
        raise Refusal("wrong_type", "must be a whole number")

    def encode(self, value: int | None) -> float:
        """Return the engine's column value."""
        return NAN if value is None else float(value)


class Category(Value):
    """One of a fixed list of words.

    Attributes
    ----------
    values : tuple of str
        The words, in the order of the engine's codes 0, 1, 2, ...
    name, about, sample, missing, scored
        As in `Number`.
    """

    name: str
    values: tuple[str, ...]
    about: str
    sample: str
    missing: bool = False
    scored: bool = True

    def parse(self, value: object) -> str | None:
        """Return the word.

        Raises
        ------
        Refusal
            wrong_type or not_a_choice.
        """
        if type(value) is str:
            if value in self.values:
                return value
            raise Refusal("not_a_choice", f"must be one of: {', '.join(self.values)}")
        if value is None and self.missing:
            return None
        raise Refusal("wrong_type", "must be a string")

    def encode(self, value: str | None) -> float:
        """Return the word's code, its place in `values`."""
        return NAN if value is None else float(self.values.index(value))


class Boolean(Value):
    """True or false. Fields as in `Number`."""

    name: str
    about: str
    sample: bool
    missing: bool = False
    scored: bool = True

    def parse(self, value: object) -> bool | None:
        """Return the truth value.

        Raises
        ------
        Refusal
            wrong_type.
        """
        if type(value) is bool:
            return value
        if value is None and self.missing:
            return None
        raise Refusal("wrong_type", "must be true or false")

    def encode(self, value: bool | None) -> float:
        """Return 1 for true and 0 for false."""
        return NAN if value is None else float(value)


class Text(Value):
    """Free text.

    Attributes
    ----------
    maximum_length : int
        Largest number of Unicode code points.
    name, about, sample, missing, scored
        As in `Number`.
    """

    name: str
    maximum_length: int
    about: str
    sample: str
    missing: bool = False
    scored: bool = True

    def parse(self, value: object) -> str | None:
        """Return the text.

        Raises
        ------
        Refusal
            wrong_type, too_long, or bad_text for NUL and unpaired surrogates, which no engine can read.
        """
        if type(value) is str:
            if len(value) > self.maximum_length:
                raise Refusal("too_long", f"must have at most {self.maximum_length} characters")
            if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise Refusal("bad_text", "must be valid Unicode without NUL")
            return value
        if value is None and self.missing:
            return None
        raise Refusal("wrong_type", "must be a string")

    def encode(self, value: str | None) -> str:
        """Return the text; a missing one is empty."""
        return "" if value is None else value


if TYPE_CHECKING:
    Feature: TypeAlias = Number | Integer | Category | Boolean | Text
else:
    Feature = (Number, Integer, Category, Boolean, Text)


def refused_number(value: float, minimum: float, maximum: float) -> Refusal:
    """Say why a number is not between its bounds."""
    if not -LARGEST <= value <= LARGEST:  # false for NaN too
        return Refusal("not_finite", "must be a finite number")
    return Refusal("out_of_range", f"must be between {minimum:.15g} and {maximum:.15g}")
