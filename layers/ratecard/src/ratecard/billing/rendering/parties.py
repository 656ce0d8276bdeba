"""Who sells and who buys, as an invoice names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """One side of an invoice.

    Attributes
    ----------
    name : str
        For people; "" if it is not known, and its id is shown alone.
    lines : tuple of str
        Address, tax number and the like, one line each.
    """

    name: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parties:
    """Both sides. They are not part of the document: a name that is written anew changes no hash."""

    seller: Party = Party()
    customer: Party = Party()


UNNAMED = Parties()
"""Nobody has a name: the seller is left out, the customer shown by id."""
