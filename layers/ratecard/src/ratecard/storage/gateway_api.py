"""API Gateway's API as far as keys go: every list to its last page, no request sooner than its quotas allow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PAGE = 500
"""Most entries of a page. Source: API reference of GetApiKeys and GetUsage."""
TOTAL_RATE, TOTAL_BURST = 10.0, 10.0
"""Requests a second to the API of an account in a Region, all together; up to 40 at once are allowed, we leave most of
them to others. Source: Amazon API Gateway quotas."""
KEY_RATE = 5.0
"""CreateApiKey, and DeleteApiKey, a second. Source: Amazon API Gateway quotas."""


class Pace:
    """A token bucket that waits.

    Parameters
    ----------
    rate : float
        Tokens that come a second.
    burst : float
        Tokens that it holds.
    clock : callable
        Seconds, never going back.
    sleep : callable
        Waits for some seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate, self._burst = rate, burst
        self._clock, self._sleep = clock, sleep
        self._tokens = burst
        self._at = clock()

    def take(self) -> None:
        """Take a token, when there is one."""
        self._refill()
        while self._tokens < 1:
            self._sleep((1 - self._tokens) / self._rate)
            self._refill()
        self._tokens -= 1

    def _refill(self) -> None:
        now = self._clock()
        # A hair more than nothing is missing after a wait: what floats lose must not make another one.
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate + 1e-9)
        self._at = now


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A key as API Gateway knows it; its value is not asked for.

    Attributes
    ----------
    id, name : str
        The gateway's id, which usage and access lines name, and the name it was given.
    enabled : bool
        Whether calls with it are let through.
    """

    id: str
    name: str
    enabled: bool


Usage = Mapping[str, tuple[tuple[int, int], ...]]
"""By the gateway's key id: (used, remaining) of each day."""


class GatewayApi:
    """Keys and their membership in usage plans.

    Parameters
    ----------
    client : object
        A boto3 client of `apigateway`; it repeats what is throttled.
    clock, sleep : callable, optional
        See `Pace`.
    """

    def __init__(
        self,
        client: Any,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._client = client
        self._total = Pace(TOTAL_RATE, TOTAL_BURST, clock=clock, sleep=sleep)
        self._creating = Pace(KEY_RATE, 1.0, clock=clock, sleep=sleep)
        self._deleting = Pace(KEY_RATE, 1.0, clock=clock, sleep=sleep)

    def list_keys(self, prefix: str) -> Iterator[GatewayKey]:
        """Yield all keys whose name begins with a prefix."""
        for item in self._items(self._client.get_api_keys, nameQuery=prefix, includeValues=False):
            name = item.get("name") or ""
            if name.startswith(prefix):
                yield GatewayKey(item["id"], name, bool(item["enabled"]))

    def create_key(self, name: str, value: str, tags: Mapping[str, str]) -> str:
        """Make a key that is not enabled and in no plan; return its id.

        Notes
        -----
        The client repeats a request whose answer got lost; the second is refused because the value is taken. Then the
        first made the key: names carry part of the value's hash, so the key of that name is it.
        """
        self._creating.take()
        self._total.take()
        try:
            made = self._client.create_api_key(name=name, value=value, enabled=False, tags=dict(tags))
        except self._client.exceptions.ConflictException:
            found = [key.id for key in self.list_keys(name) if key.name == name]
            if len(found) != 1:
                raise
            return found[0]
        key_id: str = made["id"]
        return key_id

    def set_key_enabled(self, gateway_id: str, *, enabled: bool) -> None:
        """Let a key through, or not."""
        self._total.take()
        change = {"op": "replace", "path": "/enabled", "value": "true" if enabled else "false"}
        self._client.update_api_key(apiKey=gateway_id, patchOperations=[change])

    def delete_key(self, gateway_id: str) -> None:
        """Delete a key; nothing if there is none."""
        self._deleting.take()
        self._total.take()
        try:
            self._client.delete_api_key(apiKey=gateway_id)
        except self._client.exceptions.NotFoundException:
            return

    def list_plans(self, prefix: str) -> dict[str, str]:
        """Return the ids of the usage plans whose name begins with a prefix, by the rest of their name."""
        items = self._items(self._client.get_usage_plans)
        return {item["name"].removeprefix(prefix): item["id"] for item in items if item["name"].startswith(prefix)}

    def list_members(self, plan_id: str) -> set[str]:
        """Return the ids of all keys in a usage plan."""
        return {item["id"] for item in self._items(self._client.get_usage_plan_keys, usagePlanId=plan_id)}

    def list_plans_of(self, gateway_id: str) -> set[str]:
        """Return the ids of the usage plans that a key is in."""
        return {item["id"] for item in self._items(self._client.get_usage_plans, keyId=gateway_id)}

    def add_member(self, plan_id: str, gateway_id: str) -> None:
        """Put a key into a usage plan; nothing if it is there."""
        self._total.take()
        try:
            self._client.create_usage_plan_key(usagePlanId=plan_id, keyId=gateway_id, keyType="API_KEY")
        except self._client.exceptions.ConflictException:
            if gateway_id not in self.list_members(plan_id):
                raise

    def remove_member(self, plan_id: str, gateway_id: str) -> None:
        """Take a key out of a usage plan; nothing if it is not there."""
        self._total.take()
        try:
            self._client.delete_usage_plan_key(usagePlanId=plan_id, keyId=gateway_id)
        except self._client.exceptions.NotFoundException:
            return

    def fetch_usage(self, plan_id: str, first_day: str, last_day: str) -> Usage:
        """Return what the gateway itself counted in a plan, by key and day.

        Parameters
        ----------
        plan_id : str
            The usage plan.
        first_day, last_day : str
            `YYYY-MM-DD`, both included.
        """
        found: dict[str, tuple[tuple[int, int], ...]] = {}
        request = {"usagePlanId": plan_id, "startDate": first_day, "endDate": last_day, "limit": PAGE}
        for page in self._pages(self._client.get_usage, **request):
            for key_id, days in page.get("items", {}).items():
                found[key_id] = tuple((int(used), int(remaining)) for used, remaining in days)
        return found

    def _items(self, operation: Callable[..., Mapping[str, Any]], **request: object) -> Iterator[Mapping[str, Any]]:
        for page in self._pages(operation, **request, limit=PAGE):
            yield from page.get("items", ())

    def _pages(self, operation: Callable[..., Mapping[str, Any]], **request: object) -> Iterator[Mapping[str, Any]]:
        """Ask for one page after another, as long as there is a position to go on from."""
        while True:
            self._total.take()
            page = operation(**request)
            yield page
            if not page.get("position"):
                return
            request["position"] = page["position"]


def open_gateway_api() -> GatewayApi:
    """Open the API with the environment's credentials; what is throttled all the same is repeated."""
    import boto3
    from botocore.config import Config

    return GatewayApi(boto3.client("apigateway", config=Config(retries={"mode": "standard", "max_attempts": 8})))
