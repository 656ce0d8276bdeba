"""Documents for chains."""

import json

from ratecard.storage.chain import Build


class AlreadyIssuedError(Exception):
    """The test's issuer found the invoice that it was about to issue."""


def encode(number: int, previous: str, **members: object) -> bytes:
    """Write a document as the chain asks for it."""
    return json.dumps({"number": number, "previous_sha256": previous} | members, sort_keys=True).encode()


def note(text: str) -> Build:
    """Build a document that says something."""
    return lambda number, previous, _earlier: encode(number, previous, text=text)


def invoice(customer: str, period: str) -> Build:
    """Build an invoice, unless the customer has one for the period; looks at each earlier document once."""
    seen = 0

    def build(number, previous, earlier):
        nonlocal seen
        for document in earlier[seen:]:
            issued = json.loads(document.content)
            if (issued["customer"], issued["period"]) == (customer, period):
                raise AlreadyIssuedError
        seen = len(earlier)
        return encode(number, previous, customer=customer, period=period, lines="x" * 3000)

    return build
