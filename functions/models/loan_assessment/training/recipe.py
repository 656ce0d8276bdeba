"""From UCI data set 522 to the loan-assessment model: its artifact, its measurements and its card.

Run it as `python functions/models/loan_assessment/training/recipe.py`; the data catalogue says how to get the data.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

import click
import numpy as np
from numpy.typing import NDArray

from ratecard.contract import Category
from ratecard_workbench.training import alternatives, catalogue, classifiers, folds, recipe, study
from ratecard_workbench.training.binning import BinningPlan, NumberBins
from ratecard_workbench.training.card import format_interval, format_share, format_table
from ratecard_workbench.training.costs import Costs
from ratecard_workbench.training.crossval import compute_out_of_fold
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.population import Population, find_categories
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import Rules
from ratecard_workbench.training.scorecard import Scorecard, ScorecardPlan, learn_scorecard
from ratecard_workbench.training.scorecard_export import export_scorecard
from ratecard_workbench.training.table import Table, load_table
from ratecard_workbench.training.trained import Trained, compute_headline, train

FOLDER = recipe.open_folder(__file__)

from loan_assessment_data import TARGET, encode_all_fields, encode_table, shuffle_rows  # noqa: E402
from loan_assessment_sba import SmallBusiness, measure_loans  # noqa: E402

from loan_assessment.contract import APPROVE_BELOW, CONTRACT, DECLINE_FROM, SCALE  # noqa: E402
from loan_assessment.decision import compute_decision  # noqa: E402

SEED = 522
CALIBRATION_REPEATS = 10
"""A thousand rows: one draw of five folds would leave the line to chance."""

BINNING = BinningPlan(max_bins=6, smallest_share=0.05, significance=0.3, fine_bins=20)
PLAN = ScorecardPlan(
    column_names=CONTRACT.columns,
    categories={feature.name: len(feature.values) for feature in CONTRACT.features if isinstance(feature, Category)},
    monotone={"duration_months": 1, "amount": 1, "savings": -1, "employment_years": -1},
    binning=BINNING,
)
COSTS = Costs(5.0, 1.0, "the data set's own matrix; Statlog, Hofmann 1994")
BOOK = "credit_score (mikenguyen13), ch. 12 and app. C"
STATLOG = "Statlog's german.names: 10 folds, the uncorrected codes"
PUBLISHED = (
    Published("Logistic scorecard, about", "auc", 0.79, "not stated", BOOK),
    Published("Boosted trees, from", "auc", 0.78, "not stated", BOOK),
    Published("Boosted trees, to", "auc", 0.80, "not stated", BOOK),
    Published("A leak is suspected above", "auc", 0.81, "not stated", BOOK),
    Published("Linear discriminant, cost", "expected_cost", 0.535, STATLOG, "UCI data set 144"),
    Published("Logistic discriminant, cost", "expected_cost", 0.538, STATLOG, "UCI data set 144"),
)


def decide_all(log_odds: NDArray[np.float64], population: Population) -> NDArray[np.str_]:
    """Return each row's decision, by the model's own rules."""
    return np.array([compute_decision(value) for value in log_odds.tolist()])


RULES = Rules(
    decide=decide_all,
    decisions=("approve", "refer", "decline"),
    favourable=("approve",),
    costs=COSTS,
    acted=("refer", "decline"),
)


def list_variants() -> list[alternatives.Alternative]:
    """Return the model with one choice undone: what the promised directions cost or bring."""
    free = replace(PLAN, monotone={})
    return [alternatives.Alternative("This model, directions as the rows say", learn_scorecard(free).as_fit())]


def measure_all_fields(table: Table, protocol: folds.Protocol) -> float:
    """Return the AUC of the same procedure on all twenty fields, protected ones included: the price of leaving out."""
    population = encode_all_fields(table)
    names = tuple(name for name in table if name != TARGET)
    words = {"status": 5, "credit_history": 5, "purpose": 11, "personal_status_sex": 5, "other_debtors": 4}
    words |= {"property": 5, "other_installment_plans": 4, "housing": 4, "foreign_worker": 3}
    plan = ScorecardPlan(column_names=names, categories=words, binning=BINNING)
    found = compute_out_of_fold(learn_scorecard(plan).as_fit(), population, protocol.folds)
    return float(found.fold_auc.mean())


def describe_points(card: Scorecard, slope: float) -> str:
    """Write the card itself: the points of every bin, on the score's scale, more being better."""
    rows = []
    features = {feature.name: feature for feature in CONTRACT.features}
    for column in card.columns:
        if isinstance(column.bins, NumberBins):
            ends = [f"{edge:g}" for edge in column.bins.edges]
            names = [f"below {ends[0]}", *(f"from {end}" for end in ends)] if ends else ["any"]
        else:
            names = list(getattr(features[column.name], "values", ()))
        if features[column.name].missing:
            names.append("null")
        weights = [*column.bins.weights, column.bins.missing]
        rows += [
            (column.name, name, f"{-slope * SCALE.factor * (weight - column.expected):+.1f}")
            for name, weight in zip(names, weights, strict=False)
        ]
    return format_table(("column", "value", "points"), rows)


