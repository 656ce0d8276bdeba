"""From UCI data set 365 to the corporate-risk model: its artifact, its measurements and its card.

Run it as `python functions/models/corporate_risk/training/recipe.py`; the data catalogue says how to get the data.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

import click
import lightgbm
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training import alternatives, boosting, budget, catalogue, classifiers, folds, recipe, study
from ratecard_workbench.training.card import format_table
from ratecard_workbench.training.crossval import compute_out_of_fold
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.lightgbm_export import export_lightgbm, shorten_model
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import MasterScale, Rules
from ratecard_workbench.training.table import load_table
from ratecard_workbench.training.trained import Trained, compute_headline, train

FOLDER = recipe.open_folder(__file__)

from corporate_risk_comparison import Judged, Subset, compare_polish, compare_taiwan, format_subsets  # noqa: E402
from corporate_risk_data import FILES, Companies, compute_typical, load_companies  # noqa: E402
from corporate_risk_identities import TieRow, format_ties, measure_ties  # noqa: E402

from corporate_risk.contract import CONTRACT, GRADE_FLOORS, GRADES, NORMAL_FROM, TYPICAL, WATCH_FROM  # noqa: E402
from corporate_risk.decision import compute_watch, decide  # noqa: E402

SEED = 365
YEAR = 3
"""The shipped model's: bankrupt within three years."""

PLAN = boosting.BoostingPlan(
    parameters={
        "learning_rate": 0.05,
        "num_leaves": 5,
        "min_data_in_leaf": 40,
        "lambda_l2": 10.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
    },
    column_names=CONTRACT.columns,
    monotone={
        "current_ratio": -1,
        "quick_ratio": -1,
        "cash_ratio": -1,
        "liabilities_to_assets": 1,
        "short_term_liabilities_to_assets": 1,
        "return_on_assets": -1,
        "operating_profit_to_assets": -1,
        "operating_margin": -1,
        "net_margin": -1,
        "cash_flow_to_liabilities": -1,
        "pretax_cash_flow_to_sales": -1,
        "short_term_liability_days": 1,
    },
    max_trees=120,
    patience=30,
    validation_share=0.2,
    seed=SEED,
)
USED = {
    "polish_bankruptcy": tuple(FILES.values()),
    "taiwan_bankruptcy": ("taiwan_bankruptcy/taiwan_bankruptcy.csv.gz",),
}
"""Files by data set: year 3 makes the model, the others are compared with."""

BUDGETS = (10, 20, 40, 60, 80, 100, 120, 160, 240)
ZIEBA = "Zieba et al. 2016, year 3"
ALL_64 = "10-fold cross-validation, all 64 ratios as published"
PUBLISHED = tuple(
    Published(name, "auc", value, ALL_64, ZIEBA, verified=False)
    for name, value in (("EXGB", 0.940), ("XGBoost", 0.922), ("Random forest", 0.831))
)


def decide_all(log_odds: NDArray[np.float64], population: Population) -> NDArray[np.str_]:
    """Return each row's place on the watch list, by the model's own rules."""
    return np.array([compute_watch(decide.points(value)) for value in log_odds.tolist()])


RULES = Rules(
    decide=decide_all,
    decisions=("normal", "watch", "high_risk"),
    favourable=("normal",),
    scale=MasterScale(GRADE_FLOORS, GRADES[-1], decide.points),
    alert_rates=(0.05, 0.1),
)


def measure_sources(
    options: recipe.Run, companies: Companies, judged: Judged
) -> tuple[list[Subset], dict[int, list[TieRow]]]:
    """Return what the contract's ratios cost in each data set, and which ties hold in both Polish years."""
    early = load_companies(catalogue.get_data_set("polish_bankruptcy"), 1, options.rows)
    protocol = folds.cross_validation(early.population.events, 10, 1, SEED)
    fit = boosting.learn_lightgbm(PLAN).as_fit()
    found = compute_out_of_fold(fit, early.population, protocol.folds, label="year 1", show=options.show)
    taiwan = options.limit(load_table(catalogue.get_data_set("taiwan_bankruptcy")))
    subsets = [
        compare_polish(companies, PLAN, judged, show=options.show),
        compare_polish(early, PLAN, (found, protocol), show=options.show),
        compare_taiwan(taiwan, PLAN, show=options.show),
    ]
    return subsets, {of.year: measure_ties(of.attributes, of.population.events) for of in (early, companies)}


