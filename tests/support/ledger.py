"""A price book and lake lines for tests of the ledger."""

from datetime import UTC, datetime

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
