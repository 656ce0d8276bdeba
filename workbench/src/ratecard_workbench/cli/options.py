"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

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
    help="Folder where the platform keeps everything.",
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


def parse_parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE pairs; raises click.BadParameter."""
    found = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE")
        found[name] = value
    return found
