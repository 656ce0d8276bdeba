"""What a benchmark hands over: tables for people, numbers for machines, and whether each bar is met."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit the project set itself, beside what was measured.

    Parameters
    ----------
    name : str
        What is limited, in words.
    measured, limit : float
        In `unit`.
    at_least : bool
        Whether the limit is a floor instead of a ceiling.
    aim : bool
        A wish rather than a promise; a miss is shown and does not count as a failure.
    """

    name: str
    measured: float
    limit: float
    unit: str = "x"
    at_least: bool = False
    aim: bool = False

    @property
    def met(self) -> bool:
        """Whether the measured value keeps the limit."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def cells(self) -> tuple[str, ...]:
        """Return the bar as one row of the table of bars."""
        sign = "≥" if self.at_least else "≤"
        missed = "aim missed" if self.aim else "MISSED"
        return (
            self.name,
            f"{sign} {rounded(self.limit)} {self.unit}".rstrip(),
            f"{rounded(self.measured)} {self.unit}".rstrip(),
            "met" if self.met else missed,
        )


def rounded(value: float) -> str:
    """Return a number to three digits, or whole where it has more."""
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; every cell is text already rounded for people."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """Return the table in Markdown, the first column to the left, the others to the right."""
        rule = "|".join(["---", *["--:"] * (len(self.columns) - 1)])
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |", f"|{rule}|"]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's outcome.

    Parameters
    ----------
    name : str
        File name of the stored result, without suffix.
    title : str
        Heading.
    machine : dict of str to str
        Where, when and with which versions it was measured.
    numbers : dict
        The raw numbers, JSON values only.
    """

    name: str
    title: str
    machine: dict[str, str]
    tables: tuple[Table, ...]
    bars: tuple[Bar, ...]
    numbers: dict[str, object] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return the whole report in Markdown."""
        bars = Table("Bars", ("bar", "limit", "measured", "verdict"), tuple(bar.cells() for bar in self.bars))
        where = [f"- {name}: {value}" for name, value in self.machine.items()]
        parts = [f"## {self.title}", *(table.markdown() for table in (*((bars,) if self.bars else ()), *self.tables))]
        return "\n\n".join([*parts, "\n".join(["### Machine", "", *where])]) + "\n"

    def as_json(self) -> str:
        """Return the report as JSON text, numbers unrounded."""
        bars = [{**asdict(bar), "met": bar.met} for bar in self.bars]
        return (
            json.dumps({"name": self.name, "machine": self.machine, "bars": bars, "numbers": self.numbers}, indent=1)
            + "\n"
        )


def store_report(report: Report, folder: Path = RESULTS) -> None:
    """Write `<name>.md` and `<name>.json` into the folder, replacing an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{report.name}.md").write_text(report.markdown())
    (folder / f"{report.name}.json").write_text(report.as_json())
