"""What is measured of the credit-rating model, and how it is written for programs (`training/measured.json`)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from credit_rating_data import Cleaning
from numpy.typing import NDArray

from credit_rating.contract import CONTRACT, GRADE_FLOORS, GRADES
from credit_rating.decision import compute_decision, compute_score
from ratecard_workbench.training.alternatives import ComparisonRow
from ratecard_workbench.training.budget import BudgetRow
from ratecard_workbench.training.crossval import OutOfFold
from ratecard_workbench.training.fairness import GroupRow, Outcomes, compute_fairness
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.grades import GradeRow, compute_grade_table
from ratecard_workbench.training.intervals import (
    Interval,
    compute_bootstrap,
    compute_delong,
    compute_resampled,
    compute_wilson,
)
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.stability import Baseline, Shift, compute_baseline, compute_shift
from ratecard_workbench.training.summary import FIGURES

BOOTSTRAP_SEED = 351
DECISIONS = ("approve", "refer", "decline")


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the report is made from.

    Attributes
    ----------
    population, cleaning : Population, Cleaning
        All rows, and what cleaning found in them.
    split : Fold
        Development (`train`) and holdout (`test`) rows.
    calibration : Platt
        Of the shipped model.
    margins : array of float64, shape (rows,)
        Each from a model that had not seen the row: out-of-fold in development, the shipped model's in the holdout.
    own_margins : array of float64, shape (rows,)
        The shipped model's, whether it had seen the row or not.
    trees, max_trees, model_bytes : int
        Of the shipped model.
    cross_validation : OutOfFold
        Of the whole procedure, on all rows.
    comparison, budgets : sequence
        Alternatives and tree budgets, on the first repeat's folds.
    """

    population: Population
    cleaning: Cleaning
    split: Fold
    calibration: Platt
    margins: NDArray[np.float64]
    own_margins: NDArray[np.float64]
    trees: int
    max_trees: int
    model_bytes: int
    cross_validation: OutOfFold
    comparison: Sequence[ComparisonRow]
    budgets: Sequence[BudgetRow]


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision: how many rows get it, and what became of them."""

    decision: str
    rows: int
    share: float
    rate: Interval


@dataclass(frozen=True, slots=True)
class Measured:
    """What the findings say."""

    cross_validated_auc: Interval
    pooled_auc: Interval
    all_rows: Mapping[str, Interval]
    holdout: Mapping[str, Interval]
    grades: Sequence[GradeRow]
    grades_holdout: Sequence[GradeRow]
    decisions: Sequence[DecisionRow]
    fairness: Sequence[GroupRow]


def compute_measured(findings: Findings, *, show: bool) -> Measured:
    """Compute every table of the report."""
    population, holdout = findings.population, findings.split.test
    probabilities = findings.calibration.probabilities(findings.margins)
    log_odds = findings.calibration.log_odds(findings.margins)
    scores = np.array([compute_score(value) for value in log_odds.tolist()], dtype=np.int64)
    decisions = np.array([compute_decision(score) for score in scores.tolist()])
    outcomes = Outcomes(probabilities, decisions == "approve", population.events)
    found = findings.cross_validation
    return Measured(
        cross_validated_auc=compute_resampled(found.fold_auc, found.test_share),
        pooled_auc=compute_delong(found.margins.mean(axis=0), population.events),
        all_rows=compute_bootstrap(FIGURES, probabilities, population.events, seed=BOOTSTRAP_SEED, show=show),
        holdout=compute_bootstrap(
            FIGURES, probabilities[holdout], population.events[holdout], seed=BOOTSTRAP_SEED, show=show
        ),
        grades=_grade(scores, probabilities, population.events),
        grades_holdout=_grade(scores[holdout], probabilities[holdout], population.events[holdout]),
        decisions=[_decide(name, decisions, population.events) for name in DECISIONS],
        fairness=compute_fairness(population.groups, outcomes),
    )


def _grade(scores: NDArray[np.int64], probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> list[GradeRow]:
    return compute_grade_table(GRADE_FLOORS, GRADES[-1], scores=scores, probabilities=probabilities, events=events)


def _decide(name: str, decisions: NDArray[np.str_], events: NDArray[np.int8]) -> DecisionRow:
    inside = decisions == name
    rows = int(inside.sum())
    return DecisionRow(name, rows, rows / inside.size, compute_wilson(int(events[inside].sum()), rows))


def describe(findings: Findings, measured: Measured) -> dict[str, object]:
    """Return everything as JSON values: for tests, monitoring and later recipes."""
    development, holdout = findings.split.train, findings.split.test
    baseline = compute_score_baseline(findings)
    columns = findings.population.columns
    described = {
        "cleaning": asdict(findings.cleaning),
        "rows": {"development": int(development.size), "holdout": int(holdout.size)},
        "trees": findings.trees,
        "measured": asdict(measured),
        "comparison": [asdict(row) for row in findings.comparison],
        "budgets": [asdict(row) for row in findings.budgets],
        "stability": {
            "unit": "log-odds of no default",
            "score": asdict(baseline),
            "holdout": asdict(compute_holdout_shift(findings)),
            "columns": {
                name: asdict(compute_baseline(columns[development, place]))
                for place, name in enumerate(CONTRACT.columns)
            },
        },
    }
    return {name: round_floats(value) for name, value in described.items()}


def compute_score_baseline(findings: Findings) -> Baseline:
    """Return the bins of the shipped model's log-odds of no default on the development rows."""
    return compute_baseline(-findings.calibration.log_odds(findings.own_margins[findings.split.train]))


def compute_holdout_shift(findings: Findings) -> Shift:
    """Return how far the holdout's scores are from them; a random split should not shift them."""
    scores = -findings.calibration.log_odds(findings.own_margins[findings.split.test])
    return compute_shift(compute_score_baseline(findings), scores)


def round_floats(value: object) -> object:
    """Round every float to six decimals: what lies below is noise, and would make each comparison of versions long."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: round_floats(inner) for key, inner in value.items()}
    return [round_floats(inner) for inner in value] if isinstance(value, list | tuple) else value
