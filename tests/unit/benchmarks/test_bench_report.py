"""Reports say plainly whether a bar is met."""

import json
from pathlib import Path

import pytest
from benchmarks.report import Bar, Report, Table, rounded, store_report


@pytest.mark.parametrize(
    ("bar", "met", "verdict"),
    [
        (Bar("cold", 1.9, 2.0), True, "met"),
        (Bar("cold", 2.1, 2.0), False, "MISSED"),
        (Bar("faster", 12.0, 12.0, at_least=True), True, "met"),
        (Bar("faster", 11.9, 12.0, at_least=True), False, "MISSED"),
        (Bar("ahead", 0.9, 1.0, at_least=True, aim=True), False, "aim missed"),
    ],
)
def test_a_bar_is_a_ceiling_unless_it_is_a_floor(bar: Bar, met: bool, verdict: str) -> None:
    """A limit is kept from below, or from above where it is a floor; a missed aim is told from a missed bar."""
    assert bar.met is met
    assert bar.cells()[-1] == verdict


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (1.2345, "1.23"), (14802.4, "14,802"), (65.0, "65")])
def test_numbers_are_rounded_for_people(value: float, text: str) -> None:
    """Three digits, or whole numbers where there are more."""
    assert rounded(value) == text


def test_a_report_is_stored_for_people_and_for_machines(tmp_path: Path) -> None:
    """The Markdown shows bars, tables and machine; the JSON holds the same bars and the raw numbers."""
    table = Table("Speed", ("server", "requests/s"), (("ours", "10"),), "A note.")
    report = Report("trial", "A trial", {"date": "today"}, (table,), (Bar("cold", 3.0, 2.0),), {"seconds": [1.0]})

    store_report(report, tmp_path)

    text = (tmp_path / "trial.md").read_text()
    assert "| cold | ≤ 2 x | 3 x | MISSED |" in text
    assert "| ours | 10 |" in text
    assert "- date: today" in text
    document = json.loads((tmp_path / "trial.json").read_text())
    assert document["bars"][0]["met"] is False
    assert document["numbers"] == {"seconds": [1.0]}
