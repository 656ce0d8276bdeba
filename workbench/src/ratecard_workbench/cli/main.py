"""The command's root."""

from __future__ import annotations

from importlib import metadata

import click

from ratecard.kernel.errors import RatecardError
from ratecard_workbench.cli.terminal import fail
from ratecard_workbench.cli.up import up


class _Group(click.Group):
    """Turns the platform's errors into messages and exit codes, for every command."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RatecardError as error:
            fail(error)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("ratecard"), prog_name="ratecard")
def main() -> None:
    """Publish financial models as metered functions."""


main.add_command(up)
