"""From UCI data set 350 to the credit-rating model: its artifact, its measurements and its card.

Run it as `python functions/models/credit_rating/training/recipe.py`; the data catalogue says how to get the data.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click
import lightgbm
import numpy as np
from numpy.typing import NDArray

TRAINING = Path(__file__).resolve().parent
MODEL = TRAINING.parent
REPOSITORY = MODEL.parents[2]
# Neither the model nor its recipe is installed: the one is deployed from its folder, the other is only ever run.
sys.path[:0] = [str(MODEL / "src"), str(TRAINING)]

from credit_rating_card import store_report  # noqa: E402
from credit_rating_data import Cleaning, clean_table  # noqa: E402
from credit_rating_measured import Findings  # noqa: E402

from credit_rating.contract import CONTRACT, MONTHS  # noqa: E402
from ratecard.kernel.errors import RatecardError  # noqa: E402
from ratecard_workbench.training.alternatives import (  # noqa: E402
    Alternative,
    compare_alternatives,
    list_alternatives,
)
from ratecard_workbench.training.boosting import BoostingPlan, compute_margins, fit_booster  # noqa: E402
from ratecard_workbench.training.budget import compute_budgets  # noqa: E402
from ratecard_workbench.training.catalogue import get_data_set  # noqa: E402
from ratecard_workbench.training.crossval import Fit, Scorer, compute_out_of_fold  # noqa: E402
from ratecard_workbench.training.export import Provenance, export_lightgbm, shorten_model  # noqa: E402
from ratecard_workbench.training.folds import Fold, repeated_folds, split_rows  # noqa: E402
from ratecard_workbench.training.intervals import compute_delong  # noqa: E402
from ratecard_workbench.training.platt import Platt, fit_platt  # noqa: E402
from ratecard_workbench.training.population import Population  # noqa: E402
from ratecard_workbench.training.summary import FIGURES  # noqa: E402
from ratecard_workbench.training.table import load_table  # noqa: E402

SEED = 350
FOLDS, REPEATS = 5, 5
HOLDOUT_SHARE = 0.2
BUDGETS = (10, 20, 30, 40, 60, 80, 100, 150, 200, 300)

PLAN = BoostingPlan(
    parameters={
        "learning_rate": 0.08,
        "num_leaves": 12,
        "min_data_in_leaf": 100,
        "lambda_l2": 20.0,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.9,
        "bagging_freq": 1,
        "monotone_constraints_method": "intermediate",
    },
    column_names=CONTRACT.columns,
    monotone={"credit_limit": -1}
    | {f"repayment_status_{month}": 1 for month in MONTHS}
    | {f"payment_{month}": -1 for month in MONTHS}
    | {f"utilisation_{month}": 1 for month in MONTHS},
    # Where early stopping would take more: the table of budgets in the card shows what they would buy.
    max_trees=80,
    patience=20,
    validation_share=0.15,
    seed=SEED,
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and the margins of rows that the models giving them had not seen.

    Attributes
    ----------
    booster : lightgbm.Booster
        Grown on the development rows.
    calibration : Platt
        Fitted on the development rows' out-of-fold margins.
    split : Fold
        Development rows (`train`) and holdout rows (`test`).
    margins : array of float64, shape (rows,)
        Out-of-fold for development rows, the booster's own for holdout rows.
    own_margins : array of float64, shape (rows,)
        The booster's own for all rows.
    """

    booster: lightgbm.Booster
    calibration: Platt
    split: Fold
    margins: NDArray[np.float64]
    own_margins: NDArray[np.float64]


def fit_plan(plan: BoostingPlan) -> Fit:
    """Return the whole fitting procedure, number of trees included, as cross-validation calls it."""

    def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Scorer:
        booster = fit_booster(columns, events, plan)
        return lambda unseen: compute_margins(booster, unseen)

    return fit


def train(population: Population, *, show: bool) -> Trained:
    """Split, calibrate and grow the model."""
    split = split_rows(population.events, HOLDOUT_SHARE, SEED)
    development = population.take(split.train)
    folds = repeated_folds(development.events, FOLDS, 1, SEED)
    found = compute_out_of_fold(fit_plan(PLAN), development, folds, label="margins for calibration", show=show)
    booster = fit_booster(development.columns, development.events, PLAN)
    own_margins = compute_margins(booster, population.columns)
    margins = own_margins.copy()
    margins[split.train] = found.margins[0]
    return Trained(booster, fit_platt(found.margins[0], development.events), split, margins, own_margins)


