"""Shapley values by sampling, for engines that have no exact ones: many changed rows in one call of the engine.

A background row is turned into the row to explain, one column after another, in an order drawn by chance; what a step
moves the margin is the column's share. Each order is also walked in reverse, from the same background row, which
cancels much of what depends on the order. Every background row is used equally often, so the shares of all columns
always add up to the row's margin less the mean margin of the background, however few the orders are.

Sources: Castro, Gomez & Tejada, Polynomial calculation of the Shapley value based on sampling (2009); Mitchell, Cooper,
Frank & Holmes, Sampling permutations for Shapley value estimation (2022), for the antithetic pairs.
"""

from __future__ import annotations

from math import fsum, sqrt  # fsum: sum() adds in another way from Python 3.12 on

from ratecard.kernel.digest import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from ratecard.engines.background import Background, EngineRow
    from ratecard.engines.engine import Engine

    Margin: TypeAlias = Callable[[Sequence[float]], float]
    Path: TypeAlias = list[int]


class ShapleySampler:
    """Explains rows of one engine against its artifact's background.

    Parameters
    ----------
    engine : Engine
        Gives scores.
    background : Background
        Rows to compare with, and how many orders to try.
    """

    def __init__(self, engine: Engine, background: Background) -> None:
        self._engine = engine
        self._background = background
        self._ends: list[tuple[float, ...]] = []

    def explain(
        self, row: Sequence[float | str], score: Sequence[float], margin_of: Margin
    ) -> tuple[list[float], list[float]]:
        """Explain one row; the same row always gets the same answer.

        Parameters
        ----------
        row : sequence
            The engine's columns.
        score : sequence of float
            What the engine gave for it.
        margin_of : callable
            From an engine's scores for a row to the number that is explained.

        Returns
        -------
        tuple
            Contribution of each column and then the base, which add up to the row's margin; and the standard error of
            each contribution: by how much it would differ with other orders, of the same background.
        """
        if not self._ends:
            self._ends = self._engine.score(self._background.rows)
        orders = self._draw_orders(row)
        scored = self._engine.score([changed for start, path in orders for changed in _steps(start, row, path)])
        margins = iter([margin_of(one) for one in scored])
        last = margin_of(score)
        pairs: list[list[float]] = []
        for end in self._ends:
            ends = margin_of(end), last
            for _ in range(self._background.pairs):
                shares = [0.0] * len(row)
                for _, path in orders[2 * len(pairs) : 2 * len(pairs) + 2]:
                    _add_shares(shares, path, ends, margins)
                pairs.append(shares)
        return self._summarise(pairs, margin_of)

    def _draw_orders(self, row: Sequence[float | str]) -> list[tuple[EngineRow, Path]]:
        """Draw every order with its reverse, by background row; columns that are equal in both rows have no step."""
        words = _draw_words(repr(list(row)).encode())
        orders: list[tuple[EngineRow, Path]] = []
        for start in self._background.rows:
            differing = [place for place, (one, other) in enumerate(zip(start, row, strict=True)) if one != other]
            for _ in range(self._background.pairs):
                keys = {place: next(words) for place in differing}
                path = sorted(differing, key=keys.__getitem__)
                orders += ((start, path), (start, path[::-1]))
        return orders

    def _summarise(self, pairs: list[list[float]], margin_of: Margin) -> tuple[list[float], list[float]]:
        """Return means and standard errors: those within a background row, as all of these are always used."""
        count, size = len(pairs), self._background.pairs
        contributions, errors = [], []
        for column in zip(*pairs, strict=True):
            contributions.append(fsum(column) / count)
            spread = 0.0
            for start in range(0, count, size):
                group = column[start : start + size]
                mean = fsum(group) / size
                spread += fsum((one - mean) ** 2 for one in group)
            errors.append(sqrt(spread / (size - 1) * size) / count)
        contributions.append(fsum(margin_of(end) for end in self._ends) / len(self._ends))
        return contributions, errors


def _steps(start: EngineRow, row: Sequence[float | str], path: Path) -> Iterator[EngineRow]:
    """Give the rows between a background row and the row to explain; the two ends are scored already."""
    changed = list(start)
    for place in path[:-1]:
        changed[place] = row[place]
        yield changed.copy()


def _add_shares(shares: list[float], path: Path, ends: tuple[float, float], margins: Iterator[float]) -> None:
    """Add half of what each step of a path moved; the other half is its reverse's."""
    if not path:
        return
    before, last = ends
    for place in path[:-1]:
        after = next(margins)
        shares[place] += (after - before) / 2
        before = after
    shares[path[-1]] += (last - before) / 2


def _draw_words(seed: bytes) -> Iterator[int]:
    """Give whole numbers of 32 bits by chance, the same for the same seed on every machine and Python."""
    state = sha256(seed).digest()
    number = 0
    while True:
        block = sha256(state + number.to_bytes(8, "big")).digest()
        for place in range(0, 32, 4):
            yield int.from_bytes(block[place : place + 4], "big")
        number += 1
