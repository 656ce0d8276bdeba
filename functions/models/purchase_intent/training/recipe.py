"""From UCI data set 468 to the purchase-intent model: its artifact, its measurements and its card.

Run it as `python functions/models/purchase_intent/training/recipe.py`; the data catalogue says how to get the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer
from sklearn.svm import SVC

from ratecard_workbench.training import catalogue, classifiers, folds, recipe, study
from ratecard_workbench.training.alternatives import Alternative, ComparisonRow, compare_alternatives
from ratecard_workbench.training.background_rows import choose_background, describe_background
from ratecard_workbench.training.crossval import OutOfFold
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.learner import Learner, compute_classifier_margins
from ratecard_workbench.training.machine_graph import lower_machine
from ratecard_workbench.training.onnx_export import export_pipeline
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.population import Population, find_categories
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import Rules
from ratecard_workbench.training.smaller_machine import make_smaller
from ratecard_workbench.training.table import load_table
from ratecard_workbench.training.threads import one_thread
from ratecard_workbench.training.trained import Trained, compute_headline, train

FOLDER = recipe.open_folder(__file__)

from purchase_intent_data import clean_table, draw_visits  # noqa: E402

from purchase_intent.contract import BANDS, CONTRACT, LOWEST_BAND, MONTHS  # noqa: E402
from purchase_intent.decision import compute_band  # noqa: E402

SEED = 468

OTHERS_PER_PURCHASE = 2
"""Sessions without a purchase that the machine sees for each one with."""

GAMMA, PENALTY, PURCHASE_WEIGHT = 0.02, 8.0, 2.5

TUBE = 0.1
"""How far the smaller machine may be from the margins of the first, which lie between -2 and 2: a wider tube would cost
more of the order than the vectors it saves are worth."""

WORDS_SCALE, VALUE_SCALE = 1.5, 0.4
"""Weight of words and of page value against numbers of standard deviation 1. At 1 page value alone parts the visits
into two heaps whose margins hardly differ: the order within them stays, but no line makes probabilities of it."""

BACKGROUND_ROWS, PAIRS = 8, 2
CUT = 0.5
PLACE = {name: place for place, name in enumerate(CONTRACT.columns)}

PAPER = "PMC10121810"
PUBLISHED = (
    Published("XGBoost, selected columns, oversampling", "auc", 0.937, "natural rate; details not seen", PAPER),
    Published("XGBoost, selected columns, oversampling", "average_precision", 0.754, "the same", PAPER),
    Published("XGBoost, selected columns, oversampling", "accuracy", 0.9065, "the same", PAPER),
    Published(
        "Best models, soft expectation",
        "auc",
        0.93,
        "3-fold cross-validation, repeated",
        "TabArena: .93 to .94",
        verified=False,
    ),
    Published(
        "Perceptron, oversampled test rows",
        "accuracy",
        0.8724,
        "half the test rows are purchases: not comparable",
        "Sakar et al. 2019",
        verified=False,
    ),
    Published(
        "Support vectors (RBF), oversampled test rows",
        "accuracy",
        0.8488,
        "half the test rows are purchases: not comparable",
        "Sakar et al. 2019",
        verified=False,
    ),
)


def decide_all(log_odds: NDArray[np.float64], population: Population) -> NDArray[np.str_]:
    """Return each session's band, by the model's own rule."""
    return np.array([compute_band(chance) for chance in Platt(1.0, 0.0).probabilities(log_odds).tolist()])


RULES = Rules(
    decide=decide_all,
    decisions=(*(band for band, _ in BANDS), LOWEST_BAND),
    favourable=("high",),
    alert_rates=(0.1, 0.2),
    cut=CUT,
)


def make_machine(places: Sequence[int]) -> Pipeline:
    """Return an unfitted machine that sees some columns, each kind in its own way: words, numbers, page value.

    Parameters
    ----------
    places : sequence of int
        Of the columns, contract's first.
    """
    words = [place for place in places if place in find_categories(CONTRACT) or place >= len(CONTRACT.columns)]
    numbers = [place for place in places if place not in words]
    value = [place for place in numbers if place == PLACE["page_value"]]
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
            # Yeo-Johnson: counts, times and money are skewed over orders of magnitude.
            ("numbers", PowerTransformer(), [place for place in numbers if place not in value]),
            ("value", PowerTransformer(), value),
        ],
        transformer_weights={"words": WORDS_SCALE, "numbers": 1.0, "value": VALUE_SCALE},
    )
    machine = SVC(C=PENALTY, gamma=GAMMA, class_weight={0: 1.0, 1: PURCHASE_WEIGHT}, cache_size=500)
    return make_pipeline(columns, machine)


def choose_sessions(events: NDArray[np.int8], others: float = OTHERS_PER_PURCHASE) -> NDArray[np.intp]:
    """Choose all sessions with a purchase and, by chance but seeded, so many without for each."""
    bought, not_bought = np.flatnonzero(events == 1), np.flatnonzero(events == 0)
    count = min(not_bought.size, int(min(others, not_bought.size) * bought.size))
    chosen = np.random.default_rng(SEED).choice(not_bought, count, replace=False)
    return np.sort(np.concatenate([bought, chosen]))


def learn_machine(
    places: Sequence[int] = range(len(PLACE)), others: float = OTHERS_PER_PURCHASE, tube: float = TUBE
) -> Learner[Pipeline]:
    """Return the procedure: choose sessions, prepare columns, part them, and repeat that with fewer vectors.

    Without a tube the first machine is the model.
    """

    def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Pipeline:
        chosen = choose_sessions(events, others)
        with one_thread():
            machine = make_machine(places).fit(columns[chosen], events[chosen])
            return make_smaller(machine, columns[chosen], tube) if tube else machine

    return Learner(fit, compute_classifier_margins)


def list_variants() -> list[Alternative]:
    """Return the model with one choice undone each."""

    def without(name: str) -> Alternative:
        kept = [place for column, place in PLACE.items() if column != name]
        return Alternative(f"This model without {name}", learn_machine(kept).as_fit())

    return [
        without("page_value"),
        without("month"),
        Alternative("This model before it was made smaller", learn_machine(tube=0.0).as_fit()),
        Alternative("This model, trained on all sessions", learn_machine(others=np.inf).as_fit()),
    ]


def compare_with_codes(
    found: OutOfFold, population: Population, codes: NDArray[np.float64], protocol: folds.Protocol
) -> list[ComparisonRow]:
    """Compare with the same procedure that also sees the four columns of unpublished codes."""
    wide = replace(population, columns=np.column_stack([population.columns, codes]))
    learner = learn_machine(range(wide.columns.shape[1]))
    with_codes = Alternative("This model with four columns of unpublished codes", learner.as_fit())
    return compare_alternatives(("This model", found), [with_codes], wide, protocol.first)[1:]


def compute_thresholds(calibration: Platt) -> tuple[float, ...]:
    """Return the margins at which the band changes."""
    return tuple(float((logit(lowest) - calibration.intercept) / calibration.slope) for _, lowest in BANDS)


def predict_month(trained: Trained[Pipeline], population: Population, month: str) -> str:
    """Return the mean probability of the unseen sessions, had they all been in a month, for the card."""
    moved = population.columns[trained.unseen].copy()
    moved[:, PLACE["month"]] = MONTHS.index(month)
    margins = compute_classifier_margins(trained.model, moved)
    return f"{100 * float(trained.calibration.probabilities(margins).mean()):.1f} %"


def describe_synthetic(trained: Trained[Pipeline]) -> dict[str, object]:
    """Return visits of nobody with scikit-learn's margins, for the test of what is served."""
    visits = draw_visits(24, SEED)
    return {"rows": visits.tolist(), "margins": compute_classifier_margins(trained.model, visits).tolist()}


