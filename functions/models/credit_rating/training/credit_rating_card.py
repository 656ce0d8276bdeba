"""The model card of the credit-rating model: every figure and every sentence that depends on one."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from credit_rating_measured import (
    DecisionRow,
    Findings,
    Measured,
    compute_holdout_shift,
    compute_measured,
    describe,
)

from credit_rating.contract import APPROVE_FROM, CONTRACT, REFER_FROM
from ratecard_workbench.training.alternatives import ComparisonRow
from ratecard_workbench.training.budget import BudgetRow
from ratecard_workbench.training.card import (
    format_budgets,
    format_comparison,
    format_fairness,
    format_grades,
    format_interval,
    format_share,
    format_table,
    store_card,
)
from ratecard_workbench.training.catalogue import DataSet
from ratecard_workbench.training.export import write_json
from ratecard_workbench.training.fairness import GroupRow
from ratecard_workbench.training.grades import is_strictly_ordered
from ratecard_workbench.training.intervals import Interval

TRAINING = Path(__file__).resolve().parent
BAR = 0.78
"""Least cross-validated AUC that the project asks for."""

FOUR_FIFTHS = 0.8
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
}


class ReportError(RuntimeError):
    """The measurements contradict what the contract promises."""


def store_report(findings: Findings, data_set: DataSet, target: Path, *, show: bool) -> list[str]:
    """Measure, write both files and return a few lines for the terminal.

    Raises
    ------
    ReportError
        If the contract's grades do not have strictly ordered default rates.
    """
    measured = compute_measured(findings, show=show)
    if not is_strictly_ordered(measured.grades):
        raise ReportError("the default rates of the contract's grades are not strictly ordered: move GRADE_FLOORS")
    (target / "training").mkdir(parents=True, exist_ok=True)
    (target / "training" / "measured.json").write_bytes(write_json(describe(findings, measured)))
    store_card(TRAINING / "card.md", target / "MODEL_CARD.md", fill_card(findings, measured, data_set))
    return [
        f"cross-validated AUC {format_interval(measured.cross_validated_auc, 4)}",
        *(f"holdout {TITLES[name]} {format_interval(value, 4)}" for name, value in measured.holdout.items()),
    ]


def fill_card(findings: Findings, measured: Measured, data_set: DataSet) -> dict[str, str]:
    """Return what fills the gaps of `card.md`."""
    return (
        _fill_source(findings, data_set)
        | _fill_figures(findings, measured)
        | _fill_choices(findings, measured)
        | {name: f"{count:,}" for name, count in asdict(findings.cleaning).items()}
    )


def _fill_source(findings: Findings, data_set: DataSet) -> dict[str, str]:
    return {
        "title": CONTRACT.title,
        "slug": CONTRACT.slug,
        "version": CONTRACT.version,
        "lightgbm": version("lightgbm"),
        "trees": str(findings.trees),
        "max_trees": str(findings.max_trees),
        "model_kilobytes": f"{findings.model_bytes / 1000:.0f}",
        "columns": str(len(CONTRACT.columns)),
        "data_title": data_set.title,
        "data_publisher": data_set.publisher,
        "data_address": data_set.address,
        "data_licence": data_set.licence,
        "data_citation": data_set.citation,
        "data_sha256": next(iter(data_set.files.values())),
        "event_rate": format_share(float(findings.population.events.mean())),
        "rows": f"{len(findings.population):,}",
        "development": f"{findings.split.train.size:,}",
        "holdout": f"{findings.split.test.size:,}",
        "slope": f"{findings.calibration.slope:.4f}",
        "intercept": f"{findings.calibration.intercept:.4f}",
    }


def _fill_figures(findings: Findings, measured: Measured) -> dict[str, str]:
    found = findings.cross_validation
    shift = compute_holdout_shift(findings)
    return {
        "folds": str(found.fold_auc.size // len(found.margins)),
        "repeats": str(len(found.margins)),
        "cv_auc": format_interval(measured.cross_validated_auc, 4),
        "cv_sentence": describe_bar(measured.cross_validated_auc),
        "pooled_auc": format_interval(measured.pooled_auc, 4),
        "figure_table": format_table(
            ("figure", "holdout [95 %]", "all rows [95 %]"),
            [
                (TITLES[name], format_interval(measured.holdout[name]), format_interval(measured.all_rows[name]))
                for name in TITLES
            ],
        ),
        "budget_table": format_budgets(findings.budgets),
        "comparison_table": format_comparison(findings.comparison),
        "grade_table": format_grades(measured.grades),
        "grade_holdout_table": format_grades(measured.grades_holdout),
        "fairness_table": format_fairness(measured.fairness),
        "psi": f"{shift.index:.4f}",
        "psi_p": f"{shift.p_value:.2f}",
    }


def _fill_choices(findings: Findings, measured: Measured) -> dict[str, str]:
    floors = {"approve": str(APPROVE_FROM), "refer": str(REFER_FROM), "decline": ""}
    rows = [
        f"| {row.decision} | {floors[row.decision]} | {row.rows:,} | {format_share(row.share)} "
        f"| {format_share(row.rate.value)} [{100 * row.rate.lower:.1f}, {100 * row.rate.upper:.1f}] |"
        for row in measured.decisions
    ]
    return {
        "decision_rows": "\n".join(rows),
        "budget_sentence": describe_budget(findings.budgets, findings.trees),
        "comparison_sentence": describe_comparison(findings.comparison),
        "grade_sentence": describe_grades(measured),
        "cutoff_sentence": describe_cutoffs(measured.decisions),
        "fairness_sentence": describe_fairness(measured.fairness),
    }


def describe_bar(auc: Interval) -> str:
    """Say how the estimate and its interval lie to the bar."""
    place = "above" if auc.lower >= BAR else "on both sides of"
    kept = "at or above" if auc.value >= BAR else "below"
    return f"The estimate is {kept} the bar of {BAR}; its interval lies {place} it."


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
    if not better:
        return "None of them is better beyond its interval."
    return f"Better beyond the interval: {', '.join(better)}. None of these keeps the monotone constraints."


def describe_grades(measured: Measured) -> str:
    """Say whether neighbouring intervals overlap, and whether the holdout alone is ordered too."""
    pairs = zip(measured.grades, measured.grades[1:], strict=False)
    overlaps = [f"{better.grade}/{worse.grade}" for better, worse in pairs if better.rate.upper >= worse.rate.lower]
    apart = f"; intervals overlap at {', '.join(overlaps)}" if overlaps else ", and no two intervals overlap"
    alone = "" if is_strictly_ordered(measured.grades_holdout) else "; in the holdout alone they do not throughout"
    return apart + alone


def describe_cutoffs(rows: Sequence[DecisionRow]) -> str:
    """Say what the cut-offs let through and keep out."""
    approve, refer, decline = rows
    bad = sum(row.rate.value * row.rows for row in rows)
    portfolio = bad / sum(row.rows for row in rows)
    kept_out = decline.rate.value * decline.rows / bad
    return (
        f"Approved: {format_share(approve.share)} of the rows at a default rate of {format_share(approve.rate.value)}, "
        f"against {format_share(portfolio)} in all. Declined: {format_share(decline.share)}, who are "
        f"{format_share(kept_out)} of all defaults, at a rate of {format_share(decline.rate.value)}. "
        f"Referred: {format_share(refer.share)}, at {format_share(refer.rate.value)}."
    )


def describe_fairness(rows: Sequence[GroupRow]) -> str:
    """Say which groups fall below four fifths."""
    below = [
        f"{row.attribute} {row.group}" for row in rows if row.impact_ratio and row.impact_ratio.value < FOUR_FIFTHS
    ]
    widest = max(rows, key=lambda row: abs(row.event_rate - row.mean_probability) if row.rows >= 1000 else 0.0)
    gap = widest.event_rate - widest.mean_probability
    return (
        (f"Below four fifths: {', '.join(below)}. " if below else "No group lies below four fifths. ")
        + f"Among groups of at least 1,000 rows the prediction is furthest off for {widest.attribute} {widest.group}: "
        + f"measured {format_share(widest.event_rate)}, predicted {format_share(widest.mean_probability)} "
        + f"({100 * gap:+.1f} points)."
    )
