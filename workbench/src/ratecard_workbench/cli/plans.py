"""`ratecard plans`: what is on sale now, and what the price book perhaps does not mean."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from ratecard.billing.canonical import decimal_text
from ratecard.billing.lint import lint_price_book
from ratecard.billing.plans import Plan, Price, PriceBook
from ratecard.billing.prepaid import LAG_SECONDS, compute_plan_overshoot
from ratecard.billing.pricebook import load_price_book
from ratecard.billing.tiers import Tier
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.options import json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json

PLAN_COLUMNS = ("plan", "title", "rate_per_second", "burst", "quota", "minimum_fee", "overshoot", "version")
PRICE_COLUMNS = ("model", "operation", "level", "plan", "mode", "tiers", "version")


@click.group()
def plans() -> None:
    """Show and check plans and prices; infra/ratecard.toml is where they are written."""


@plans.command("list")
@click.option(
    "--lag-seconds",
    default=LAG_SECONDS,
    show_default=True,
    type=click.IntRange(1),
    help="From a call until a prepaid key is disabled because of it; longer where lines are delivered first.",
)
@project_option
@json_option
def list_plans(*, lag_seconds: int, project: Path, as_json: bool) -> None:
    """List the plans and prices in force now, and what a prepaid key can use beyond its balance."""
    book, now = load_price_book(price_book_path(project)), datetime.now(UTC)
    found = list(book.plans_at(now).values())
    prices = [
        price
        for price in book.prices
        if book.find_price(price.model, price.operation, now, level=price.level, plan=price.plan) == price
    ]
    if as_json:
        described = {
            "plans": [_describe_plan(plan, book, lag_seconds) for plan in found],
            "prices": [_describe_price(one) for one in prices],
        }
        result_json({"currency": book.currency} | described)
        return
    print_table(make_table("Plans", PLAN_COLUMNS, [_plan_row(plan, book, lag_seconds) for plan in found]))
    title = f"Prices of a unit, in {book.currency}"
    print_table(make_table(title, PRICE_COLUMNS, [_price_row(price) for price in prices]))


@plans.command()
@project_option
@json_option
def check(*, project: Path, as_json: bool) -> None:
    """Read the whole price book, past and future versions too; a warning is something to look at, not a failure."""
    findings = lint_price_book(load_price_book(price_book_path(project)))
    if as_json:
        result_json([asdict(finding) for finding in findings])
        return
    for finding in findings:
        click.echo(f"{finding.version}: {finding.code}: {finding.detail}")
    message(f"the price book is valid; {len(findings)} warning(s)")


def _describe_plan(plan: Plan, book: PriceBook, lag_seconds: int) -> dict[str, object]:
    """Describe a plan; of a prepaid one, what a key can use at most beyond its balance, by calls of one row."""
    quota = plan.quota and {"limit": plan.quota.limit, "period": plan.quota.period.value}
    return {
        "plan": plan.slug,
        "title": plan.title,
        "rate_per_second": plan.rate_per_second,
        "burst": plan.burst,
        "quota": quota,
        "minimum_fee": f"{plan.minimum_fee:f}",
        "prepaid": plan.prepaid,
        "overshoot": _overshoot(plan, book, lag_seconds),
        "version": plan.version,
    }


def _describe_price(price: Price) -> dict[str, object]:
    return {
        "model": price.model,
        "operation": price.operation.value,
        "level": price.level,
        "plan": price.plan,
        "mode": price.tariff.mode.value,
        "tiers": [
            {"up_to": tier.up_to, "unit_price": f"{tier.unit_price:f}", "flat_fee": f"{tier.flat_fee:f}"}
            for tier in price.tariff.tiers
        ],
        "version": price.version,
    }


def _overshoot(plan: Plan, book: PriceBook, lag_seconds: int) -> str | None:
    if not plan.prepaid:
        return None
    return decimal_text(compute_plan_overshoot(book, plan, lag_seconds=lag_seconds, units_per_call=1))


def _plan_row(plan: Plan, book: PriceBook, lag_seconds: int) -> list[object]:
    quota = "none" if plan.quota is None else f"{plan.quota.limit} a {plan.quota.period.value.lower()}"
    described = _describe_plan(plan, book, lag_seconds)
    overshoot = f"{described['overshoot']} x rows of a call" if plan.prepaid else "not prepaid"
    described |= {"quota": quota, "overshoot": overshoot}
    return [described[column] for column in PLAN_COLUMNS]


def _price_row(price: Price) -> list[object]:
    tiers = "; ".join(_tier(tier) for tier in price.tariff.tiers)
    described = _describe_price(price) | {"tiers": tiers, "plan": price.plan or "every"}
    return [described[column] for column in PRICE_COLUMNS]


def _tier(tier: Tier) -> str:
    bound = "" if tier.up_to is None else f"up to {tier.up_to}: "
    fee = f" and {tier.flat_fee:f} once" if tier.flat_fee else ""
    return f"{bound}{tier.unit_price:f}{fee}"
