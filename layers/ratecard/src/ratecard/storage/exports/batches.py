"""OpenMeter and Lago: events in batches; a batch that is refused is halved until it is known which event it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ratecard.billing.exports.deliveries import Delivery, Outcome, Receipt
from ratecard.billing.exports.payloads import EVENT_TYPE, lago_event, openmeter_event
from ratecard.billing.settlement import Counterparts
from ratecard.kernel.errors import RatecardError
from ratecard.storage.exports.http import Answer, HttpClient, code_of
from ratecard.storage.exports.target import Sent

OPENMETER_URL = "https://openmeter.cloud"
LAGO_URL = "https://api.getlago.com"
LAGO_CODE = "ratecard_usage"
BATCH = 100
"""Lago's limit; OpenMeter states none."""
# OpenMeter's own configuration forgets identifiers after 32 days.
OPENMETER_RESEND_MS = 31 * 86_400_000
_KNOWN = "value_already_exist"

Post = Callable[[Sequence[Delivery]], list[Receipt] | None]


class OpenMeterTarget:
    """Sends CloudEvents to OpenMeter, whose subject is our customer unless another is named; see `Target`."""

    together = BATCH
    resend_ms: int | None = OPENMETER_RESEND_MS

    def __init__(self, client: HttpClient, names: Counterparts) -> None:
        self._client = client
        self._names = names

    def lacks(self, delivery: Delivery) -> str:
        """See `Target`: nothing."""
        del delivery
        return ""

    def send(self, deliveries: Sequence[Delivery]) -> Sent:
        """See `Target`."""
        return _send_halving(self._post, deliveries)

    def find_counted(self, delivery: Delivery, before: int) -> bool | None:
        """See `Target`: OpenMeter can be asked for sums only."""
        del delivery, before
        return None

    def _post(self, deliveries: Sequence[Delivery]) -> list[Receipt] | None:
        events = [self._event(delivery) for delivery in deliveries]
        answer = self._client.post_json("/api/v1/events", events, "application/cloudevents-batch+json")
        return _receipts(deliveries, answer)

    def _event(self, delivery: Delivery) -> dict[str, object]:
        slot = delivery.slot
        subject = self._names.customers.get(slot.customer, slot.customer)
        return openmeter_event(delivery, subject, self._names.meters.get(slot.product, EVENT_TYPE))


class LagoTarget:
    """Sends events to Lago, whose subscription is our customer unless another is named; see `Target`."""

    together = BATCH
    # A transaction's id is unique for good.
    resend_ms: int | None = None

    def __init__(self, client: HttpClient, names: Counterparts) -> None:
        self._client = client
        self._names = names

    def lacks(self, delivery: Delivery) -> str:
        """See `Target`: nothing."""
        del delivery
        return ""

    def send(self, deliveries: Sequence[Delivery]) -> Sent:
        """See `Target`."""
        return _send_halving(self._post, deliveries)

    def find_counted(self, delivery: Delivery, before: int) -> bool | None:
        """See `Target`: it need not be asked."""
        del delivery, before
        return None

    def _post(self, deliveries: Sequence[Delivery]) -> list[Receipt] | None:
        events = [self._event(delivery) for delivery in deliveries]
        answer = self._client.post_json("/api/v1/events/batch", {"events": events})
        if answer.status == 422 and len(deliveries) == 1 and _already_known(answer):
            return [Receipt(deliveries[0], Outcome.DUPLICATE)]
        return _receipts(deliveries, answer)

    def _event(self, delivery: Delivery) -> dict[str, object]:
        slot = delivery.slot
        subscription = self._names.customers.get(slot.customer, slot.customer)
        return lago_event(delivery, subscription, self._names.meters.get(slot.product, LAGO_CODE))


def _receipts(deliveries: Sequence[Delivery], answer: Answer) -> list[Receipt] | None:
    """Return the receipts of a batch, or None if it must be halved to know more."""
    if 200 <= answer.status < 300:
        return [Receipt(delivery, Outcome.ACCEPTED) for delivery in deliveries]
    if len(deliveries) > 1:
        return None
    said = answer.said if isinstance(answer.said, dict) else {}
    return [Receipt(deliveries[0], Outcome.REFUSED, code_of(said.get("code")) or str(answer.status))]


def _send_halving(post: Post, deliveries: Sequence[Delivery]) -> Sent:
    sent = Sent()
    try:
        for receipts in _halving(post, deliveries):
            sent.receipts += receipts
    except RatecardError as error:
        sent.failure = error
    return sent


def _halving(post: Post, deliveries: Sequence[Delivery]) -> Iterator[list[Receipt]]:
    receipts = post(deliveries)
    if receipts is not None:
        yield receipts
        return
    middle = len(deliveries) // 2
    yield from _halving(post, deliveries[:middle])
    yield from _halving(post, deliveries[middle:])


def _already_known(answer: Answer) -> bool:
    """Tell whether Lago has the event: its only objection is to the identifier."""
    details = answer.said.get("error_details") if isinstance(answer.said, dict) else None
    first = details.get("0", details) if isinstance(details, dict) else None
    return isinstance(first, dict) and first == {"transaction_id": [_KNOWN]}
