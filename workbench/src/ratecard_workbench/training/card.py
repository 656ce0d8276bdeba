"""Tables and figures of model cards, as Markdown."""

from collections.abc import Mapping, Sequence

from ratecard_workbench.training.alternatives import ComparisonRow
from ratecard_workbench.training.budget import BudgetRow
from ratecard_workbench.training.fairness import GroupRow
from ratecard_workbench.training.grades import GradeRow
from ratecard_workbench.training.intervals import Interval
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import DecisionRow
from ratecard_workbench.training.segments import SegmentRow


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
                format_rate(row.rate),
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
                "" if row.brier is None else f"{row.brier:.4f}",
            )
            for row in rows
        ],
    )


def format_fairness(rows: Sequence[GroupRow], favourable: str) -> str:
    """Write the fairness table; `favourable` heads the column of the decision that a person hopes for."""
    headings = ("attribute", "group", "rows", "predicted", "measured", favourable, "impact ratio [95 %]", "gap", "AUC")
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


def format_decisions(rows: Sequence[DecisionRow]) -> str:
    """Write the table of decisions."""
    return format_table(
        ("decision", "rows", "share", "event rate [95 %]"),
        [(row.decision, f"{row.rows:,}", format_share(row.share), format_rate(row.rate)) for row in rows],
    )


def format_segments(rows: Sequence[SegmentRow]) -> str:
    """Write the table of segments."""
    return format_table(
        ("segment", "rows", "predicted", "measured [95 %]", "AUC [95 %]"),
        [
            (
                f"{row.dimension}: {row.segment}",
                f"{row.rows:,}",
                format_share(row.mean_probability),
                format_rate(row.rate),
                "" if row.auc is None else format_interval(row.auc),
            )
            for row in rows
        ],
    )


def format_published(rows: Sequence[Published], ours: Mapping[str, Interval]) -> str:
    """Write published figures, each beside the model's own figure of the same name."""
    return format_table(
        ("published", "figure", "published value", "this model [95 %]", "protocol", "source"),
        [
            (
                row.name,
                row.figure.replace("_", " "),
                f"{row.value:.3f}",
                format_interval(ours[row.figure]) if row.figure in ours else "",
                row.protocol,
                row.source if row.verified else f"{row.source} (recalled, not seen)",
            )
            for row in rows
        ],
    )


def format_rate(rate: Interval) -> str:
    """Write a rate with its interval in percent, for example `3.5 % [2.6, 4.6]`."""
    return f"{format_share(rate.value)} [{100 * rate.lower:.1f}, {100 * rate.upper:.1f}]"