def fill_gaps(findings: study.Study[Pipeline], metrics: Mapping[str, object]) -> dict[str, str]:
    """Return what fills the gaps of `card.md` that are this model's own."""
    trained, population = findings.trained, findings.population
    cleaning: Mapping[str, int] = findings.facts["cleaning"]  # type: ignore[assignment]
    fidelity: Mapping[str, float] = metrics["fidelity"]  # type: ignore[assignment]
    return {name: f"{count:,}" for name, count in cleaning.items()} | {
        "support_vectors": f"{metrics['support_vectors']:,}",
        "largest_difference": f"{fidelity['largest_difference']:.1g}",
        "flips": str(fidelity["flips"]),
        "checked": f"{fidelity['rows']:,}",
        "january": predict_month(trained, population, "january"),
        "april": predict_month(trained, population, "april"),
        "february": predict_month(trained, population, "february"),
        "november": predict_month(trained, population, "november"),
        "others": str(OTHERS_PER_PURCHASE),
        "background_rows": str(BACKGROUND_ROWS),
        "pairs": str(PAIRS),
        "gamma": str(GAMMA),
        "penalty": f"{PENALTY:g}",
        "purchase_weight": str(PURCHASE_WEIGHT),
        "tube": str(TUBE),
        "value_scale": str(VALUE_SCALE),
        "blind_accuracy": f"{100 * (1 - float(population.events.mean())):.1f} %",
        **{f"{band}_from": str(lowest) for band, lowest in BANDS},
    }


