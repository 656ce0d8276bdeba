"""API Gateway's lists are read to the last page, and no request comes sooner than its quotas allow."""

import pytest
from support.gateway import Clock, strict_gateway

from ratecard.storage import gateway_api
from ratecard.storage.gateway_api import PAGE, Pace
from ratecard.storage.gateway_counts import fetch_gateway_counts


@pytest.fixture
def gateway():
    with strict_gateway() as found:
        yield found


def test_the_largest_page_is_asked_for():
    """As many as API Gateway gives."""
    assert PAGE == 500


@pytest.mark.parametrize(("page", "count"), [(20, 42), pytest.param(500, 502, marks=pytest.mark.slow)])
def test_all_pages_of_keys_and_members_of_a_plan_are_listed(gateway, monkeypatch, page, count):
    """And the 26th plan: API Gateway gives 25 unless it is asked for more, and never more than 500."""
    monkeypatch.setattr(gateway_api, "PAGE", page)
    strict, api, _ = gateway
    names = [f"ratecard-prod-{number:04}" for number in range(count)]
    keys = [strict.client.create_api_key(name=name, enabled=True)["id"] for name in names]
    assert [key.id for key in api.list_keys("ratecard-prod-")] == keys
    assert strict.calls == ["get_api_keys"] * -(-count // page)
    for number in range(30):
        strict.client.create_usage_plan(name=f"ratecard-prod-p{number}")
    plans = api.list_plans("ratecard-prod-")
    for key_id in keys:
        strict.client.create_usage_plan_key(usagePlanId=plans["p29"], keyId=key_id, keyType="API_KEY")

    assert {"free", "standard", "business", "p0", "p29"} < set(plans)
    assert len(plans) == 33
    assert api.list_members(plans["p29"]) == set(keys)
    assert api.list_members(plans["p28"]) == set()


def test_the_usage_of_the_501st_key_is_read(gateway):
    """GetUsage: used and remaining of each day, by key; the AWS sample stops at the 25th."""
    strict, api, _ = gateway
    plan = api.list_plans("ratecard-prod-")["standard"]
    strict.usage[plan] = {f"k{number}": [[number, 10], [1, 9]] for number in range(1200)}
    found = api.fetch_usage(plan, "2026-10-01", "2026-10-02")

    assert len(found) == 1200
    assert found["k1199"] == ((1199, 10), (1, 9))
    assert strict.calls.count("get_usage") == 3


def test_no_second_has_more_requests_than_the_quotas_allow(gateway):
    """Keys are made and deleted five a second at most, everything together ten: the gateway throttles nothing."""
    _, api, clock = gateway
    made = [api.create_key(f"ratecard-prod-{number}", f"{number:030}", {}) for number in range(60)]
    for gateway_id in made:
        api.set_key_enabled(gateway_id, enabled=True)
        api.delete_key(gateway_id)

    assert list(api.list_keys("ratecard-prod-")) == []
    assert clock.slept == pytest.approx(59 / 5 + 60 / 5, abs=1.5)


def test_what_is_done_already_is_done(gateway):
    """Deleting twice, joining twice."""
    _, api, _ = gateway
    plan = api.list_plans("ratecard-prod-")["free"]
    gateway_id = api.create_key("ratecard-prod-a", "a" * 30, {"stage": "prod"})
    api.add_member(plan, gateway_id)
    api.add_member(plan, gateway_id)
    assert api.list_members(plan) == {gateway_id}
    assert api.list_plans_of(gateway_id) == {plan}
    api.delete_key(gateway_id)
    api.delete_key(gateway_id)


def test_a_bucket_fills_up_to_its_size_and_no_further():
    """After a long pause a burst, then one token at a time."""
    clock = Clock()
    pace = Pace(10, 3, clock=clock, sleep=clock.sleep)
    clock.now += 100
    times = []
    for _ in range(6):
        pace.take()
        times.append(clock.now - 1100)
    assert times == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3], abs=1e-6)


def test_the_gateways_own_counts_are_read_by_key_and_day(gateway):
    """Of all plans of the stage: a key that was moved has its requests in two of them."""
    strict, api, _ = gateway
    plans = api.list_plans("ratecard-prod-")
    strict.usage[plans["free"]] = {"k1": [[5, 10], [0, 10], [2, 8]], "k2": [[0, 1], [0, 1], [0, 1]]}
    strict.usage[plans["business"]] = {"k1": [[0, 10], [0, 10], [40, 8]]}
    counts = fetch_gateway_counts(api, "prod", "2026-10-30", "2026-11-01")

    assert counts == {("k1", "2026-10-30"): 5, ("k1", "2026-11-01"): 42}


@pytest.mark.parametrize("days", [("2026-11-02", "2026-11-01"), ("2026-01-01", "2026-04-01")])
def test_counts_of_no_days_or_too_many_are_not_asked_for(gateway, days):
    """The gateway is not known to answer for more than 90 days."""
    _, api, _ = gateway
    with pytest.raises(ValueError, match="1 to 90 days"):
        fetch_gateway_counts(api, "prod", *days)
