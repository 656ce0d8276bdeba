"""The command `ratecard`: one module for each group of commands."""

from ratecard_workbench.cli.root import main

__all__ = ["main"]
