"""Stripe's meter events, one request each, a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation

from ratecard.billing.exports.deliveries import Delivery, Outcome, Receipt
from ratecard.billing.exports.payloads import stripe_form
from ratecard.billing.settlement import Counterparts
from ratecard.kernel.errors import RatecardError
from ratecard.storage.exports.http import Answer, HttpClient, code_of
from ratecard.storage.exports.target import Sent

URL = "https://api.stripe.com"
AT_ONCE = 8
MINUTE_SECONDS = 60
# Identifiers are unique for at least 24 hours; an hour less, for a run that takes long.
RESEND_MS = 23 * 3_600_000
OLDEST_MS = 35 * 86_400_000
"""How old an event may be."""
_DUPLICATE = "already exists with identifier"


class StripeTarget:
    """Sends to Stripe; see `Target`.

    Parameters
    ----------
    client : HttpClient
        With a secret key.
    names : Counterparts
        Stripe's customers, and the event names of its meters.
    """

    together = 64
    resend_ms: int | None = RESEND_MS

    def __init__(self, client: HttpClient, names: Counterparts) -> None:
        self._client = client
        self._names = names
        self._meters: dict[str, str] | None = None

    def lacks(self, delivery: Delivery) -> str:
        """See `Target`."""
        if delivery.slot.customer not in self._names.customers:
            return "customer"
        return "" if delivery.slot.product in self._names.meters else "product"

    def send(self, deliveries: Sequence[Delivery]) -> Sent:
        """See `Target`."""
        sent = Sent()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for answer in [pool.submit(self._send, delivery) for delivery in deliveries]:
                try:
                    sent.receipts.append(answer.result())
                except RatecardError as error:
                    sent.failure = sent.failure or error
        return sent

    def find_counted(self, delivery: Delivery, before: int) -> bool | None:
        """Compare the meter's sum at the slot's time, which only the slot's events have."""
        meter = self._find_meter(self._names.meters[delivery.slot.product])
        if meter is None:
            return None
        # A meter's sums are of whole minutes, and slots begin with one.
        begins = delivery.slot.from_ms // 1000 // MINUTE_SECONDS * MINUTE_SECONDS
        query = {
            "customer": self._names.customers[delivery.slot.customer],
            "start_time": str(begins),
            "end_time": str(begins + MINUTE_SECONDS),
        }
        answer = self._client.get(f"/v1/billing/meters/{meter}/event_summaries", query)
        total = _sum(answer)
        if total == before:
            return False
        return True if total == before + delivery.units else None

    def _send(self, delivery: Delivery) -> Receipt:
        slot = delivery.slot
        form = stripe_form(delivery, self._names.customers[slot.customer], self._names.meters[slot.product])
        return _receipt(delivery, self._client.post_form("/v1/billing/meter_events", form))

    def _find_meter(self, event_name: str) -> str | None:
        if self._meters is None:
            self._meters = {}
            query = {"limit": "100"}
            while True:
                answer = self._client.get("/v1/billing/meters", query)
                if answer.status != 200:
                    return None
                page = answer.said
                self._meters |= {each["event_name"]: each["id"] for each in page["data"]}
                if not page["has_more"]:
                    break
                query["starting_after"] = page["data"][-1]["id"]
        return self._meters.get(event_name)


def _receipt(delivery: Delivery, answer: Answer) -> Receipt:
    if answer.status == 200:
        return Receipt(delivery, Outcome.ACCEPTED)
    error = answer.said.get("error") if isinstance(answer.said, dict) else None
    error = error if isinstance(error, dict) else {}
    # Stripe tells a repetition by 400; as old as this rule is, its sentence is more certain than its code.
    if answer.status == 400 and _DUPLICATE in str(error.get("message", "")):
        return Receipt(delivery, Outcome.DUPLICATE)
    return Receipt(delivery, Outcome.REFUSED, code_of(error.get("code")) or str(answer.status))


def _sum(answer: Answer) -> Decimal | None:
    try:
        return sum((Decimal(str(each["aggregated_value"])) for each in answer.said["data"]), Decimal(0))
    except (KeyError, TypeError, InvalidOperation):
        return None
