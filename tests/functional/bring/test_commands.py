"""`ratecard new`, `check` and `remove` in a project: the whole way, and every way it can end before."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skops.io
import xgboost
from onnxruntime.capi.onnxruntime_pybind11_state import Fail
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from support.brought import COLUMNS, NUMBERS, ratecard, store_sample, train_pipeline, tree_of

from ratecard_workbench.bring.opening import NEWEST_FORMAT, NEWEST_OPSETS, refuse_later_graph
from ratecard_workbench.bring.reader import read_model
from ratecard_workbench.bring.refusals import Refused


def test_a_notebooks_pipeline_becomes_a_model_is_checked_and_goes_without_a_trace(project, portfolio, tmp_path):
    """new writes folder, entry, prices and documents; check counts what is left; remove restores every byte."""
    pipeline, target = train_pipeline("logistic", portfolio)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    sample = store_sample(portfolio, target, tmp_path / "sample.csv")
    before = tree_of(project)
    arguments = ("late-payers", "--model", tmp_path / "model.joblib", "--data", sample, "--target", target)
    made = ratecard(project, "new", *arguments, "--trust-pickle", "--json")
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    assert said["fidelity"]["flips"] == 0
    assert said["fidelity"]["largest"] < 1e-9
    assert said["speed"]["cold_milliseconds"] > 0
    assert "opening a pickle runs what its maker put in" in made.stderr
    folder = project / "functions" / "models" / "late_payers"
    replies = {path.name: json.loads(path.read_text()) for path in (folder / "events").glob("rest_row*.reply.json")}
    assert replies["rest_row.reply.json"]["statusCode"] == 200
    (first, _) = json.loads(replies["rest_rows_explained.reply.json"]["body"])["predictions"]
    assert set(first["explanation"]["contributions"]) == {"age", "income", "home_type", "member", "debt_ratio"}
    assert ratecard(project, "generate", "--check").returncode == 0
    recipe = subprocess.run([sys.executable, folder / "training" / "recipe.py"], capture_output=True, check=False)
    assert recipe.returncode == 0
    checked = ratecard(project, "check", "late-payers", "--json")
    assert checked.returncode == 73
    assert {one["place"].split(":")[0] for one in json.loads(checked.stdout)} == {
        *("src/late_payers/contract.py", "src/late_payers/decision.py", "MODEL_CARD.md")
    }
    confirm(folder)
    assert ratecard(project, "check", "late-payers").stdout == ""
    taken = ratecard(project, "new", *arguments, "--trust-pickle")
    assert (taken.returncode, "late-payers already" in taken.stderr) == (73, True)
    assert ratecard(project, "remove", "late-payers", "--prices", "--yes").returncode == 0
    assert tree_of(project) == before


def confirm(folder):
    """Do what check asks for: take the marks away and finish the card."""
    for path in (*folder.glob("src/*/*.py"), folder / "MODEL_CARD.md"):
        lines = [line.split("  # inferred")[0] for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines).replace("(to write)", "Written.") + "\n")


def test_check_finds_what_no_longer_fits(project, portfolio, tmp_path):
    """Another artifact, a stale event, no price, another version: each is named. The folder is copied by hand."""
    source = project / "functions" / "models" / "credit_rating"
    real = source.resolve()
    source.unlink()
    subprocess.run(["cp", "-r", real, source], check=True)
    assert ratecard(project, "check", "credit-rating").returncode == 0
    (source / "events" / "direct_row.reply.json").write_text("{}")
    rates = project / "infra" / "ratecard.toml"
    rates.write_text(
        rates.read_text().replace(
            'model = "credit-rating"\noperation = "batch"\n', 'model = "x"\noperation = "batch"\n'
        )
    )
    found = json.loads(ratecard(project, "check", "credit-rating", "--json").stdout)
    assert [one["place"] for one in found] == ["events/direct_row.reply.json", "infra/ratecard.toml"]
    (source / "src" / "credit_rating" / "artifact" / "model.txt").write_text("tree\n")
    found = json.loads(ratecard(project, "check", "credit-rating", "--json").stdout)
    assert "SHA-256 differs" in found[0]["detail"]
    assert ratecard(project, "check", "nobody").returncode == 66


def test_a_pickle_is_not_opened_unasked_and_nothing_is_written(project, tmp_path):
    """The warning says why, and what to do instead."""
    (tmp_path / "model.joblib").write_bytes(b"\x80\x04N.")
    (tmp_path / "s.csv").write_text("a\n1\n")
    before = tree_of(project)
    arguments = ("late-payers", "--model", tmp_path / "model.joblib", "--data", tmp_path / "s.csv")
    refused = ratecard(project, "new", *arguments)
    assert refused.returncode == 65
    assert "opening it runs whatever its maker put in" in refused.stderr
    assert ratecard(project, "new", "Late Payers", *arguments[1:]).returncode == 65
    assert ratecard(project, "new", "credit-rating", *arguments[1:]).returncode == 73
    assert ratecard(project, "new", "late-payers").returncode == 2
    assert ratecard(project, "new", *arguments, "--title", "two\nlines").returncode == 2
    (tmp_path / "model.txt").write_text("tree\nversion=v4\n")
    (tmp_path / "mine.csv").write_text("a\n1\n")
    arguments = ("late-payers", "--model", tmp_path / "model.txt", "--data", tmp_path / "mine.csv", "--target", "nope")
    assert "mine.csv has no column 'nope'" in ratecard(project, "new", *arguments).stderr
    assert tree_of(project) == before


@pytest.mark.slow(8)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("after", [0.5, 2.0, 4.0])
def test_a_command_that_is_ended_leaves_the_tree_as_it_was(project, portfolio, tmp_path, number, after):
    """At three moments of its work, by three signals; the next command clears what a kill left in build/."""
    pipeline, target = train_pipeline("logistic", portfolio)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    sample = store_sample(portfolio, target, tmp_path / "sample.csv")
    before = tree_of(project)
    command = [sys.executable, "-c", "from ratecard_workbench.cli import main; main()", "new", "late-payers", "--model"]
    command += [tmp_path / "model.joblib", "--data", sample, "--trust-pickle", "--project", project, "--target", target]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    os.kill(process.pid, number)
    if process.wait(60) == 0:
        ratecard(project, "remove", "late-payers", "--prices", "--yes")
    assert tree_of(project) == before
    assert ratecard(project, "new", "credit-rating", "--entry-only").returncode == 73
    assert tree_of(project) == before
    assert not (project / "build" / "bring").exists()


class Doubling(BaseEstimator, TransformerMixin):
    """A step of somebody's own: there is no converter for it."""

    def fit(self, rows, labels=None):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def transform(self, rows):
        """Double."""
        return 2 * np.asarray(rows)


