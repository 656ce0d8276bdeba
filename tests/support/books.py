"""A home whose customers have used something last month, and the commands on it, run in this process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from ratecard.billing.periods import BillingCalendar, Period, parse_period
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.customers import Terms
from ratecard_workbench.cli.root import main
from support.ledger import BOOK, access, usage

START_MS = 1_746_057_600_000
"""2025-05-01T00:00:00Z: when the customers came."""


@dataclass
class Books:
    """A project with a price book, and a home.

    Attributes
    ----------
    root : Path
        The project's folder; the home lies in it.
    """

    root: Path
    calls: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The platform's folder."""
        return self.root / ".ratecard"

    def price(self, text: str) -> None:
        """Write the price book."""
        (self.root / "infra").mkdir(parents=True, exist_ok=True)
        (self.root / "infra/ratecard.toml").write_text(text)

    def customer(self, name: str, key_id: str, *, plan: str = "standard", currency: str = "USD") -> None:
        """Add a customer with one key, since `START_MS`."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        accounts = SqliteAccounts(self.home / "accounts.sqlite", clock=lambda: START_MS)
        accounts.create_customer(name, name, Terms(BillingCalendar("UTC"), currency), plan)
        accounts.create_key(name, plan, "test", key_id)
        accounts.close()

    def write(self, stream: str, events: Iterable[dict], *, name: str = "writer", end: str = "\n") -> Path:
        """Write lines to the lake, in the folder of the first one's day; the last line's end may be left out."""
        lines = list(events)
        day = lines[0]["time"][:10] if stream == "usage" else _day(lines[0])
        path = self.home / f"lake/{stream}/dt={day}/hour=00/{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write("\n".join(json.dumps(line) for line in lines) + end)
        return path

    def call(self, count: int, at_ms: int, key_id: str, **changes: object) -> list[str]:
        """Have some calls made and answered, a millisecond apart; returns their ids."""
        ids = [f"{key_id}-{len(self.calls) + number}" for number in range(count)]
        self.calls += ids
        body = changes.pop("body", None)
        self.write(
            "usage",
            (
                usage(call_id, at_ms + number, key_id, **changes, **({"body": body} if body else {}))
                for number, call_id in enumerate(ids)
            ),
        )
        self.write("access", (access(call_id, at_ms + number, key_id) for number, call_id in enumerate(ids)))
        return ids

    def run(self, *arguments: object, code: int = 0) -> Result:
        """Run a command on this project and home; it must end with this code."""
        environ = {"RATECARD_HOME": str(self.home), "RATECARD_PROJECT": str(self.root), "RATECARD_ACTOR": "ann"}
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], env=environ)
        assert result.exit_code == code, (result.exit_code, result.output, result.stderr, result.exception)
        return result

    def json(self, *arguments: object, code: int = 0):
        """Run a command and read its JSON."""
        return json.loads(self.run(*arguments, "--json", code=code).stdout)


def month(name: str) -> Period:
    """A calendar month, UTC."""
    return parse_period(BillingCalendar("UTC"), name)


def open_books(root: Path, book: str = BOOK.replace("2026-", "2025-")) -> Books:
    """A project with a price book and nobody in it."""
    root.mkdir(exist_ok=True)
    books = Books(root)
    books.price(book)
    return books


def _day(line: dict) -> str:
    from ratecard.kernel.clock import rfc3339_from_epoch_ms

    return rfc3339_from_epoch_ms(int(line["requestTimeEpoch"]))[:10]
