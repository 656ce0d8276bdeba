"""Options that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from ratecard_workbench.local.accountable import operator_name

project_option = click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    envvar="RATECARD_PROJECT",
    show_envvar=True,
    help="Folder with template.yaml.",
)
home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=".ratecard",
    show_default=True,
    envvar="RATECARD_HOME",
    show_envvar=True,
    help="Folder where the platform keeps everything; aws:STAGE for a deployed stage's accounts and invoices.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
parameter_option = click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _option, pairs: parse_parameters(pairs),
    help="Value of a parameter of the template; may be repeated.",
)
actor_option = click.option(
    "--actor",
    default=operator_name,
    show_default="the user of this machine",
    envvar="RATECARD_ACTOR",
    show_envvar=True,
    help="Who makes the change, for the audit trail.",
)
from_option = click.option(
    "--from",
    "from_ms",
    metavar="INSTANT",
    callback=lambda _context, _option, text: None if text is None else parse_instant(text),
    help="From when on the plan holds, for example 2026-12-01T00:00:00+01:00; now if not given.",
)


def parse_instant(text: str) -> int:
    """Read an instant with its offset as milliseconds since 1970; raises click.BadParameter."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an instant such as 2026-12-01T00:00:00Z") from None
    if instant.tzinfo is None:
        raise click.BadParameter("an instant needs an offset, for example Z or +01:00")
    return round(instant.timestamp() * 1000)


def parse_parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE pairs; raises click.BadParameter."""
    found = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE")
        found[name] = value
    return found
