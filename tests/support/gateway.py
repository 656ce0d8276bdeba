"""moto's API Gateway with what moto leaves out: pages, the documented rates, one plan a stage, GetUsage, faults."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from moto import mock_aws

from ratecard.storage.gateway_api import GatewayApi
from support.aws import moto_client

PAGED = {"get_api_keys": "items", "get_usage_plans": "items", "get_usage_plan_keys": "items"}
RATES = {"create_api_key": 5, "delete_api_key": 5}
TOTAL, BURST = 10, 40
PLANS = ("free", "standard", "business")


class Stopped(BaseException):
    """The process was killed here."""


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.slept += seconds


class StrictClient:
    """A client of moto's API Gateway that keeps API Gateway's rules.

    Parameters
    ----------
    client : object
        moto's.
    clock : Clock
        Whose seconds the rates are about.
    """

    def __init__(self, client: Any, clock: Clock) -> None:
        self.client = client
        self.exceptions = client.exceptions
        self.calls: list[str] = []
        self.usage: dict[str, dict[str, list[list[int]]]] = {}
        self.changes_left: int | None = None
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda **request: self._call(name, request)

    def _call(self, name: str, request: dict[str, Any]) -> Any:
        self._refuse_too_many(name)
        self.calls.append(name)
        if not name.startswith("get_"):
            self._stop_where_told()
        if name == "get_usage":
            return self._usage(**request)
        if name in PAGED:
            return self._page(name, request)
        if name == "create_usage_plan_key":
            self._refuse_second_plan(**request)
        return getattr(self.client, name)(**request)

    def _stop_where_told(self) -> None:
        if self.changes_left is not None:
            if not self.changes_left:
                raise Stopped
            self.changes_left -= 1

    def _refuse_too_many(self, name: str) -> None:
        """In no second more than the documented rate, for all requests together beyond the burst."""
        now = self._clock()
        for kind, most in (("", TOTAL + BURST), (name, RATES.get(name))):
            times = self._times.setdefault(kind, deque())
            while times and times[0] <= now - 1 + 1e-6:
                times.popleft()
            if most is not None and len(times) >= most:
                raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": name}}, name)
            times.append(now)

    def _page(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        limit, position = request.pop("limit", 25), int(request.pop("position", 0))
        assert 1 <= limit <= 500
        everything = getattr(self.client, name)(**request)["items"]
        page = {"items": everything[position : position + limit]}
        return page | ({"position": str(position + limit)} if len(everything) > position + limit else {})

    def _refuse_second_plan(self, *, usagePlanId: str, keyId: str, keyType: str) -> None:  # noqa: N803
        assert keyType == "API_KEY"
        if self.client.get_usage_plans(keyId=keyId)["items"]:
            raise self.exceptions.ConflictException(
                {"Error": {"Code": "ConflictException", "Message": usagePlanId}}, "CreateUsagePlanKey"
            )

    def _usage(self, *, usagePlanId: str, startDate: str, endDate: str, limit: int, position: str = "0") -> Any:  # noqa: N803
        assert startDate <= endDate
        everything = list(self.usage.get(usagePlanId, {}).items())
        page = everything[int(position) : int(position) + limit]
        answer = {"usagePlanId": usagePlanId, "startDate": startDate, "endDate": endDate, "items": dict(page)}
        return answer | ({"position": str(int(position) + limit)} if len(everything) > int(position) + limit else {})


@contextmanager
def strict_gateway(stage: str = "prod") -> Iterator[tuple[StrictClient, GatewayApi, Clock]]:
    """Give a gateway with the usage plans of a stage, and of another one."""
    with moto_client("apigateway") as client, mock_aws():
        for name in (*(f"ratecard-{stage}-{plan}" for plan in PLANS), "ratecard-other-standard", "somebody's"):
            client.create_usage_plan(name=name)
        clock = Clock()
        strict = StrictClient(client, clock)
        yield strict, GatewayApi(strict, clock=clock, sleep=clock.sleep), clock
