"""From UCI data set 350 to the credit-rating model: its artifact, its measurements and its card.

Run it as `python functions/models/credit_rating/training/recipe.py`; the data catalogue says how to get the data.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

import click
import lightgbm
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training import alternatives, boosting, budget, catalogue, classifiers, folds, recipe, study
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.learner import on_columns
from ratecard_workbench.training.lightgbm_export import export_lightgbm, shorten_model
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import MasterScale, Rules
from ratecard_workbench.training.table import load_table
from ratecard_workbench.training.trained import compute_headline, train

FOLDER = recipe.open_folder(__file__)

from credit_rating_data import clean_table  # noqa: E402

from credit_rating.contract import APPROVE_FROM, CONTRACT, GRADE_FLOORS, GRADES, MONTHS, REFER_FROM  # noqa: E402
from credit_rating.decision import compute_decision, compute_score  # noqa: E402

SEED = 350
BAR = 0.78
"""Least cross-validated AUC that the project asks for."""

PLAN = boosting.BoostingPlan(
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
BUDGETS = (10, 20, 30, 40, 60, 80, 100, 150, 200, 300)
BOOK = "credit_score (mikenguyen13), ch. 12 and 4"
PUBLISHED = (
    Published("Boosted trees, at least", "auc", 0.78, "not stated", BOOK),
    Published("Logistic scorecard, about", "auc", 0.77, "not stated", BOOK),
    Published("Logistic scorecard, about", "ks", 0.37, "not stated", BOOK),
)


def decide_all(log_odds: NDArray[np.float64], population: Population) -> NDArray[np.str_]:
    """Return each row's decision, by the model's own rules."""
    return np.array([compute_decision(compute_score(value)) for value in log_odds.tolist()])


RULES = Rules(
    decide=decide_all,
    decisions=("approve", "refer", "decline"),
    favourable=("approve",),
    scale=MasterScale(GRADE_FLOORS, GRADES[-1], compute_score),
)


def list_variants() -> list[alternatives.Alternative]:
    """Return the model with one choice undone each: what the constraints and the education cost or bring."""
    free = replace(PLAN, monotone={}, parameters={**PLAN.parameters, "monotone_constraints_method": "basic"})
    names = tuple(name for name in CONTRACT.columns if name != "education")
    places = [CONTRACT.columns.index(name) for name in names]
    without = on_columns(boosting.learn_lightgbm(replace(PLAN, column_names=names)), places)
    return [
        alternatives.Alternative("LightGBM, no constraints", boosting.learn_lightgbm(free).as_fit()),
        alternatives.Alternative("This model without education", without.as_fit()),
    ]


def fill_gaps(booster: lightgbm.Booster, cleaning: Mapping[str, int]) -> dict[str, str]:
    """Return what fills the gaps of `card.md` that are this model's own."""
    return {name: f"{count:,}" for name, count in cleaning.items()} | {
        "bar": str(BAR),
        "max_trees": str(PLAN.max_trees),
        "approve_from": str(APPROVE_FROM),
        "refer_from": str(REFER_FROM),
        "trees": str(booster.num_trees()),
        "model_kilobytes": f"{len(shorten_model(booster.model_to_string())) / 1000:.0f}",
    }


def run(options: recipe.Run) -> None:
    """Train the credit-rating model and measure it."""
    data_set = catalogue.get_data_set("taiwan_credit_default")
    population, cleaning = clean_table(options.limit(load_table(data_set)))
    learner = boosting.learn_lightgbm(PLAN)
    trained = train(learner, population, folds.split_rows(population.events, 0.2, SEED), seed=SEED, show=options.show)
    trees = trained.model.num_trees()
    release = options.release(
        CONTRACT,
        calibration=trained.calibration,
        metrics=compute_headline(population, trained, {"trees": trees}),
        data_sha256=recipe.digest_files(data_set),
        checked_on=population.columns[trained.unseen],
    )
    export_lightgbm(trained.model, release)
    click.echo(f"artifact written: {release.metrics}")
    if options.artifact_only:
        return
    protocol = folds.cross_validation(population.events, 5, 5, SEED)
    rivals = [*list_variants(), *classifiers.list_alternatives(SEED, population, without=("LightGBM",))]
    found, comparison = study.run_protocol(learner, population, protocol, rivals, show=options.show)
    findings = study.Study(
        population=population,
        trained=trained,
        rules=RULES,
        protocol=protocol,
        found=found,
        comparison=comparison,
        budgets=budget.compute_budgets(PLAN, BUDGETS, population, protocol.first, show=options.show),
        published=PUBLISHED,
        event="default",
        facts={"cleaning": asdict(cleaning), "trees": trees},
    )
    files = ((data_set, tuple(data_set.files)),)
    values = fill_gaps(trained.model, asdict(cleaning))
    options.store_report(findings, CONTRACT, CardText(path=FOLDER.training / "card.md", data_sets=files, values=values))


if __name__ == "__main__":
    recipe.recipe_command(FOLDER, run)()
