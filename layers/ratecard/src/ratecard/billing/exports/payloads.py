"""Deliveries in the shapes of other systems, as their documentation has them (reference 4.6 to 4.8 and 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime

from ratecard.billing.exports.deliveries import Delivery
from ratecard.billing.settlement import Buyer
from ratecard.kernel.clock import rfc3339_from_epoch_ms

EVENT_TYPE = "ratecard.usage"
EVENT_SOURCE = "ratecard"


def stripe_form(delivery: Delivery, customer: str, event_name: str) -> dict[str, str]:
    """Return the fields of a meter event (v1), to be form-encoded; every value is text.

    Parameters
    ----------
    delivery : Delivery
        What to add.
    customer : str
        Stripe's id, ``cus_…``.
    event_name : str
        The meter's.
    """
    return {
        "event_name": event_name,
        "payload[stripe_customer_id]": customer,
        "payload[value]": str(delivery.units),
        "identifier": delivery.identifier,
        "timestamp": str(delivery.slot.from_ms // 1000),
    }


def openmeter_event(delivery: Delivery, subject: str, event_type: str = EVENT_TYPE) -> dict[str, object]:
    """Return a CloudEvent; OpenMeter counts `source` and `id` once."""
    slot = delivery.slot
    return {
        "specversion": "1.0",
        "type": event_type,
        "id": delivery.identifier,
        "time": rfc3339_from_epoch_ms(slot.from_ms),
        "source": EVENT_SOURCE,
        "subject": subject,
        "data": {
            "units": str(delivery.units),
            "model": slot.model,
            "operation": slot.operation,
            "level": slot.level,
        },
    }


def lago_event(delivery: Delivery, subscription: str, code: str) -> dict[str, object]:
    """Return an event of a batch; it always has its time, without which a repetition would be another event."""
    slot = delivery.slot
    return {
        "transaction_id": delivery.identifier,
        "external_subscription_id": subscription,
        "code": code,
        "timestamp": f"{slot.from_ms // 1000}.{slot.from_ms % 1000:03d}",
        "properties": {
            "units": str(delivery.units),
            "model": slot.model,
            "operation": slot.operation,
            "level": slot.level,
        },
    }


def marketplace_record(delivery: Delivery, buyer: Buyer, dimension: str) -> dict[str, object]:
    """Return a record of BatchMeterUsage; the licence names the product, so the request has no product code."""
    return {
        "Timestamp": datetime.fromtimestamp(delivery.slot.from_ms // 1000, UTC),
        "Dimension": dimension,
        "QuantityAsDecimal": str(delivery.units),
        "CustomerAWSAccountId": buyer.account,
        "LicenseArn": buyer.licence,
    }
