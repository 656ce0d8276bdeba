"""The Python that is written: it holds whatever a heading or a label may hold, as text and never as code."""

import ast
import re
from random import Random

import pytest
from support.brought_answer import HOSTILE, answer

from ratecard_workbench.bring.bringing import refuse_weight, suspicion
from ratecard_workbench.bring.brought import parse_brought
from ratecard_workbench.bring.fidelity import compare_answers
from ratecard_workbench.bring.formats import find_model_file
from ratecard_workbench.bring.jail import BringError
from ratecard_workbench.bring.names import SlugError, check_slug, name_of
from ratecard_workbench.bring.refusals import Refused, refuse_newer
from ratecard_workbench.bring.sources import (
    class_fields,
    contract_text,
    decision_text,
    handler_text,
    literal,
    output_lines,
)


@pytest.mark.parametrize("output", ["log_odds", "log_odds_by_class", "value"])
def test_texts_of_a_model_are_literals_in_the_contract(output):
    """Quotes, newlines, backslashes: the contract is data that evaluates to them."""
    brought = parse_brought(answer(output=output, classes=[] if output == "value" else ["0", HOSTILE]))
    text = contract_text(brought, "late-payers", "Late", output_lines(brought, "loss", (0.0, 1.0)))
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert {call.func.id for call in calls} <= {
        *("ModelContract", "Category", "Number", "Choice", "Probability", "Quantity", "Reason")
    }
    strings = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert HOSTILE in strings
    ast.parse(decision_text(brought, "late-payers"))
    ast.parse(handler_text("late-payers"))


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "pickle"},
        {"output": "anything"},
        {"slope": float("nan")},
        {"fields": [{"name": "a b"}]},
        {"rows": 3},
        {"classes": ["0"] * 51, "output": "log_odds_by_class"},
    ],
)
def test_what_comes_out_of_the_fence_is_parsed_not_trusted(changes):
    """A model file that took over its process cannot choose a name, an engine or a number that is none."""
    with pytest.raises(BringError):
        parse_brought(answer(**changes))


@pytest.mark.parametrize(
    "slug", ["Late", "late_payers", "1st", "class", "json", "numpy", "ratecard-x", "", "a" * 33, "x/../y"]
)
def test_a_slug_is_a_url_a_package_and_a_function_at_once(slug):
    """What one of the three does not take is refused."""
    with pytest.raises(SlugError):
        check_slug(slug)


def test_the_answer_is_called_after_the_target_or_the_event():
    """`1` says nothing, `default` does."""
    brought = parse_brought(answer(classes=["0", "1"]))
    assert name_of("Bad Loan", brought) == "bad_loan"
    assert name_of(None, brought) == "event"
    assert name_of("y", parse_brought(answer(classes=["paid", "late"]))) == "late"
    assert class_fields(("mid — é", "high, very")) == ["probability_of_mid", "probability_of_high_very"]
    assert class_fields(("Mid", "mid")) == ["probability_of_class_0", "probability_of_class_1"]


def test_fidelity_is_measured_by_answer_and_by_decision():
    """A difference that moves nobody over the line is no flip; a value is measured against its range."""
    one = compare_answers("probability", [[0.5000001], [0.2]], [0.4999999, 0.2])
    assert (one.rows, one.flips, one.holds) == (2, 1, False)
    assert compare_answers("probability", [[0.3000001]], [0.3]).holds
    assert compare_answers("probability_by_class", [[0.2, 0.8]], [[0.2, 0.8]]).holds
    assert compare_answers("value", [[1000.0], [2000.001]], [1000.0, 2000.0]).largest == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", "none of the kinds"),
        (b'[{"nodeid":0,"split":"a"}]', "XGBoost's JSON dump"),
        (b'{"name":"tree","version":"v4"}', "LightGBM's JSON dump"),
        (b"", "none of the kinds"),
    ],
)
def test_a_file_that_is_no_model_is_told_what_would_be(content, said, tmp_path):
    """By its first bytes, whatever it is called."""
    (tmp_path / "model.joblib").write_bytes(content)
    with pytest.raises(Refused, match=said):
        find_model_file(tmp_path / "model.joblib")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "without MLmodel"),
        ("flavors: {python_function: {}}", "none of the flavours"),
        ("flavors: {sklearn: {pickled_model: ../../secret}}", "names no model file in its folder"),
        ("flavors: [", "cannot be read"),
        ("!!python/object/apply:os.system [true]", "cannot be read"),
    ],
)
def test_an_mlflow_directory_that_is_none_or_points_elsewhere_is_refused(text, said, tmp_path):
    """The description is data; the file it names lies beside it."""
    if text is not None:
        (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(Refused, match=said):
        find_model_file(tmp_path)


def test_a_later_release_line_is_refused_and_a_patch_is_not():
    """1.9.9 is read by 1.9.1; 1.10 and 2.0 are not."""
    refuse_newer("scikit-learn", "1.9.9", "1.9.1")
    for theirs in ("1.10.0", "2.0.0"):
        with pytest.raises(Refused, match=f"scikit-learn {theirs} wrote the model"):
            refuse_newer("scikit-learn", theirs, "1.9.1")


@pytest.mark.parametrize(
    ("text", "written"),
    [("é", '"é"'), ("5\u20139", '"5\\u20139"'), ("it's", '"it\'s"'), ('"a" b', "'\"a\" b'"), ("\"'", '"\\"\'"')],
)
def test_a_literal_is_quoted_as_the_formatter_quotes_it(text, written):
    """In double quotes, unless single ones save a backslash; a dash that looks like a minus is told from one."""
    assert literal(text) == written
    assert ast.literal_eval(written) == text


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("StandardScaler > CalibratedClassifierCV", "isotonic"),
        ("KNNImputer > LogisticRegression", "SimpleImputer is lowered exactly"),
        ("PCA > LogisticRegression", r"PCA > LogisticRegression.*one that is lowered wrongly"),
    ],
)
def test_a_difference_is_blamed_on_a_step_that_is_there(steps, said):
    """Nobody is told about calibration who has none."""
    assert re.search(said, suspicion(steps))
    assert ("isotonic" in suspicion(steps)) == ("Calibrated" in steps)


def test_a_model_is_weighed_zipped(tmp_path):
    """Ten megabytes of one letter are deployed as ten kilobytes; five of noise are too heavy."""
    (tmp_path / "model.txt").write_bytes(b"x" * 10_000_000)
    refuse_weight(tmp_path)
    (tmp_path / "model.txt").write_bytes(Random(0).randbytes(5_000_000))
    with pytest.raises(BringError, match=r"5\.0 MB zipped"):
        refuse_weight(tmp_path)
    (tmp_path / "model.txt").write_bytes(b"x" * 90_000_001)
    with pytest.raises(BringError, match=r"90\.0 MB unzipped"):
        refuse_weight(tmp_path)
