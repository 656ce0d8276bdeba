"""`training/measured.json`: what a study found, for tests, monitoring and later recipes."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from ratecard.contract import ModelContract
from ratecard_workbench.training.learner import Model
from ratecard_workbench.training.stability import Baseline, Shift, compute_baseline, compute_shift
from ratecard_workbench.training.study import Measured, Study
from ratecard_workbench.training.trained import count_rows


def describe(study: Study[Model], measured: Measured, contract: ModelContract) -> dict[str, object]:
    """Return everything as JSON values, floats rounded to six decimals.

    The baselines of score and columns are what monitoring compares later populations with.
    """
    development = study.population.columns[study.trained.split.train]
    shift = compute_holdout_shift(study)
    described: dict[str, object] = {
        **study.facts,
        "rows": count_rows(study.trained.split),
        "protocol": {
            "about": study.protocol.about,
            "folds": study.protocol.per_repeat,
            "repeats": study.protocol.repeats,
        },
        "measured": asdict(measured),
        "published": [asdict(row) for row in study.published],
        "comparison": [asdict(row) for row in study.comparison],
        "budgets": [asdict(row) for row in study.budgets],
        "stability": {
            "unit": f"log-odds of no {study.event}",
            "score": asdict(compute_score_baseline(study)),
            "holdout": asdict(shift) if shift else None,
            "columns": describe_baselines(contract, development),
        },
    }
    return {name: round_floats(value) for name, value in described.items()}


def describe_baselines(contract: ModelContract, development: NDArray[np.float64]) -> dict[str, object]:
    """Return the bins of every column on the development rows, by the column's name."""
    return {name: asdict(compute_baseline(development[:, place])) for place, name in enumerate(contract.columns)}


def compute_score_baseline(study: Study[Model]) -> Baseline:
    """Return the bins of the shipped model's log-odds of no event on the development rows."""
    return compute_baseline(_compute_scores(study, study.trained.split.train))


def compute_holdout_shift(study: Study[Model]) -> Shift | None:
    """Return how far the holdout's scores are from them, or None without a holdout."""
    holdout = study.trained.split.test
    return compute_shift(compute_score_baseline(study), _compute_scores(study, holdout)) if holdout.size else None


def _compute_scores(study: Study[Model], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    return -study.trained.calibration.log_odds(study.trained.own_margins[rows])


def round_floats(value: object) -> object:
    """Round every float to six decimals: what lies below is noise, and would make each comparison of versions long."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: round_floats(inner) for key, inner in value.items()}
    return [round_floats(inner) for inner in value] if isinstance(value, list | tuple) else value
