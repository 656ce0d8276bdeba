"""The command's root: it finds each command's module when the command is used, so that none pays for the others."""

from __future__ import annotations

from importlib import import_module

import click

from ratecard.kernel.errors import RatecardError
from ratecard_workbench.cli.terminal import fail

COMMANDS = {
    "audit": "audit",
    "batch": "batch",
    "check": "bring",
    "cost": "cost",
    "customers": "customers",
    "events": "publish",
    "export": "export",
    "generate": "publish",
    "inbox": "inbox",
    "invoice": "invoice",
    "invoke": "invoke",
    "keys": "keys",
    "models": "models",
    "new": "bring",
    "plans": "plans",
    "reconcile": "reconcile",
    "remove": "bring",
    "seal": "publish",
    "up": "up",
    "usage": "usage",
}
"""Command -> module of this package that defines it under the same name."""


class _Root(click.Group):
    """Finds commands by name, and turns the platform's errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"ratecard_workbench.cli.{COMMANDS[cmd_name]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RatecardError as error:
            fail(error)
        except Exception as error:
            # A database of the home that opened well and is damaged within; by name, for sqlite3 is not loaded here.
            if type(error).__module__ != "sqlite3":
                raise
            fail(RatecardError(f"a database of the home folder cannot be used: {error}"))


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ratecard", prog_name="ratecard")
def main() -> None:
    """Publish financial models as metered functions."""