def describe_small_business(found: dict[str, SmallBusiness]) -> str:
    """Write the table of small-business loans."""
    headings = (
        "file",
        "loans",
        "charged off",
        "AUC, 10-fold [95 %]",
        "the same with Term, which leaks",
        "tested forward",
        "AUC forward [95 %]",
        "predicted",
        "happened",
    )
    rows = [
        (
            name,
            f"{one.rows:,}",
            format_share(one.rate.value),
            format_interval(one.cross_validated),
            format_interval(one.with_term),
            f"{one.tested:,}",
            format_interval(one.forward),
            format_share(one.predicted),
            format_share(one.happened),
        )
        for name, one in found.items()
    ]
    return format_table(headings, rows)


def measure(
    population: Population,
    trained: Trained[Scorecard],
    protocol: folds.Protocol,
    facts: Mapping[str, object],
    *,
    show: bool,
) -> study.Study[Scorecard]:
    """Judge the procedure and its alternatives by the protocol."""
    own = ("Logistic scorecard (binned columns)",)
    others = classifiers.list_alternatives(SEED, population, categories=find_categories(CONTRACT), without=own)
    rivals = [*list_variants(), *others]
    found, comparison = study.run_protocol(learn_scorecard(PLAN), population, protocol, rivals, show=show)
    return study.Study(
        population=population,
        trained=trained,
        rules=RULES,
        protocol=protocol,
        found=found,
        comparison=comparison,
        published=PUBLISHED,
        event="default",
        facts=facts,
    )


def run(options: recipe.Run) -> None:
    """Train the loan-assessment model and measure it."""
    data_set = catalogue.get_data_set("south_german_credit")
    table = options.limit(shuffle_rows(load_table(data_set), SEED))
    population = encode_table(table)
    whole = folds.keep_all(len(population))
    trained = train(learn_scorecard(PLAN), population, whole, seed=SEED, repeats=CALIBRATION_REPEATS, show=options.show)
    release = options.release(
        CONTRACT,
        calibration=trained.calibration,
        metrics=compute_headline(population, trained),
        data_sha256=recipe.digest_files(data_set),
        checked_on=population.columns,
    )
    export_scorecard(trained.model, release)
    click.echo(f"artifact written: {release.metrics}")
    if options.artifact_only:
        return
    protocol = folds.cross_validation(population.events, 10, 3, SEED)
    all_fields = measure_all_fields(table, protocol)
    sba = catalogue.get_data_set("sba_loans")
    businesses = {file.split("/")[1]: measure_loans(load_table(sba, file), BINNING, SEED) for file in sba.files}
    facts = {"all_fields_auc": all_fields, "small_business": {name: asdict(one) for name, one in businesses.items()}}
    findings = measure(population, trained, protocol, facts, show=options.show)
    values = {
        "approve_below": f"{APPROVE_BELOW:.4f}",
        "decline_from": f"{DECLINE_FROM:.4f}",
        "all_fields_auc": f"{all_fields:.4f}",
        "points": describe_points(trained.model, trained.calibration.slope),
        "small_business": describe_small_business(businesses),
    }
    files = ((data_set, tuple(data_set.files)), (sba, tuple(sba.files)))
    options.store_report(findings, CONTRACT, CardText(path=FOLDER.training / "card.md", data_sets=files, values=values))


if __name__ == "__main__":
    recipe.recipe_command(FOLDER, run)()
