"""Money: an exact amount in one currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

from ratecard.kernel.value import Value

MINOR_UNIT_DIGITS = {"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "TWD": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "DEM": 2}
"""By ISO 4217 code. DEM, the mark until 2002, stands in its list of historic codes: amounts of old data are in it."""

# A price has 12 digits before and 12 behind the point, a quantity fewer than 20: nothing is ever lost at 60. If it
# were, Inexact says so instead of rounding in silence, as the default context (28 digits) would.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])


class Money(Value):
    """An exact amount of one currency.

    Attributes
    ----------
    amount : Decimal
        Any number of decimals until it is rounded.
    currency : str
        ISO 4217 code known to `MINOR_UNIT_DIGITS`.
    """

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(EXACT.add(self.amount, other.amount), self.currency)

    def times(self, quantity: int) -> Money:
        """Multiply by a whole quantity, exactly."""
        return Money(EXACT.multiply(self.amount, Decimal(quantity)), self.currency)

    def rounded(self) -> Money:
        """Round to the currency's minor unit, half up: the one place where money is rounded.

        Notes
        -----
        Source: ISO 4217 minor units; reference rule "round once per line, ROUND_HALF_UP".
        """
        unit = Decimal(1).scaleb(-MINOR_UNIT_DIGITS[self.currency])
        return Money(self.amount.quantize(unit, rounding=ROUND_HALF_UP, context=_ROUNDING), self.currency)


def parse_money(text: str) -> Money:
    """Read money written as an amount and a currency, for example ``0.000500 USD``.

    Raises
    ------
    ValueError
        If it is not a finite decimal number followed by a known currency.
    """
    amount_text, _, currency = text.strip().partition(" ")
    try:
        amount = Decimal(amount_text)
    except ArithmeticError:
        raise ValueError("money is an amount and a currency, for example 0.000500 USD") from None
    if not amount.is_finite() or currency not in MINOR_UNIT_DIGITS:
        raise ValueError("money is a finite amount and an ISO 4217 currency, for example 0.000500 USD")
    return Money(amount, currency)
