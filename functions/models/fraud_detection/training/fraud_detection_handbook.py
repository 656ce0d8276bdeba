"""The handbook's own comparison, on its own transactions: for the card only, nothing of it is shipped.

The file's licence is not stated, so a machine may well not have it. Figures that were measured elsewhere with the same
settings stand in `measured.json` and are then taken from there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from fraud_detection_data import EPOCH, Case, cut_window, from_table, make_case
from numpy.typing import NDArray

from ratecard_workbench.training import catalogue
from ratecard_workbench.training.alert_table import AlertRow, format_alerts
from ratecard_workbench.training.card import format_interval, format_published
from ratecard_workbench.training.intervals import Interval
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.table import load_table
from ratecard_workbench.training.timesplit import Window

ALERTS = 100
"""Cards looked at each day, as the handbook has it."""

WINDOW = Window((datetime(2018, 7, 25, tzinfo=UTC) - EPOCH).days)
ROWS = (67_240, 58_264)
"""Training and test transactions that the handbook reports for this window."""

SOURCE = "Fraud-Detection-Handbook@81cf7d17, chapter 3, BaselineModeling.ipynb"
FIGURES = ("auc", "average_precision", f"card_precision_at_{ALERTS}")
SCORES = {
    "Logistic regression": (0.871, 0.606, 0.291),
    "Decision tree, depth 2": (0.763, 0.496, 0.241),
    "Decision tree, unlimited": (0.788, 0.309, 0.243),
    "Random forest": (0.867, 0.658, 0.287),
    "XGBoost": (0.862, 0.639, 0.273),
    "Random scores": (0.5, 0.007, 0.017),
}
PUBLISHED = tuple(
    Published(name, figure, value, "the same", SOURCE)
    for name, values in SCORES.items()
    for figure, value in zip(FIGURES, values, strict=True)
)


def load_case(*, show: bool) -> Case:
    """Return the handbook's transactions of its window, as rows of the contract.

    Raises
    ------
    DataSetMissingError
        If the file is not on this machine.
    """
    transactions = from_table(load_table(catalogue.get_data_set("fraud_handbook_simulated")))
    case = make_case(*cut_window(transactions, WINDOW, show=show), WINDOW)
    found = (case.fold.train.size, case.fold.test.size)
    if found != ROWS:
        raise ValueError(f"{found} training and test rows are not the handbook's {ROWS}")
    return case


def describe_comparison(case: Case, rows: list[AlertRow], settings: str) -> dict[str, object]:
    """Return what `measured.json` keeps of a comparison."""
    events: NDArray[np.int8] = case.population.events
    return {
        "settings": settings,
        "rows": {"train": int(case.fold.train.size), "test": int(case.fold.test.size)},
        "frauds": {"train": int(events[case.fold.train].sum()), "test": int(events[case.fold.test].sum())},
        "procedures": [asdict(row) for row in rows],
        "published": [asdict(row) for row in PUBLISHED],
    }


def find_stored(measured: Path, settings: str) -> Mapping[str, object] | None:
    """Return a comparison made earlier with the same settings, or None."""
    if not measured.is_file():
        return None
    stored = json.loads(measured.read_text(encoding="utf-8")).get("handbook")
    return stored if stored and stored["settings"] == settings else None


def write_comparison(comparison: Mapping[str, object] | None, *, fresh: bool) -> str:
    """Write the card's section on published scores."""
    if comparison is None:
        return (
            "**Not compared here**: the handbook's transactions are not on this machine and no earlier comparison has "
            "these settings. The data catalogue says how to get the file (`fraud_handbook_simulated`)."
        )
    rows = [_parse_row(row) for row in comparison["procedures"]]  # type: ignore[attr-defined]
    own = rows[0]
    ours = dict(zip(FIGURES, (own.auc, own.average_precision, own.card_precision), strict=True))
    sizes, frauds = (_format_counts(comparison[name]) for name in ("rows", "frauds"))
    origin = (
        "" if fresh else " (These figures were measured earlier with the same settings; the file was not there now.)"
    )
    return (
        f"On the handbook's file ({sizes} transactions, {frauds} of them frauds, in its training and test week): AUC "
        f"{format_interval(own.auc)}, average precision {format_interval(own.average_precision)}, card "
        f"precision@{ALERTS} {format_interval(own.card_precision)}.{origin}\n\n{format_published(PUBLISHED, ours)}\n\n"
        f"The usual alternatives on the same rows, untuned:\n\n{format_alerts(rows, ALERTS)}"
    )


def _format_counts(counts: object) -> str:
    assert isinstance(counts, Mapping)
    return f"{counts['train']:,} and {counts['test']:,}"


def _parse_row(row: Mapping[str, object]) -> AlertRow:
    figures = (Interval(**row[name]) for name in ("auc", "average_precision", "card_precision"))  # type: ignore[arg-type]
    return AlertRow(str(row["name"]), *figures)
