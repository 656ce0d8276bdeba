"""Words and skewed numbers before a radial machine, as a graph of nine operations: the same function, or refused."""

import numpy as np
import onnx
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler
from sklearn.svm import SVC

from ratecard.contract import Category, Integer, ModelContract, Number, Probability
from ratecard_workbench.training.artifact import ExportError
from ratecard_workbench.training.machine_graph import lower_machine
from ratecard_workbench.training.onnx_export import lower_pipeline, run_graph
from ratecard_workbench.training.smaller_machine import make_smaller

CHANCE = np.random.default_rng(11)
CONTRACT = ModelContract(
    slug="visits",
    version="0.1.0",
    title="Visits",
    about="For tests.",
    features=(
        Category("season", values=("spring", "summer", "autumn", "winter"), about="A word.", sample="spring"),
        Number("seconds", unit="seconds", minimum=0, maximum=90_000, about="A number.", sample=0.0),
        Number("rate", unit="fraction", minimum=0, maximum=1, about="A number.", sample=0.0),
        Category("visitor", values=("new", "known"), about="A word.", sample="new"),
        Integer("pages", unit="pages", minimum=0, maximum=900, about="A number.", sample=0),
    ),
    outputs=(Probability("probability", about="Chance."),),
)
# Winter is not in the data: a word that the encoder has never seen.
ROWS = np.column_stack(
    [
        CHANCE.integers(0, 3, 600),
        CHANCE.exponential(300, 600) * CHANCE.integers(0, 2, 600),
        CHANCE.exponential(0.03, 600),
        CHANCE.integers(0, 2, 600),
        CHANCE.integers(0, 60, 600),
    ]
).astype(np.float64)
LABELS = (ROWS[:, 4] / 20 + ROWS[:, 0] - 20 * ROWS[:, 2] + CHANCE.normal(size=600) > 1.5).astype(int)


def make_machine(*, words: object = None, numbers: object = None, machine: object = None) -> Pipeline:
    """A fitted pipeline whose steps are those of the model, or others."""
    columns = ColumnTransformer(
        [
            ("some", PowerTransformer(), [4]),
            ("words", words or OneHotEncoder(handle_unknown="ignore", sparse_output=False), [0, 3]),
            ("others", numbers or PowerTransformer(), [2, 1]),
        ],
        transformer_weights={"words": 1.5, "some": 0.4},
    )
    return make_pipeline(columns, machine or SVC(C=4.0, gamma=0.05)).fit(ROWS, LABELS)


def test_the_margins_are_those_of_the_pipeline() -> None:
    """Of rows it was trained on, of unseen words, and of numbers at the contract's ends."""
    pipeline = make_machine()
    content, output = lower_machine(pipeline, CONTRACT)
    ends = [[0.0, 0, 0, 0, 0], [3, 90_000, 1, 1, 900], [3, 0, 0, 0, 900], [1, 90_000, 0, 1, 0]]
    rows = np.vstack([ROWS, ends])

    assert output == "log_odds"
    assert run_graph(content, rows) == pytest.approx(pipeline.decision_function(rows), abs=2e-4)


def test_the_graph_is_small() -> None:
    """Nine operations where the usual converter writes four score and more."""
    pipeline = make_machine()
    nodes = [
        len(onnx.load_from_string(content).graph.node)
        for content, _ in (lower_machine(pipeline, CONTRACT), lower_pipeline(pipeline, ROWS.shape[1]))
    ]

    assert nodes[0] < 10
    assert nodes[1] > 80


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ({"words": OneHotEncoder(drop="first")}, "words is neither"),
        ({"numbers": StandardScaler()}, "others is neither"),
        ({"numbers": PowerTransformer(standardize=False)}, "others is neither"),
        ({"machine": SVC(kernel="poly")}, "radial"),
        ({"machine": SVC(gamma="scale")}, "radial"),
        ({"machine": LogisticRegression()}, "support vector machine"),
    ],
)
def test_other_steps_are_refused(steps: dict[str, object], sentence: str) -> None:
    """What the graph has no operation for is not written."""
    with pytest.raises(ExportError, match=sentence):
        lower_machine(make_machine(**steps), CONTRACT)


def test_a_power_that_stands_for_a_logarithm_is_refused() -> None:
    """Near 0 a difference of powers has no digits left."""
    pipeline = make_machine()
    pipeline[0].named_transformers_["others"].lambdas_[0] = 1e-4

    with pytest.raises(ExportError, match="too near 0"):
        lower_machine(pipeline, CONTRACT)


def test_a_power_of_a_number_that_float32_cannot_hold_is_refused() -> None:
    """At the contract's end the graph would answer infinity less infinity."""
    pipeline = make_machine()
    pipeline[0].named_transformers_["others"].lambdas_[1] = 3.5

    with pytest.raises(ExportError, match="seconds may be too large"):
        lower_machine(pipeline, CONTRACT)


def test_a_smaller_machine_repeats_the_margins_of_the_larger() -> None:
    """Within the tube on almost all rows, with a fraction of the vectors, and the graph gives its margins."""
    pipeline = make_machine(machine=SVC(C=8.0, gamma=0.05))
    smaller = make_smaller(pipeline, ROWS, 0.1)
    content, _ = lower_machine(smaller, CONTRACT)
    expected = pipeline.decision_function(ROWS)

    assert np.mean(np.abs(smaller.decision_function(ROWS) - expected) < 0.11) > 0.95
    assert smaller[-1].n_support_.sum() < pipeline[-1].n_support_.sum() / 2
    assert run_graph(content, ROWS) == pytest.approx(smaller.decision_function(ROWS), abs=2e-4)


def test_only_a_machine_behind_one_step_is_made_smaller() -> None:
    """Anything else has no margins of this kind."""
    with pytest.raises(TypeError, match="behind one step"):
        make_smaller(make_machine(machine=LogisticRegression()), ROWS, 0.1)


@pytest.mark.parametrize("change", [{"minimum": -1}, {"missing": True}])
def test_numbers_without_a_branch_are_refused(change: dict[str, object]) -> None:
    """Of Yeo-Johnson's two branches only that of numbers at 0 and above is written."""
    features = list(CONTRACT.features)
    features[1] = features[1].replace(**change)
    pipeline = make_machine()

    with pytest.raises(ExportError, match="seconds may be negative or missing"):
        lower_machine(pipeline, CONTRACT.replace(features=tuple(features)))


@pytest.mark.parametrize(
    ("feature", "sentence"),
    [
        (Category("season", values=tuple(map(str, range(105))), about="A word.", sample="0"), "210 comb"),
        (CONTRACT.features[0].replace(missing=True), "season is no category, or may be missing"),
        (Integer("season", unit="codes", minimum=0, maximum=3, about="A number.", sample=0), "season is no category"),
    ],
    ids=["too many", "missing", "a number"],
)
def test_words_without_a_place_in_the_table_are_refused(feature: object, sentence: str) -> None:
    """The table has one row for each combination of words that the contract lets through."""
    contract = CONTRACT.replace(features=(feature, *CONTRACT.features[1:]))

    with pytest.raises(ExportError, match=sentence):
        lower_machine(make_machine(), contract)
