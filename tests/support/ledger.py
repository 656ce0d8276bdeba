"""A price book and lake lines for tests of the ledger."""

import json
from datetime import UTC, datetime

from ratecard.metering.usage import SERVICE_LEVEL, Caller, Work, usage_line

BOOK = """
format = 1
currency = "USD"

[[plans]]
slug = "standard"
title = "Standard"
about = "One."
effective_from = 2026-01-01
rate_per_second = 10
burst = 20

[[plans]]
slug = "standard"
title = "Standard"
about = "Two."
effective_from = 2026-06-20
rate_per_second = 20
burst = 20

[[plans]]
slug = "gold"
title = "Gold"
about = "With a minimum."
effective_from = 2026-01-01
rate_per_second = 10
burst = 20
minimum_fee = "30.00"

[[prices]]
model = "credit-rating"
operation = "predict"
effective_from = 2026-01-01
mode = "graduated"
tiers = [{ up_to = 10, unit_price = "0.02" }, { up_to = 100, unit_price = "0.015" }, { unit_price = "0.01" }]

[[prices]]
model = "credit-rating"
operation = "predict"
effective_from = 2026-06-10
unit_price = "0.005"

[[prices]]
model = "credit-rating"
operation = "predict"
plan = "gold"
effective_from = 2026-01-01
unit_price = "0.001"

[[prices]]
model = "credit-rating"
operation = "predict"
level = "priority"
effective_from = 2026-01-01
unit_price = "0.04"

[[prices]]
model = "credit-rating"
operation = "explain"
effective_from = 2026-01-01
mode = "volume"
tiers = [{ up_to = 15, unit_price = "10" }, { unit_price = "5" }]

[[prices]]
model = "credit-rating"
operation = "batch"
effective_from = 2026-01-01
unit_price = "0.0005"
"""


def at(text: str) -> int:
    """Milliseconds since the epoch of an instant in UTC, written without its zone."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def usage(call_id, at_ms, subject="k1", **changes):
    """A usage line as the platform writes it, with some members of its data changed."""
    work = {"operation": "predict", "units": 1, "body": "a"} | changes
    caller = Caller(
        call_id=call_id,
        source="/api/prod",
        at_epoch_ms=at_ms,
        subject=subject,
        api_key_id=subject,
        lambda_request_id=f"lambda-{call_id}",
        client_request_id=None,
        idempotency_key=work.get("idempotency_key"),
        billable=work.get("billable", True),
    )
    done = Work(
        operation=work["operation"],
        model="credit-rating",
        model_version="1.0.0",
        units=work["units"],
        request_bytes=10,
        response_bytes=10,
        input_sha256=work["body"] * 64,
        latency_ms=1.5,
    )
    SERVICE_LEVEL.set(work.get("level", "standard"))
    event = json.loads(usage_line(caller, done))
    SERVICE_LEVEL.set("standard")
    event["data"]["status"] = work.get("status", 200)
    return event


def access(
    call_id, at_ms, key_id="k1", *, status=200, integration="200", method="POST", path="predict", request_id="r"
):
    """A line of the access log, all values strings."""
    return {
        "requestId": request_id,
        "extendedRequestId": call_id,
        "apiId": "api",
        "stage": "prod",
        "requestTimeEpoch": str(at_ms),
        "httpMethod": method,
        "resourcePath": f"/v1/models/credit-rating/{path}",
        "status": str(status),
        "apiKeyId": key_id,
        "integrationStatus": integration,
    }