class Newer(LogisticRegression):
    """Writes the version of a later scikit-learn into its pickle."""

    def __getstate__(self):
        """Say so."""
        return super().__getstate__() | {"_sklearn_version": "9.0.0"}


def own_step(rows, labels):
    return make_pipeline(StandardScaler(), Doubling(), LogisticRegression()).fit(rows, labels)


def own_function(rows, labels):
    return make_pipeline(FunctionTransformer(np.cbrt), LogisticRegression()).fit(rows, labels)


MODELS = {
    "a function": (own_function, r"the step FunctionTransformer\(cbrt\) cannot be lowered"),
    "a step of somebody's own": (own_step, "the step Doubling cannot be lowered"),
    "no chances": (
        lambda rows, labels: make_pipeline(StandardScaler(), LinearSVC()).fit(rows, labels),
        "the LinearSVC gives scores but no chances",
    ),
    "not fitted": (lambda rows, labels: LogisticRegression(), "is not fitted"),
    "a dictionary": (lambda rows, labels: {"model": 1}, "holds a dict"),
    "no prediction": (lambda rows, labels: LocalOutlierFactor().fit(rows), "the LocalOutlierFactor"),
    "several values": (
        lambda rows, labels: Ridge().fit(rows, np.c_[labels, labels]),
        "gives 2 values a row",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_brought_is_told_why(name, portfolio, tmp_path):
    """The step is named, and what to do."""
    build, said = MODELS[name]
    rows = portfolio[["Age", "debt_ratio"]]
    joblib.dump(build(rows, portfolio["bad"]), tmp_path / "model.joblib")
    store_sample(portfolio, None, tmp_path / "sample.csv", list(rows))
    with pytest.raises(Refused, match=said):
        read_model(tmp_path, {"model": "model.joblib", "target": None, "trust_pickle": True})


def test_a_class_of_the_notebook_is_named_with_what_to_do_instead(portfolio, tmp_path, monkeypatch):
    """It is not here when the file is opened, and a module of its own would not help."""
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "MyStep", type("MyStep", (Doubling,), {"__module__": "__main__"}), raising=False)
    rows = portfolio[["Age", "debt_ratio"]]
    joblib.dump(
        make_pipeline(main.MyStep(), LogisticRegression()).fit(rows, portfolio["bad"]), tmp_path / "mine.joblib"
    )
    monkeypatch.delattr(main, "MyStep")
    store_sample(portfolio, None, tmp_path / "sample.csv", list(rows))
    with pytest.raises(Refused, match=r"mine\.joblib .* needs MyStep, which was defined in the notebook.*export"):
        read_model(tmp_path, {"model": "mine.joblib", "target": None, "trust_pickle": True})


def test_free_text_is_sent_to_the_text_engine(tmp_path):
    """A graph would cut it into other words than Python does."""
    frame = pd.DataFrame({"words": [f"late fee number {place}" for place in range(30)]})
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["words"], [0, 1] * 15)
    joblib.dump(model, tmp_path / "model.joblib")
    frame.to_csv(tmp_path / "sample.csv", index=False)
    with pytest.raises(Refused, match=r"TfidfVectorizer takes free text apart.*text engine"):
        read_model(tmp_path, {"model": "model.joblib", "target": None, "trust_pickle": True})


