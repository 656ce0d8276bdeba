"""Sentences of a model card that depend on figures."""

from collections.abc import Sequence

from ratecard_workbench.training.alternatives import ComparisonRow
from ratecard_workbench.training.budget import BudgetRow
from ratecard_workbench.training.card import format_share
from ratecard_workbench.training.fairness import GroupRow
from ratecard_workbench.training.grades import is_strictly_ordered
from ratecard_workbench.training.rules import DecisionRow
from ratecard_workbench.training.study import Measured

FOUR_FIFTHS = 0.8
LARGE_GROUP = 1000
"""Rows from which a group's calibration is worth a sentence."""

TITLES = {
    "auc": "AUC",
    "gini": "Gini",
    "ks": "KS",
    "average_precision": "average precision",
    "h_measure": "H-measure, Beta(2, 2)",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "calibration_error": "expected calibration error",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "expected_cost": "expected cost of a row",
    "f1": "F1 of the event",
}


def name_figure(name: str) -> str:
    """Return a figure's name for a reader."""
    if name.startswith("recall_at_"):
        return f"recall, {format_share(float(name.removeprefix('recall_at_')))} of the rows alerted"
    return TITLES.get(name, name.replace("_", " "))


def describe_budget(rows: Sequence[BudgetRow], trees: int) -> str:
    """Say what the chosen number of trees loses, and which is the smallest that loses less than 0.001."""
    best = max(rows, key=lambda row: row.auc)
    smallest = min((row for row in rows if best.auc - row.auc < 0.001), key=lambda row: row.trees)
    chosen = min(rows, key=lambda row: abs(row.trees - trees))
    return (
        f"The best budget is {best.trees} trees; {smallest.trees} is the smallest that loses less than 0.001. "
        f"The model has {trees}: {best.auc - chosen.auc:.4f} less than the best, at {chosen.model_bytes / 1000:.0f} kB "
        f"instead of {best.model_bytes / 1000:.0f} kB."
    )


def describe_comparison(rows: Sequence[ComparisonRow]) -> str:
    """Say which alternatives do better beyond doubt."""
    better = [row.name for row in rows if row.difference and row.difference.lower > 0]
    return (
        f"Better beyond the interval: {', '.join(better)}." if better else "None of them is better beyond its interval."
    )


def describe_grades(measured: Measured) -> str:
    """Say whether the rates rise, neighbouring intervals overlap, and the holdout alone is ordered too."""
    rises = "rise strictly" if is_strictly_ordered(measured.grades) else "do not rise throughout"
    pairs = zip(measured.grades, measured.grades[1:], strict=False)
    overlaps = [f"{better.grade}/{worse.grade}" for better, worse in pairs if better.rate.upper >= worse.rate.lower]
    apart = f"; intervals overlap at {', '.join(overlaps)}" if overlaps else ", and no two intervals overlap"
    alone = (
        "; in the holdout alone they do not throughout"
        if measured.grades_holdout and not is_strictly_ordered(measured.grades_holdout)
        else ""
    )
    return f"On all rows the rates {rises} from grade to grade{apart}{alone}."


def describe_decisions(rows: Sequence[DecisionRow]) -> str:
    """Say how many rows each decision takes and which part of all events they are."""
    happened = [row.rate.value * row.rows for row in rows]
    total = sum(happened)
    parts = [
        f"{row.decision}: {format_share(row.share)} of the rows, {format_share(bad / total if total else 0.0)} of "
        "the events, "
        f"at a rate of {format_share(row.rate.value)}"
        for row, bad in zip(rows, happened, strict=True)
    ]
    return f"Event rate of all rows {format_share(total / sum(row.rows for row in rows))}. " + "; ".join(parts) + "."


def describe_fairness(rows: Sequence[GroupRow]) -> str:
    """Say which groups fall below four fifths, and where the prediction is furthest off."""
    below = [
        f"{row.attribute} {row.group}" for row in rows if row.impact_ratio and row.impact_ratio.value < FOUR_FIFTHS
    ]
    said = f"Below four fifths: {', '.join(below)}." if below else "No group lies below four fifths."
    large = [row for row in rows if row.rows >= LARGE_GROUP]
    if not large:
        return said
    widest = max(large, key=lambda row: abs(row.event_rate - row.mean_probability))
    gap = widest.event_rate - widest.mean_probability
    return (
        f"{said} Among groups of at least {LARGE_GROUP:,} rows the prediction is furthest off for {widest.attribute} "
        f"{widest.group}: measured {format_share(widest.event_rate)}, predicted "
        f"{format_share(widest.mean_probability)} "
        f"({100 * gap:+.1f} points)."
    )
