"""Model cards: a text with gaps, filled with what was measured. A gap that is not filled stops the recipe."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from ratecard_workbench.training.alternatives import ComparisonRow
from ratecard_workbench.training.budget import BudgetRow
from ratecard_workbench.training.fairness import GroupRow
from ratecard_workbench.training.grades import GradeRow
from ratecard_workbench.training.intervals import Interval


def store_card(template: Path, target: Path, values: Mapping[str, str]) -> None:
    """Fill a card's `$gaps` and write it.

    Raises
    ------
    KeyError
        If the text has a gap that `values` does not fill.
    """
    text = Template(template.read_text(encoding="utf-8")).substitute(values)
    target.write_text(text, encoding="utf-8")


def format_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; the first column is left-aligned, the others right."""
    rule = ["---"] + ["--:"] * (len(headings) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, rule, *rows))


def format_interval(interval: Interval, digits: int = 3) -> str:
    """Write a figure with its interval, for example `0.782 [0.776, 0.788]`."""
    value, lower, upper = (f"{number:.{digits}f}" for number in (interval.value, interval.lower, interval.upper))
    return f"{value} [{lower}, {upper}]"


def format_share(share: float, digits: int = 1) -> str:
    """Write a fraction as percent, for a reader."""
    return f"{100 * share:.{digits}f} %"


def format_grades(rows: Sequence[GradeRow]) -> str:
    """Write the table of grades."""
    headings = ("grade", "from", "rows", "share", "predicted", "measured [95 %]", "Jeffreys p")
    return format_table(
        headings,
        [
            (
                row.grade,
                "" if row.floor is None else str(row.floor),
                f"{row.rows:,}",
                format_share(row.share),
                format_share(row.mean_probability),
                f"{format_share(row.rate.value)} [{100 * row.rate.lower:.1f}, {100 * row.rate.upper:.1f}]",
                f"{row.jeffreys:.2f}",
            )
            for row in rows
        ],
    )


def format_comparison(rows: Sequence[ComparisonRow]) -> str:
    """Write the table of alternatives."""
    headings = ("procedure", "AUC [95 %]", "less the model [95 %]", "Gini", "KS", "AP", "Brier")
    return format_table(
        headings,
        [
            (
                row.name,
                format_interval(row.auc, 4),
                "" if row.difference is None else format_interval(row.difference, 4),
                f"{2 * row.auc.value - 1:.3f}",
                f"{row.ks:.3f}",
                f"{row.average_precision:.3f}",
                f"{row.brier:.4f}",
            )
            for row in rows
        ],
    )


def format_fairness(rows: Sequence[GroupRow]) -> str:
    """Write the fairness table."""
    headings = ("attribute", "group", "rows", "predicted", "measured", "approved", "impact ratio [95 %]", "gap", "AUC")
    return format_table(
        headings,
        [
            (
                row.attribute,
                row.group,
                f"{row.rows:,}",
                format_share(row.mean_probability),
                format_share(row.event_rate),
                format_share(row.favourable_share),
                "reference" if row.impact_ratio is None else format_interval(row.impact_ratio, 2),
                f"{100 * row.opportunity_gap:+.1f}",
                "" if row.auc is None else f"{row.auc:.3f}",
            )
            for row in rows
        ],
    )


def format_budgets(rows: Sequence[BudgetRow]) -> str:
    """Write the table of tree budgets."""
    best = max(row.auc for row in rows)
    return format_table(
        ("trees", "AUC", "less the best", "model, kB"),
        [(str(row.trees), f"{row.auc:.4f}", f"{row.auc - best:+.4f}", f"{row.model_bytes / 1000:.0f}") for row in rows],
    )