def write_artifact(
    options: recipe.Run, trained: Trained[Pipeline], population: Population, data_sha256: str
) -> dict[str, object]:
    """Write graph, background rows and manifest; return the manifest's metrics."""
    vectors = int(trained.model[-1].n_support_.sum())
    release = options.release(
        CONTRACT,
        calibration=trained.calibration,
        metrics=compute_headline(population, trained, {"support_vectors": vectors}),
        data_sha256=data_sha256,
        checked_on=population.columns,
    )
    development = trained.split.train
    chosen = development[choose_background(trained.own_margins[development], BACKGROUND_ROWS)]
    manifest = export_pipeline(
        trained.model,
        release,
        thresholds=compute_thresholds(trained.calibration),
        files=describe_background(population.columns[chosen], PAIRS),
        lowered=lower_machine(trained.model, CONTRACT),
    )
    metrics: dict[str, object] = manifest["metrics"]  # type: ignore[assignment]
    return metrics


def run(options: recipe.Run) -> None:
    """Train the purchase-intent model and measure it."""
    data_set = catalogue.get_data_set("online_shoppers")
    population, codes, cleaning = clean_table(options.limit(load_table(data_set)))
    learner = learn_machine()
    trained = train(learner, population, folds.split_rows(population.events, 0.2, SEED), seed=SEED, show=options.show)
    metrics = write_artifact(options, trained, population, recipe.digest_files(data_set))
    click.echo(f"artifact written: {metrics}")
    if options.artifact_only:
        return
    protocol = folds.cross_validation(population.events, 5, 5, SEED)
    rivals = classifiers.list_alternatives(SEED, population, categories=find_categories(CONTRACT))
    found, comparison = study.run_protocol(
        learner, population, protocol, [*list_variants(), *rivals], show=options.show
    )
    comparison += compare_with_codes(found, population, codes, protocol)
    findings = study.Study(
        population=population,
        trained=trained,
        rules=RULES,
        protocol=protocol,
        found=found,
        comparison=comparison,
        published=PUBLISHED,
        event="purchase",
        facts={
            "cleaning": asdict(cleaning),
            "support_vectors": metrics["support_vectors"],
            "fidelity": metrics["fidelity"],
            "synthetic": describe_synthetic(trained),
        },
    )
    values = fill_gaps(findings, metrics)
    files = ((data_set, tuple(data_set.files)),)
    options.store_report(findings, CONTRACT, CardText(path=FOLDER.training / "card.md", data_sets=files, values=values))


if __name__ == "__main__":
    recipe.recipe_command(FOLDER, run)()
