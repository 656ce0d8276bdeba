"""What API Gateway itself has counted: a third number, by key and day, that neither log had a part in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from ratecard.storage.gateway_api import GatewayApi

GatewayCounts = Mapping[tuple[str, str], int]
"""By the gateway's key id and day (`YYYY-MM-DD`, UTC): requests that the usage plans let through."""
KEPT_DAYS = 90
"""How far back the gateway is asked: nobody documents that it answers for longer."""


def fetch_gateway_counts(api: GatewayApi, stage: str, first_day: str, last_day: str) -> GatewayCounts:
    """Read the counts of all usage plans of a stage, to the last page of each.

    Parameters
    ----------
    api : GatewayApi
        The gateway.
    stage : str
        Whose plans.
    first_day, last_day : str
        `YYYY-MM-DD`, both included; at most `KEPT_DAYS`.

    Returns
    -------
    mapping
        A key that was moved between plans has the sum of both. What is zero is left out.

    Raises
    ------
    ValueError
        If the days are no stretch of at most `KEPT_DAYS`.
    """
    first, last = date.fromisoformat(first_day), date.fromisoformat(last_day)
    if not 0 <= (last - first).days < KEPT_DAYS:
        raise ValueError(f"counts are read for 1 to {KEPT_DAYS} days")
    found: dict[tuple[str, str], int] = {}
    for plan_id in api.list_plans(f"ratecard-{stage}-").values():
        for key_id, days in api.fetch_usage(plan_id, first_day, last_day).items():
            for number, (used, _remaining) in enumerate(days):
                if used:
                    place = key_id, (first + timedelta(days=number)).isoformat()
                    found[place] = found.get(place, 0) + used
    return found
