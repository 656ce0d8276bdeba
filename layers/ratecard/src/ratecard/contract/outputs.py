"""The kinds of output a model can give, for each row."""

from __future__ import annotations

from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import TypeAlias


class Probability(Value):
    """A fraction in [0, 1]."""

    name: str
    about: str


class Points(Value):
    """A whole number on a published scale.

    Attributes
    ----------
    minimum, maximum : int
        Ends of the scale, both inclusive; values beyond are clamped by the model.
    """

    name: str
    minimum: int
    maximum: int
    about: str


class Choice(Value):
    """One of a fixed list of words, best first where they are ordered."""

    name: str
    values: tuple[str, ...]
    about: str


class Quantity(Value):
    """A finite real number.

    Attributes
    ----------
    unit : str
        What one of it is, for example days or fraction.
    minimum, maximum : float
        Bounds, both inclusive, in `unit`; values beyond are clamped by the model.
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    about: str


class Amount(Value):
    """An amount of money, written as a decimal string so that no reader turns it into a binary fraction.

    Attributes
    ----------
    currency : str
        ISO 4217 code known to `ratecard.kernel.money`.
    """

    name: str
    currency: str
    about: str

    def write(self, amount: Decimal) -> str:
        """Return the text that stands for an amount, rounded half up to the currency's minor unit, for example 12.50.

        Parameters
        ----------
        amount : Decimal
            Finite.
        """
        from ratecard.kernel.money import Money

        rounded = Money(amount, self.currency).rounded().amount
        return str(rounded or abs(rounded))  # an amount that rounds to nothing has no sign


AMOUNT_PATTERN = r"^-?(0|[1-9][0-9]*)([.][0-9]+)?$"
"""What `Amount.write` gives."""

if TYPE_CHECKING:
    Output: TypeAlias = Probability | Points | Choice | Quantity | Amount
else:
    Output = (Probability, Points, Choice, Quantity, Amount)
