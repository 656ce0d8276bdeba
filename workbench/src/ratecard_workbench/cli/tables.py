"""Tables for people; programs ask for --json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table


def make_table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Build a table; numbers are right-aligned.

    Parameters
    ----------
    title : str or None
        A line above the table.
    columns : sequence of str
        Headings.
    rows : iterable of sequences
        Cells.
    """
    cells = [list(row) for row in rows]
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for number, heading in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[number], int | float) for row in cells)
        table.add_column(heading, justify="right" if numeric else "left")
    for row in cells:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    return table


def print_table(table: Table) -> None:
    """Print a table to stdout; a pipe gets the full width."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)