def test_a_later_scikit_learn_is_refused_by_its_version(portfolio, tmp_path):
    """The pickle says which release wrote it."""
    rows = portfolio[["Age", "debt_ratio"]]
    model = Newer().fit(rows, portfolio["bad"])
    store_sample(portfolio, None, tmp_path / "sample.csv", list(rows))

    class Rebuilt:
        def __reduce__(self):
            return LogisticRegression, (), model.__getstate__()

    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Rebuilt()))
    with pytest.raises(Refused, match=r"scikit-learn 9\.0\.0 wrote the model"):
        read_model(tmp_path, {"model": "model.pkl", "target": None, "trust_pickle": True})


def test_a_later_xgboost_and_a_bent_objective_are_refused(portfolio, tmp_path):
    """The version stands in the file; exp(score) is not the score."""
    store_sample(portfolio, None, tmp_path / "sample.csv", NUMBERS)
    matrix = xgboost.DMatrix(portfolio[NUMBERS], portfolio["bad"])
    xgboost.train({"objective": "binary:logistic"}, matrix, 2).save_model(tmp_path / "m.json")
    later = json.loads((tmp_path / "m.json").read_text()) | {"version": [9, 0, 0]}
    (tmp_path / "later.json").write_text(json.dumps(later))
    with pytest.raises(Refused, match=r"XGBoost 9\.0\.0 wrote the model"):
        read_model(tmp_path, {"model": "later.json", "target": None, "trust_pickle": False})
    xgboost.train({"objective": "count:poisson"}, matrix, 2).save_model(tmp_path / "count.ubj")
    with pytest.raises(Refused, match="objective count:poisson"):
        read_model(tmp_path, {"model": "count.ubj", "target": None, "trust_pickle": False})


def test_a_later_lightgbm_is_refused_by_its_format(tmp_path):
    """The file says it in its second line."""
    (tmp_path / "model.txt").write_text("tree\nversion=v9\n")
    (tmp_path / "sample.csv").write_text("a\n1\n")
    with pytest.raises(Refused, match=r"format v9 wrote the model.* reads v4: load it with LightGBM 4"):
        read_model(tmp_path, {"model": "model.txt", "target": None, "trust_pickle": False})


@pytest.mark.parametrize(
    ("later", "said"),
    [({}, None), ({"": 1}, "operators of ai.onnx"), ({"ai.onnx.ml": 1}, "ai.onnx.ml"), ({"format": 1}, "the format")],
)
def test_a_later_graph_is_refused_by_what_is_newer_in_it(later, said):
    """The newest that is taken is what the installed runtime takes: one more, and it refuses too."""
    opsets = [onnx.helper.make_opsetid(one, newest + later.get(one, 0)) for one, newest in NEWEST_OPSETS.items()]
    scaler = onnx.helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1]) for name in "xy"]
    graph = onnx.helper.make_graph([scaler], "graph", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=NEWEST_FORMAT + later.get("format", 0))
    if said is None:
        refuse_later_graph(model, "1.0")
        onnxruntime.InferenceSession(model.SerializeToString())
        return
    with pytest.raises(Refused, match=rf"the graph has .*{said}.*newer than the engine's"):
        refuse_later_graph(model, "1.0")
    with pytest.raises(Fail):
        onnxruntime.InferenceSession(model.SerializeToString())


def test_a_sample_with_other_columns_is_refused_column_by_column(portfolio, tmp_path):
    """What is missing and what is too much."""
    pipeline, _ = train_pipeline("logistic", portfolio)
    joblib.dump(pipeline, tmp_path / "m.joblib")
    portfolio.rename(columns={"income": "salary"})[["salary", *COLUMNS[:1], *COLUMNS[2:]]].to_csv(
        tmp_path / "sample.csv", index=False
    )
    with pytest.raises(Refused) as refused:
        read_model(tmp_path, {"model": "m.joblib", "target": None, "trust_pickle": True})
    assert [place for place, _ in refused.value.problems] == ["income", "salary"]


def test_a_skops_file_with_unknown_types_needs_a_word(portfolio, tmp_path):
    """They are listed."""
    rows = portfolio[["Age", "debt_ratio"]]
    skops.io.dump(own_step(rows, portfolio["bad"]), tmp_path / "m.skops")
    store_sample(portfolio, None, tmp_path / "sample.csv", list(rows))
    with pytest.raises(Refused, match=r"types that are not on Ratecard's list: .*Doubling"):
        read_model(tmp_path, {"model": "m.skops", "target": None, "trust_pickle": False})
