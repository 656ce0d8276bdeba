"""Progress bars on stderr for long work."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


def track(items: Sequence[Item], label: str, *, show: bool) -> Iterator[Item]:
    """Yield items, with a progress bar on stderr where `show` asks for one.

    Parameters
    ----------
    items : sequence
        What is worked on, one by one.
    label : str
        A few words left of the bar.
    show : bool
        False yields the same items in silence.
    """
    if not show:
        yield from items
        return
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items, description=label)
