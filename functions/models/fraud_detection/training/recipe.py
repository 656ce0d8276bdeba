"""From simulated card payments to the fraud-detection model: its artifact, its measurements and its card.

Run it as `python functions/models/fraud_detection/training/recipe.py`. It needs no data: what the model is trained on
is simulated. Where the handbook's transactions are on the machine, its published figures are compared with.
"""

from collections.abc import Mapping
from dataclasses import replace

import click
import numpy as np
from numpy.typing import NDArray

from ratecard.kernel.digest import sha256_hex
from ratecard_workbench.training import classifiers, recipe, study, timesplit, xgboosting
from ratecard_workbench.training.alert_table import AlertRow, compute_alert_rows, format_actions, format_alerts
from ratecard_workbench.training.alternatives import Alternative, compare_scored
from ratecard_workbench.training.catalogue import DataSetMissingError
from ratecard_workbench.training.crossval import OutOfFold, compute_out_of_fold
from ratecard_workbench.training.folds import Protocol
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.rules import Rules
from ratecard_workbench.training.trained import compute_headline, train
from ratecard_workbench.training.xgboost_export import export_xgboost

FOLDER = recipe.open_folder(__file__)

import fraud_detection_handbook as handbook  # noqa: E402
from fraud_detection_data import Case, cut_window, make_case  # noqa: E402
from fraud_detection_report import Findings, compute_findings, format_scenarios  # noqa: E402
from fraud_detection_simulator import World, simulate  # noqa: E402

from fraud_detection.contract import BLOCK_FROM, CONTRACT, STEP_UP_FROM  # noqa: E402
from fraud_detection.decision import compute_action  # noqa: E402

SEED = 2026
WINDOW = timesplit.Window(66)
"""Late enough that histories reach back 37 days, and that terminals were compromised for a while before these."""

DAYS = WINDOW.first_test_day + WINDOW.test_days
ACTIONS = ("allow", "step_up", "block")
# A terminal's history and a card's add up and do not mix: then a terminal without frauds is never a reason.
TERMINAL = [place for place, name in enumerate(CONTRACT.columns) if name.startswith("terminal")]
INTERACTIONS = [[place for place in range(len(CONTRACT.columns)) if place not in TERMINAL], TERMINAL]
DRAWS = 60
"""Samples of each bootstrap of the study, whose rows are many."""

PLAN = xgboosting.XgboostPlan(
    parameters={
        "max_depth": 5,
        "learning_rate": 0.1,
        "subsample": 0.7,
        "colsample_bynode": 0.5,
        "min_child_weight": 1,
        "reg_lambda": 1,
        # Quantile bins of the default number have no edge near the rare large amounts, where much of the fraud is.
        "max_bin": 2048,
        "interaction_constraints": str(INTERACTIONS),
    },
    column_names=CONTRACT.columns,
    # Not the share over 30 days: beside the shorter ones it says that a terminal's frauds are over.
    monotone={"amount": 1, "terminal_fraud_share_1d": 1, "terminal_fraud_share_7d": 1},
    max_trees=80,
    patience=0,
    validation_share=0.15,
    seed=7,
)
LEARNER = xgboosting.learn_xgboost(PLAN)
NAME = "This model"


def decide_all(log_odds: NDArray[np.float64], population: Population) -> NDArray[np.str_]:
    """Return each row's action, by the model's own rule."""
    return np.array([compute_action(chance) for chance in (1 / (1 + np.exp(-log_odds))).tolist()])


RULES = Rules(decide=decide_all, decisions=ACTIONS, favourable=("allow",), alert_rates=(0.005, 0.01))