def fill_gaps(
    booster: lightgbm.Booster, cleaning: Mapping[str, int], subsets: list[Subset], ties: dict[int, list[TieRow]]
) -> dict[str, str]:
    """Return what fills the gaps of `card.md` that are this model's own."""
    return {name: f"{count:,}" for name, count in cleaning.items()} | {
        "max_trees": str(PLAN.max_trees),
        "normal_from": str(NORMAL_FROM),
        "watch_from": str(WATCH_FROM),
        "trees": str(booster.num_trees()),
        "model_kilobytes": f"{len(shorten_model(booster.model_to_string())) / 1000:.0f}",
        "typical": format_table(
            ("ratio", "healthy median"), [(f"`{name}`", f"{value:g}") for name, value in TYPICAL.items()]
        ),
        "subsets": format_subsets(subsets),
        "ties": format_ties(ties),
    }


def learn(options: recipe.Run, companies: Companies) -> Trained[lightgbm.Booster]:
    """Train the model and write its artifact."""
    population = companies.population
    learner = boosting.learn_lightgbm(PLAN)
    trained = train(learner, population, folds.keep_all(len(population)), seed=SEED, repeats=3, show=options.show)
    release = options.release(
        CONTRACT,
        calibration=trained.calibration,
        metrics=compute_headline(population, trained, {"trees": trained.model.num_trees()}),
        data_sha256=recipe.digest_files(catalogue.get_data_set("polish_bankruptcy"), FILES[YEAR]),
        checked_on=population.columns,
    )
    export_lightgbm(trained.model, release)
    click.echo(f"artifact written: {release.metrics}")
    return trained


def judge(options: recipe.Run, population: Population) -> tuple[Judged, list[alternatives.ComparisonRow]]:
    """Cross-validate the procedure, and its alternatives on the first repeat."""
    learner = boosting.learn_lightgbm(PLAN)
    protocol = folds.cross_validation(population.events, 10, 3, SEED)
    free = boosting.learn_lightgbm(replace(PLAN, monotone={})).as_fit()
    rivals = [
        alternatives.Alternative("LightGBM, no constraints", free),
        *classifiers.list_alternatives(SEED, population, without=("LightGBM",)),
    ]
    found, comparison = study.run_protocol(learner, population, protocol, rivals, show=options.show)
    return (found, protocol), comparison


def run(options: recipe.Run) -> None:
    """Train the corporate-risk model and measure it."""
    companies = load_companies(catalogue.get_data_set("polish_bankruptcy"), YEAR, options.rows)
    if options.rows is None and (typical := compute_typical(companies.population)) != TYPICAL:
        raise click.ClickException(f"the contract's typical values are not the healthy medians, which are {typical}")
    trained = learn(options, companies)
    if options.artifact_only:
        return
    (found, protocol), comparison = judge(options, companies.population)
    subsets, ties = measure_sources(options, companies, (found, protocol))
    cleaning = asdict(companies.cleaning)
    findings = study.Study(
        population=companies.population,
        trained=trained,
        rules=RULES,
        protocol=protocol,
        found=found,
        comparison=comparison,
        budgets=budget.compute_budgets(PLAN, BUDGETS, companies.population, protocol.first, show=options.show),
        published=PUBLISHED,
        event="bankruptcy",
        facts={
            "cleaning": cleaning,
            "trees": trained.model.num_trees(),
            "subsets": [asdict(subset) for subset in subsets],
            "ties": {str(year): [asdict(row) for row in rows] for year, rows in ties.items()},
        },
    )
    data_sets = [(catalogue.get_data_set(name), files) for name, files in USED.items()]
    values = fill_gaps(trained.model, cleaning, subsets, ties)
    text = CardText(path=FOLDER.training / "card.md", data_sets=data_sets, values=values)
    options.store_report(findings, CONTRACT, text)


if __name__ == "__main__":
    recipe.recipe_command(FOLDER, run)()
