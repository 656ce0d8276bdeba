"""What is measured of a model of one event: cross-validation, alternatives, and every table of the card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.alternatives import Alternative, ComparisonRow, compare_alternatives
from ratecard_workbench.training.budget import BudgetRow
from ratecard_workbench.training.crossval import OutOfFold, compute_out_of_fold
from ratecard_workbench.training.fairness import GroupRow, Outcomes, compute_fairness
from ratecard_workbench.training.folds import Protocol
from ratecard_workbench.training.grades import GradeRow, compute_grade_table
from ratecard_workbench.training.intervals import Interval, compute_bootstrap, compute_delong, compute_resampled
from ratecard_workbench.training.learner import Learner, Model
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import (
    CostRow,
    DecisionRow,
    Rules,
    compute_cost_row,
    compute_decision_table,
)
from ratecard_workbench.training.segments import SegmentRow, compute_segments
from ratecard_workbench.training.summary import FIGURES
from ratecard_workbench.training.trained import Trained

BOOTSTRAP_SEED = 351


@dataclass(frozen=True, slots=True, kw_only=True)
class Study(Generic[Model]):
    """All that a report is made from.

    Attributes
    ----------
    population : Population
        All rows.
    trained : Trained
        The shipped model with its margins.
    rules : Rules
        What the business does with a row.
    protocol : Protocol
        By what the procedure was judged.
    found : OutOfFold
        Of the whole procedure, by the protocol.
    comparison : sequence of ComparisonRow
        The model and its alternatives, on the protocol's first repeat.
    budgets : sequence of BudgetRow
        Tree budgets on the same folds; empty for models without trees.
    published : sequence of Published
        What others published.
    event : str
        The predicted event in a word or two, for example "default".
    facts : mapping of str to JSON value
        What else `measured.json` states, for example the number of trees, or what cleaning found.
    """

    population: Population
    trained: Trained[Model]
    rules: Rules
    protocol: Protocol
    found: OutOfFold
    comparison: Sequence[ComparisonRow]
    budgets: Sequence[BudgetRow] = ()
    published: Sequence[Published] = ()
    event: str = "event"
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a study says.

    Attributes
    ----------
    cross_validated_auc : Interval or None
        Mean over the folds with the corrected resampled interval; None where the protocol has one fold.
    pooled_auc : Interval
        Of the averaged out-of-sample margins of all rows that the protocol tests (DeLong).
    all_rows, holdout : mapping of str to Interval
        Every figure of `summary.FIGURES` and of the rules, by name, with bootstrap intervals: on all rows, each scored
        by a model that had not seen it, and on the holdout (None without one).
    grades, grades_holdout : sequence of GradeRow
        Empty without a master scale.
    decisions : sequence of DecisionRow
        On all rows.
    fairness : sequence of GroupRow
        By protected attribute; empty where the data has none.
    costs : CostRow or None
        Without stated costs None.
    segments : sequence of SegmentRow
        By business segment; may be empty.
    """

    cross_validated_auc: Interval | None
    pooled_auc: Interval
    all_rows: Mapping[str, Interval]
    holdout: Mapping[str, Interval] | None
    grades: Sequence[GradeRow]
    grades_holdout: Sequence[GradeRow]
    decisions: Sequence[DecisionRow]
    fairness: Sequence[GroupRow]
    costs: CostRow | None
    segments: Sequence[SegmentRow]

    @property
    def unseen(self) -> Mapping[str, Interval]:
        """Figures on the holdout, or on all rows where there is none."""
        return self.all_rows if self.holdout is None else self.holdout


def run_protocol(
    learner: Learner[Model],
    population: Population,
    protocol: Protocol,
    alternatives: Sequence[Alternative],
    *,
    show: bool = False,
) -> tuple[OutOfFold, list[ComparisonRow]]:
    """Judge the whole procedure by a protocol, and alternatives on the folds of its first repeat.

    Parameters
    ----------
    learner : Learner
        The procedure, all choices made from data included.
    population : Population
        All rows.
    protocol : Protocol
        On which rows it is fitted and judged.
    alternatives : sequence of Alternative
        What it is compared with.
    show : bool
        Whether to draw progress bars on stderr.

    Returns
    -------
    tuple of OutOfFold and list of ComparisonRow
        For a `Study`.
    """
    label = "repeated cross-validation" if protocol.repeats > 1 else "protocol"
    found = compute_out_of_fold(learner.as_fit(), population, protocol.folds, label=label, show=show)
    table = compare_alternatives(("This model", found), alternatives, population, protocol.first, show=show)
    return found, table


def compute_measured(study: Study[Model], *, draws: int = 200, show: bool = False) -> Measured:
    """Compute every table of the report, with `draws` samples for each bootstrap."""
    population, rules = study.population, study.rules
    calibration, margins = study.trained.calibration, study.trained.margins
    probabilities, log_odds = calibration.probabilities(margins), calibration.log_odds(margins)
    holdout = study.trained.split.test
    decisions = rules.decide(log_odds, population)
    outcomes = Outcomes(probabilities, np.isin(decisions, rules.favourable), population.events)
    bootstrap = partial(_bootstrap, study, probabilities=probabilities, draws=draws, show=show)
    return Measured(
        cross_validated_auc=_cross_validated(study.found),
        pooled_auc=compute_pooled_auc(study.found, population),
        all_rows=bootstrap(np.arange(len(population))),
        holdout=bootstrap(holdout) if holdout.size else None,
        grades=_grade(study, np.arange(len(population)), log_odds),
        grades_holdout=_grade(study, holdout, log_odds) if holdout.size else [],
        decisions=compute_decision_table(rules.decisions, decisions, population.events),
        fairness=compute_fairness(population.groups, outcomes),
        costs=compute_cost_row(rules, decisions, probabilities, population.events),
        segments=compute_segments(population.segments, probabilities, population.events),
    )


def compute_pooled_auc(found: OutOfFold, population: Population) -> Interval:
    """Return the AUC of the margins averaged over repeats, on the rows that were tested, with its DeLong interval."""
    tested = found.tested
    return compute_delong(found.margins[:, tested].mean(axis=0), population.events[tested])


def _cross_validated(found: OutOfFold) -> Interval | None:
    return compute_resampled(found.fold_auc, found.test_share) if found.fold_auc.size > 1 else None


def _bootstrap(
    study: Study[Model], rows: NDArray[np.intp], *, probabilities: NDArray[np.float64], draws: int, show: bool
) -> dict[str, Interval]:
    figures = {**FIGURES, **study.rules.list_figures()}
    events = study.population.events[rows]
    return compute_bootstrap(figures, probabilities[rows], events, seed=BOOTSTRAP_SEED, draws=draws, show=show)


def _grade(study: Study[Model], rows: NDArray[np.intp], log_odds: NDArray[np.float64]) -> list[GradeRow]:
    scale = study.rules.scale
    if scale is None:
        return []
    return compute_grade_table(
        scale.floors,
        scale.worst,
        scores=scale.compute_scores(log_odds[rows]),
        probabilities=study.trained.calibration.probabilities(study.trained.margins[rows]),
        events=study.population.events[rows],
    )
