"""A wish for a batch, from the request that brings it; asked again under the same key, it is the same batch."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from batches_service.places import Places
from ratecard.billing.retries import WINDOW_MS
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.jsontext import encode, parse_json
from ratecard.metering.usage import parse_idempotency_key
from ratecard.serving.batch.order import Order, load_order, order_key, parse_order
from ratecard.serving.request import parse_body, parse_headers, parse_query


class Wish:
    """What a request asks for.

    Parameters
    ----------
    event : mapping
        Of the REST proxy.
    customer : str
        Who asks.

    Raises
    ------
    InvalidRequestError, InvalidJsonError, PayloadTooLargeError, UnsupportedMediaTypeError
        If it is none.
    """

    def __init__(self, event: Mapping[str, Any], customer: str) -> None:
        request = dict(event)
        headers = parse_headers(request)
        parse_query(request, ())
        self._retry_key = parse_idempotency_key(headers.get("idempotency-key"))
        self._body = parse_body(request, headers)
        self._at_ms = int(event["requestContext"]["requestTimeEpoch"])
        self._customer = customer
        self.order = parse_order(
            parse_json(self._body),
            batch=secrets.token_hex(16),
            customer=customer,
            slug=event["resource"].split("/")[3],
            created_at=rfc3339_from_epoch_ms(self._at_ms),
        )

    def record(self, places: Places) -> Order:
        """Write the order down, before anything can be uploaded: the upload starts it.

        Parameters
        ----------
        places : Places
            Where to.

        Returns
        -------
        Order
            This one, or what the same key asked for with the same body less than 24 hours ago.

        Notes
        -----
        Who died between the two writes asks again, and finds the first: so it holds all that the second says.
        """
        order = self.order if self._retry_key is None else self._claimed(self._retry_key, places)
        key = order_key(self._customer, order.id)
        if order is self.order or places.find(key) is None:
            places.store(key, encode(order.document()).encode())
        return order

    def _claimed(self, retry_key: str, places: Places) -> Order:
        asked = "\n".join((self.order.slug, retry_key, self._body))
        key = f"batches/{self._customer}/asked/{sha256_hex(asked.encode('utf-8', 'surrogatepass'))}.json"
        claim = encode({"at_ms": self._at_ms, "order": self.order.document()}).encode()
        present = places.claim(key, claim, self._is_past)
        return self.order if present == claim else load_order(json.loads(present)["order"])

    def _is_past(self, claim: bytes) -> bool:
        return self._at_ms - int(json.loads(claim)["at_ms"]) >= WINDOW_MS