def compute_headline(population: Population, trained: Trained) -> dict[str, object]:
    """Return the manifest's figures: of the shipped model, on the rows it has never seen."""
    holdout = trained.split.test
    probabilities = trained.calibration.probabilities(trained.margins[holdout])
    figures = {name: round(figure(probabilities, population.events[holdout]), 6) for name, figure in FIGURES.items()}
    auc = compute_delong(probabilities, population.events[holdout])
    return {
        "rows": {"development": int(trained.split.train.size), "holdout": int(holdout.size)},
        "trees": trained.booster.num_trees(),
        "holdout": figures | {"auc_interval": [round(auc.lower, 6), round(auc.upper, 6)]},
    }


def list_variants() -> list[Alternative]:
    """Return the model with one choice undone each: what the constraints and the education cost or bring."""
    free = replace(PLAN, monotone={}, parameters={**PLAN.parameters, "monotone_constraints_method": "basic"})
    place = CONTRACT.columns.index("education")
    names = tuple(name for name in CONTRACT.columns if name != "education")
    without = fit_plan(replace(PLAN, column_names=names))

    def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Scorer:
        score = without(np.delete(columns, place, axis=1), events)
        return lambda unseen: score(np.delete(unseen, place, axis=1))

    return [Alternative("LightGBM, no constraints", fit_plan(free)), Alternative("This model without education", fit)]


def measure(population: Population, trained: Trained, cleaning: Cleaning, *, show: bool) -> Findings:
    """Cross-validate the procedure on all rows and compare it with others on the first repeat's folds."""
    folds = repeated_folds(population.events, FOLDS, REPEATS, SEED)
    found = compute_out_of_fold(fit_plan(PLAN), population, folds, label="repeated cross-validation", show=show)
    rivals = [*list_variants(), *list_alternatives(SEED)]
    return Findings(
        population=population,
        cleaning=cleaning,
        split=trained.split,
        calibration=trained.calibration,
        margins=trained.margins,
        own_margins=trained.own_margins,
        trees=trained.booster.num_trees(),
        max_trees=PLAN.max_trees,
        model_bytes=len(shorten_model(trained.booster.model_to_string()).encode()),
        cross_validation=found,
        comparison=compare_alternatives(("This model", found), rivals, population, folds[:FOLDS], show=show),
        budgets=compute_budgets(PLAN, BUDGETS, population, folds[:FOLDS], show=show),
    )


@click.command(help=__doc__)
@click.option("--artifact-only", is_flag=True, help="Write the artifact, not the measurements and the card.")
@click.option("--rows", type=click.IntRange(min=500), help="Use only so many rows: for trying the recipe itself.")
@click.option(
    "--target", type=click.Path(path_type=Path), default=MODEL, help="Folder to write to, as the model's own."
)
@click.option("--quiet", is_flag=True, help="No progress bars.")
def main(artifact_only: bool, rows: int | None, target: Path, quiet: bool) -> None:
    """Train, measure and write."""
    data_set = get_data_set("taiwan_credit_default")
    try:
        table = load_table(data_set)
    except RatecardError as error:
        raise click.ClickException(error.detail) from error
    population, cleaning = clean_table({name: values[:rows] for name, values in table.items()})
    trained = train(population, show=not quiet)
    manifest = export_lightgbm(
        trained.booster,
        CONTRACT,
        target / "src" / "credit_rating" / "artifact",
        calibration=trained.calibration,
        metrics=compute_headline(population, trained),
        provenance=Provenance(Path(__file__).resolve(), REPOSITORY, next(iter(data_set.files.values()))),
        checked_on=population.columns[trained.split.test],
    )
    click.echo(f"artifact written, {trained.booster.num_trees()} trees; holdout {manifest['metrics']}")
    if not artifact_only:
        findings = measure(population, trained, cleaning, show=not quiet)
        for line in store_report(findings, data_set, target, show=not quiet):
            click.echo(line)


if __name__ == "__main__":
    main()
