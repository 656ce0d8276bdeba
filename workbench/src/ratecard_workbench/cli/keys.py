"""`ratecard keys`: API keys of customers. A running platform follows within a second."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from ratecard.billing.pricebook import load_price_book
from ratecard.storage.accounts import ApiKey, IssuedKey, SqliteAccounts
from ratecard_workbench.cli.options import home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.opening import open_accounts


@click.group()
def keys() -> None:
    """Make, list, disable and rotate API keys."""


@keys.command()
@click.argument("customer")
@click.option("--plan", default="standard", show_default=True, help="Plan of infra/ratecard.toml.")
@click.option("--name", default="default", show_default=True, help="What the key is for.")
@project_option
@home_option
@json_option
def create(*, customer: str, plan: str, name: str, project: Path, home: Path, as_json: bool) -> None:
    """Make a key for CUSTOMER, who is made too if there is none. Its secret is shown once."""
    load_price_book(project / "infra" / "ratecard.toml").get_plan(plan, datetime.now(UTC))
    with _accounts(home) as accounts:
        accounts.ensure_customer(customer, customer)
        _show_issued(accounts.create_key(customer, plan, name), as_json=as_json)


@keys.command("list")
@click.option("--customer", default=None, help="Only this customer's.")
@home_option
@json_option
def list_keys(*, customer: str | None, home: Path, as_json: bool) -> None:
    """List keys, oldest first."""
    with _accounts(home) as accounts:
        found = accounts.list_keys(customer)
    if as_json:
        result_json([_describe(key) for key in found])
        return
    columns = ("key", "customer", "name", "plan", "secret", "state", "created")
    rows = [
        (
            key.id,
            key.customer_id,
            key.name,
            key.plan,
            f"…{key.last4}",
            "enabled" if key.enabled else "disabled",
            f"{key.created_at:%Y-%m-%d %H:%M}",
        )
        for key in found
    ]
    print_table(make_table(None, columns, rows))


@keys.command()
@click.argument("key_id")
@home_option
@json_option
def rotate(*, key_id: str, home: Path, as_json: bool) -> None:
    """Give a key a new secret; the old one stops working at once. Id, customer, plan and usage stay."""
    with _accounts(home) as accounts:
        _show_issued(accounts.rotate_key(key_id), as_json=as_json)


@keys.command()
@click.argument("key_id")
@home_option
@json_option
def disable(*, key_id: str, home: Path, as_json: bool) -> None:
    """Make a key stop working."""
    _set_enabled(key_id, home, enabled=False, as_json=as_json)


@keys.command()
@click.argument("key_id")
@home_option
@json_option
def enable(*, key_id: str, home: Path, as_json: bool) -> None:
    """Make a disabled key work again."""
    _set_enabled(key_id, home, enabled=True, as_json=as_json)


def _set_enabled(key_id: str, home: Path, *, enabled: bool, as_json: bool) -> None:
    with _accounts(home) as accounts:
        key = accounts.set_key_enabled(key_id, enabled=enabled)
    if as_json:
        result_json(_describe(key))
    else:
        message(f"key {key.id} of {key.customer_id} is {'enabled' if key.enabled else 'disabled'}")


@contextlib.contextmanager
def _accounts(home: Path) -> Iterator[SqliteAccounts]:
    place = Home(home.resolve())
    place.prepare()
    with contextlib.closing(open_accounts(place)) as accounts:
        yield accounts


def _show_issued(issued: IssuedKey, *, as_json: bool) -> None:
    if as_json:
        result_json(_describe(issued.key) | {"key": issued.secret})
        return
    message(f"key {issued.key.id} of {issued.key.customer_id}, plan {issued.key.plan}; this is shown once:")
    click.echo(issued.secret)


def _describe(key: ApiKey) -> dict[str, object]:
    return {
        "key_id": key.id,
        "customer": key.customer_id,
        "name": key.name,
        "plan": key.plan,
        "last4": key.last4,
        "enabled": key.enabled,
        "created_at": key.created_at.isoformat(),
    }
