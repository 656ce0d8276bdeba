"""Generated files are what contracts and rate card say today, and the template repeats the rate card truly."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from openapi_spec_validator import validate
from support.models import MODELS

from ratecard.billing.plans import Operation
from ratecard.billing.pricebook import load_price_book
from ratecard.kernel.money import parse_money
from ratecard_workbench.local.cloudformation import load_yaml
from ratecard_workbench.publish.events import REPLY, event_texts
from ratecard_workbench.publish.files import find_stale
from ratecard_workbench.publish.generate import generated_texts
from ratecard_workbench.publish.plans import latest_plans

FILES = ("infra/openapi.yaml", "infra/openapi.public.yaml", "infra/plans.yaml")


@pytest.fixture(scope="module")
def book(repository):
    """The rate card."""
    return load_price_book(repository / "infra" / "ratecard.toml")


@pytest.fixture(scope="module")
def texts(repository):
    """What the generators write today."""
    return generated_texts(repository)


@pytest.mark.parametrize("path", FILES)
def test_what_is_committed_is_what_is_generated(repository, texts, path):
    """`make generate` would write nothing."""
    assert (repository / path).read_text(encoding="utf-8") == texts[path]


def test_generating_twice_gives_the_same_bytes(repository, texts):
    """No clock, no set order, no path of a machine."""
    assert generated_texts(repository) == texts
    assert str(repository) not in "".join(texts.values())


@pytest.mark.parametrize("path", FILES[:2])
def test_both_api_documents_are_valid_openapi(repository, path):
    """Read by a validator that is not ours."""
    validate(load_yaml(repository / path))


def test_the_two_api_documents_have_the_same_routes(repository):
    """What clients read about is what the gateway answers."""
    gateway, public = (load_yaml(repository / path)["paths"] for path in FILES[:2])
    assert {path: set(item) for path, item in gateway.items()} == {path: set(item) for path, item in public.items()}


def test_usage_plans_are_the_rate_cards(plans, book):
    """Rate, burst and quota, plan by plan."""
    stacked = {
        resource["Properties"]["UsagePlanName"]["Fn::Sub"]: resource["Properties"]
        for resource in plans["Resources"].values()
    }
    newest = latest_plans(book)
    assert len(stacked) == len(newest)
    for plan in newest:
        properties = stacked[f"ratecard-${{Stage}}-{plan.slug}"]
        assert properties["Throttle"] == {"RateLimit": plan.rate_per_second, "BurstLimit": plan.burst}
        quota = properties.get("Quota")
        assert quota == (plan.quota and {"Limit": plan.quota.limit, "Period": plan.quota.period.value})


@pytest.mark.parametrize(
    ("variable", "operation"),
    [("RATECARD_BATCH_ROW_PRICE", "batch"), ("RATECARD_BATCH_EXPLAIN_ROW_PRICE", "batch_explain")],
)
@pytest.mark.parametrize("model", MODELS, ids=[model.slug for model in MODELS])
def test_prices_in_the_template_are_the_rate_cards(template, book, model, variable, operation):
    """The manifest beside a scored file states what the invoice will."""
    variables = template["Resources"][f"{model.stem}BatchFunction"]["Properties"]["Environment"]["Variables"]
    stated = parse_money(variables[variable])
    price = book.get_price(model.slug, Operation(operation), datetime.now(UTC))
    assert (stated.amount, stated.currency) == (Decimal(price.unit_price), book.currency)


def test_sample_events_get_the_replies_beside_them(repository, native_dir, monkeypatch):
    """Every model's events are what `ratecard events` writes, answered by the artifact that is committed."""
    monkeypatch.setenv("RATECARD_NATIVE_DIR", str(native_dir))
    written = event_texts(repository)
    assert {path for path in written if path.endswith(REPLY)}
    assert find_stale(repository, written) == []