def simulate_case(rows: int | None, *, show: bool) -> Case:
    """Return the window of the project's own world, which is smaller where only so many rows are wanted."""
    world = World(days=DAYS)
    if rows:
        customers = min(world.customers, max(100, rows // 25))
        world = World(days=DAYS, customers=customers, terminals=2 * customers)
    return make_case(*cut_window(simulate(world, SEED), WINDOW, show=show), WINDOW)


def list_variants() -> list[Alternative]:
    """Return the model with one choice undone each."""
    mixed = {name: value for name, value in PLAN.parameters.items() if name != "interaction_constraints"}
    plans = {
        "XGBoost, no constraints": replace(PLAN, parameters=mixed, monotone={}),
        "XGBoost, card and terminal mixed": replace(PLAN, parameters=mixed),
        "XGBoost, share over 30 days monotone too": replace(
            PLAN, monotone={**PLAN.monotone, "terminal_fraud_share_30d": 1}
        ),
        "XGBoost, 256 bins": replace(PLAN, parameters={**PLAN.parameters, "max_bin": 256}),
    }
    return [Alternative(name, xgboosting.learn_xgboost(plan).as_fit()) for name, plan in plans.items()]


def fill_gaps(own: Findings) -> dict[str, str]:
    """Return what fills the gaps of `card.md` that are this model's own."""
    acted = own.actions[-1]
    return {
        "seed": str(SEED),
        "simulated_days": str(DAYS),
        "step_up_from": str(STEP_UP_FROM),
        "block_from": str(BLOCK_FROM),
        "alerts": str(handbook.ALERTS),
        "cards_a_day": f"{acted.cards_a_day:.0f}",
        "development_cards_a_day": f"{own.development_cards_a_day:.0f}",
        "actions": format_actions(own.actions),
        "scenarios": format_scenarios(own.scenarios),
        "procedures": format_alerts(own.procedures, handbook.ALERTS),
    }


def score_all(case: Case, *, show: bool) -> dict[str, OutOfFold]:
    """Fit the procedure and its alternatives on the training week and score the test week; the procedure first."""
    rivals = classifiers.list_alternatives(SEED, case.population)
    return {
        one.name: compute_out_of_fold(one.fit, case.population, [case.fold], label=one.name, show=show)
        for one in (Alternative(NAME, LEARNER.as_fit()), *list_variants(), *rivals)
    }


def compute_alerts(case: Case, scored: Mapping[str, OutOfFold], *, show: bool) -> list[AlertRow]:
    """Judge them by the cards that a desk would look at."""
    return compute_alert_rows(scored, case.payments, alerts=handbook.ALERTS, seed=SEED, draws=100, show=show)


def compare_with_handbook(options: recipe.Run) -> tuple[Mapping[str, object] | None, bool]:
    """Return the comparison on the handbook's transactions, and whether it was made now; None if there is none."""
    settings = str(sorted(PLAN.settings().items()))
    try:
        if options.rows is None:
            case = handbook.load_case(show=options.show)
            rows = compute_alerts(case, score_all(case, show=options.show), show=options.show)
            return handbook.describe_comparison(case, rows, settings), True
    except DataSetMissingError as missing:
        click.echo(f"not compared with the handbook: {missing.detail}", err=True)
    return handbook.find_stored(FOLDER.training / "measured.json", settings), False


def run(options: recipe.Run) -> None:
    """Train the fraud-detection model and measure it."""
    case = simulate_case(options.rows, show=options.show)
    population = case.population
    trained = train(LEARNER, population, case.fold, seed=SEED, show=options.show)
    trees = trained.model.num_boosted_rounds()
    release = options.release(
        CONTRACT,
        calibration=trained.calibration,
        metrics=compute_headline(population, trained, {"trees": trees}),
        data_sha256=sha256_hex(population.columns.tobytes() + population.events.tobytes()),
        checked_on=population.columns[trained.unseen],
    )
    export_xgboost(trained.model, release)
    click.echo(f"artifact written: {release.metrics}")
    if options.artifact_only:
        return
    scored = score_all(case, show=options.show)
    comparison, fresh = compare_with_handbook(options)
    actions = decide_all(trained.calibration.log_odds(trained.margins), population)
    own = compute_findings(case, actions, compute_alerts(case, scored, show=options.show))
    rivals = {name: found for name, found in scored.items() if name != NAME}
    findings = study.Study(
        population=population,
        trained=trained,
        rules=RULES,
        protocol=Protocol("one week of training, one week until outcomes are known, one week of test", (case.fold,), 1),
        found=scored[NAME],
        comparison=compare_scored((NAME, scored[NAME]), rivals, population),
        event="fraud",
        facts={**own.describe(), "trees": trees, "handbook": comparison},
    )
    values = fill_gaps(own) | {"trees": str(trees), "handbook": handbook.write_comparison(comparison, fresh=fresh)}
    text = CardText(path=FOLDER.training / "card.md", data_sets=(), values=values)
    options.store_report(findings, CONTRACT, text, draws=DRAWS)


if __name__ == "__main__":
    recipe.recipe_command(FOLDER, run)()
