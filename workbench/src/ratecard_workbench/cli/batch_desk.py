"""What the commands on batches need of home and project: models with their workers, jobs, prices."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import NotFoundError
from ratecard.kernel.money import Money
from ratecard_workbench.batch.crew import StepFailedError
from ratecard_workbench.batch.pricing import Purchase, opened_quoting
from ratecard_workbench.batch.registry import Entry, Registry
from ratecard_workbench.batch.runner import Workplace
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.models import get_model
from ratecard_workbench.local.opening import open_accounts
from ratecard_workbench.local.platform import Project, load_project, make_surroundings


class Desk:
    """Home and project of a command that scores.

    Parameters
    ----------
    home, project : Path
        Their folders.
    parameters : dict of str to str
        Of the template.
    """

    def __init__(self, home: Path, project: Path, parameters: dict[str, str]) -> None:
        self._home = Home(home.resolve())
        self._home.prepare()
        self._root = project.resolve()
        self._project: Project = load_project(self._root, parameters)
        self.registry = Registry(self._home.root / "batches")

    def require_customer(self, customer: str) -> None:
        """Refuse a customer nobody knows."""
        with closing(open_accounts(self._home)) as accounts:
            if not accounts.has_customer(customer):
                raise NotFoundError(f"there is no customer {customer}: `ratecard customers create` makes one")

    def place(self, slug: str, workers: int | None) -> Workplace:
        """Find a model's batch function and what it runs with."""
        model = get_model(self._project, slug)
        if model.batch is None:
            raise NotFoundError(f"{slug} has no function that scores files")
        surroundings = make_surroundings(self._root, self._home, self._project.application)
        environment = dict(surroundings.environment)
        return Workplace(model.batch, environment, self._home.lake, workers or os.cpu_count() or 1)

    def estimate(self, entries: Sequence[Entry], place: Workplace) -> list[dict[str, Any]]:
        """Estimate rows, price and time of jobs in their order; what is scored already costs nothing more.

        Raises
        ------
        StepFailedError
            If a file is none of this model's rows; the message says which.
        """
        with place.crew(1) as crew:
            found: list[dict[str, Any]] = []
            for entry in entries:
                if entry.is_settled():
                    found.append({"rows": 0, "seconds": 0.0, "is_scored": True})
                    continue
                try:
                    tried = crew.ask({"operation": "estimate", "job": entry.job.document()})
                except StepFailedError as error:
                    raise type(error)(f"{entry.job.name}: {error.detail}") from None
                found.append({**tried, "is_scored": False})
        prices = self._quote(entries, [one["rows"] for one in found])
        return [
            {
                "file": str(entry.file),
                "rows": one["rows"],
                "price": str(Money(price, self._project.book.currency).rounded().amount),
                "currency": self._project.book.currency,
                "seconds": round(one["seconds"] / place.workers, 1),
                "workers": place.workers,
                "is_scored": one["is_scored"],
            }
            for entry, one, price in zip(entries, found, prices, strict=True)
        ]

    def _quote(self, entries: Sequence[Entry], rows: Sequence[int]) -> list[Decimal]:
        purchases = [
            Purchase(entry.job.customer, entry.model, entry.job.operation, entry.job.at_epoch_ms, count)
            for entry, count in zip(entries, rows, strict=True)
        ]
        with opened_quoting(self._home.root, price_book_path(self._root)) as quoting:
            return quoting.quote(purchases, time.time_ns() // 1_000_000)


def open_registry(home: Path) -> Registry:
    """Open the jobs of a home."""
    place = Home(home.resolve())
    place.prepare()
    return Registry(place.root / "batches")
