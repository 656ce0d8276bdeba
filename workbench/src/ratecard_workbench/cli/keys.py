"""`ratecard keys`: API keys of customers. A running platform follows within a second, a deployed stage at once."""

from __future__ import annotations

from pathlib import Path

import click

from ratecard.storage.accounts import ApiKey, IssuedKey
from ratecard_workbench.cli.accounts import check_plan, opened_accounts
from ratecard_workbench.cli.keys_sync import sync
from ratecard_workbench.cli.options import actor_option, from_option, home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.accountable import ensure_customer


@click.group()
def keys() -> None:
    """Make, list, disable and rotate API keys, and change their plans."""


keys.add_command(sync)


@keys.command()
@click.argument("customer")
@click.option("--plan", default="standard", show_default=True, help="Plan of infra/ratecard.toml.")
@click.option("--name", default="default", show_default=True, help="What the key is for.")
@project_option
@home_option
@actor_option
@json_option
def create(*, customer: str, plan: str, name: str, project: Path, home: Path, actor: str, as_json: bool) -> None:
    """Make a key for CUSTOMER, who is made too if there is none. Its secret is shown once."""
    book = check_plan(project, plan)
    with opened_accounts(home, actor) as audited:
        ensure_customer(audited, customer, customer, book.currency)
        _show_issued(audited.create_key(customer, plan, name), as_json=as_json)


@keys.command("list")
@click.option("--customer", default=None, help="Only this customer's.")
@home_option
@json_option
def list_keys(*, customer: str | None, home: Path, as_json: bool) -> None:
    """List keys, oldest first."""
    with opened_accounts(home) as audited:
        found = audited.accounts.list_keys(customer)
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
@actor_option
@json_option
def rotate(*, key_id: str, home: Path, actor: str, as_json: bool) -> None:
    """Give a key a new secret; the old one stops working at once. Id, customer, plan and usage stay."""
    with opened_accounts(home, actor) as audited:
        _show_issued(audited.rotate_key(key_id), as_json=as_json)


@keys.command("set-plan")
@click.argument("key_id")
@click.argument("plan")
@from_option
@project_option
@home_option
@actor_option
@json_option
def set_plan(
    *, key_id: str, plan: str, from_ms: int | None, project: Path, home: Path, actor: str, as_json: bool
) -> None:
    """Change the plan of a key, now or later. What was used before is billed by the plan of that time."""
    check_plan(project, plan, from_ms)
    with opened_accounts(home, actor) as audited:
        key = audited.set_key_plan(key_id, plan, from_ms)
    if as_json:
        result_json(_describe(key))
    else:
        message(
            f"key {key.id} of {key.customer_id} has plan {key.plan}" + (f", later {plan}" if key.plan != plan else "")
        )


@keys.command()
@click.argument("key_id")
@home_option
@actor_option
@json_option
def disable(*, key_id: str, home: Path, actor: str, as_json: bool) -> None:
    """Make a key stop working."""
    _set_enabled(key_id, home, actor, enabled=False, as_json=as_json)


@keys.command()
@click.argument("key_id")
@home_option
@actor_option
@json_option
def enable(*, key_id: str, home: Path, actor: str, as_json: bool) -> None:
    """Make a disabled key work again."""
    _set_enabled(key_id, home, actor, enabled=True, as_json=as_json)


def _set_enabled(key_id: str, home: Path, actor: str, *, enabled: bool, as_json: bool) -> None:
    with opened_accounts(home, actor) as audited:
        key = audited.set_key_enabled(key_id, enabled=enabled)
    if as_json:
        result_json(_describe(key))
    else:
        message(f"key {key.id} of {key.customer_id} is {'enabled' if key.enabled else 'disabled'}")


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
