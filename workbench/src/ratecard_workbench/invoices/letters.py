"""Which texts a font can show: a name that would come out wrong is not written at all."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from ratecard.billing.rendering.page import Fact, Page
from ratecard.billing.rendering.parties import Party
from ratecard.kernel.errors import ErrorKind, RatecardError

ELSEWHERE = "(written in letters that this PDF's font lacks: see the HTML page)"
UNNAMED_SUM = "of it from a grant"
REMARK = "Some text of this document needs letters that this PDF's font lacks; the HTML page shows it."
# Right-to-left scripts and combining marks need a layout engine, whatever letters the font has.
_NEEDS_LAYOUT = frozenset({"R", "AL", "AN"})


class MissingLettersError(RatecardError):
    """The seller's own name or address cannot be written with this font."""

    code = "missing_letters"
    kind = ErrorKind.INVALID


def can_show(text: str, letters: frozenset[int]) -> bool:
    """Tell whether a text comes out right with a font that has these code points, one glyph after the other."""
    return all(
        ord(letter) in letters
        and unicodedata.bidirectional(letter) not in _NEEDS_LAYOUT
        and not unicodedata.category(letter).startswith("M")
        for letter in text
    )


def limit_to(page: Page, letters: frozenset[int]) -> Page:
    """Return a page whose every free text a font can show; what it cannot is replaced by where to read it.

    Raises
    ------
    MissingLettersError
        If the seller's name or address is among it: an invoice without its seller is none.
    """
    if not all(can_show(text, letters) for text in (page.seller.name, *page.seller.lines)):
        raise MissingLettersError("the seller's name or address needs a font with its letters; name one with --font")
    shown = replace(
        page,
        customer=_customer(page, letters),
        facts=tuple(_fact(fact, letters) for fact in page.facts),
        sums=tuple(each if can_show(each.label, letters) else replace(each, label=UNNAMED_SUM) for each in page.sums),
    )
    return page if shown == page else replace(shown, remarks=(*page.remarks, REMARK))


def _customer(page: Page, letters: frozenset[int]) -> Party:
    name = page.customer.name
    lines = tuple(line for line in page.customer.lines if can_show(line, letters))
    if can_show(name, letters) and lines == page.customer.lines:
        return page.customer
    # The id is in ASCII and names nobody else.
    identity = next(fact.value for fact in page.facts if fact.label == "Customer")
    return Party(name if can_show(name, letters) else identity, (*lines, ELSEWHERE))


def _fact(fact: Fact, letters: frozenset[int]) -> Fact:
    return fact if can_show(fact.value, letters) else replace(fact, value=ELSEWHERE)
