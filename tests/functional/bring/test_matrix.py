"""Every kind of model that can be brought answers, lowered and through the deployed code, as its own library does."""

import joblib
import lightgbm
import numpy as np
import pytest
import skl2onnx
import skops.io
import xgboost
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from support.brought import COLUMNS, ESTIMATORS, NUMBERS, preparation, rare_preparation, store_sample, train_pipeline

from ratecard.kernel.errors import RatecardError
from ratecard_workbench.bring.formats import find_model_file
from ratecard_workbench.bring.opening import open_model
from ratecard_workbench.bring.refusals import Refused

QUICK = ("forest", "multinomial", "hist_value")
OUTPUTS = {
    "multinomial": "probability_by_class",
    "hist_multinomial": "probability_by_class",
}
OUTPUTS |= dict.fromkeys(("ridge", "forest_value", "hist_value"), "value")

NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in ESTIMATORS]


@pytest.mark.parametrize("name", NAMES)
def test_a_pipeline_answers_as_scikit_learn_does(name, portfolio, lower, tmp_path):
    """Imputers that flag, scalers and encoders before it: no chance moves by 1e-5, no prediction flips."""
    pipeline, target = train_pipeline(name, portfolio)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    brought, fidelity = lower(tmp_path / "model.joblib", store_sample(portfolio, target, tmp_path / "s.csv"), target)
    assert (brought.engine, brought.output) == ("onnx", OUTPUTS.get(name, "probability"))
    assert fidelity.rows == len(portfolio)
    assert fidelity.holds, fidelity.sentence()


def test_encoders_are_asked_for_every_word_and_need_no_converter(portfolio, lower, tmp_path):
    """Rare words together, unknown and missing ones by code, a column in two branches, the rest imputed."""
    pipeline, target = train_pipeline("logistic", portfolio, rare_preparation)
    joblib.dump(pipeline, tmp_path / "model.joblib", compress=3)
    brought, fidelity = lower(tmp_path / "model.joblib", store_sample(portfolio, target, tmp_path / "s.csv"), target)
    assert {field.name: field.kind for field in brought.fields} == {
        "age": "integer",
        "income": "number",
        "home_type": "category",
        "member": "boolean",
        "debt_ratio": "number",
    }
    assert [field.name for field in brought.fields if field.missing] == ["income", "home_type"]
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize(("method", "holds"), [("isotonic", False), ("sigmoid", True)])
def test_a_calibration_that_is_lowered_wrongly_is_caught(method, holds, portfolio, lower, tmp_path):
    """Known trap (sklearn-onnx #1246): the converter is silent about isotonic steps, the sample is not."""
    calibrated = CalibratedClassifierCV(LogisticRegression(), cv=3, method=method)
    pipeline = make_pipeline(preparation(), calibrated).fit(portfolio[COLUMNS], portfolio["bad"])
    joblib.dump(pipeline, tmp_path / "model.joblib")
    sample = store_sample(portfolio, "bad", tmp_path / "s.csv")
    if holds:
        assert lower(tmp_path / "model.joblib", sample, "bad", accept=False)[1].holds
        return
    with pytest.raises(RatecardError, match="does not answer like the trained one"):
        lower(tmp_path / "model.joblib", sample, "bad", accept=False)


def train_lightgbm(frame, objective, target, **settings):
    """Train LightGBM on numbers and, as categories, words."""
    rows = frame[COLUMNS].copy()
    rows["Home Type"] = rows["Home Type"].astype("category")
    labels = frame[target].astype("category").cat.codes if target == "kind" else frame[target]
    return lightgbm.train(
        {"objective": objective, "verbose": -1, "seed": 1, **settings}, lightgbm.Dataset(rows, labels), 15
    )


@pytest.mark.parametrize(
    ("objective", "target", "settings", "output"),
    [
        ("binary", "bad", {"sigmoid": 0.7}, "log_odds"),
        ("multiclass", "kind", {"num_class": 3}, "log_odds_by_class"),
        ("regression", "loss", {}, "value"),
    ],
)
def test_a_lightgbm_text_keeps_its_bits(objective, target, settings, output, portfolio, lower, tmp_path):
    """Categories keep LightGBM's codes, missing values their way, and reasons are there from the start."""
    booster = train_lightgbm(portfolio, objective, target, **settings)
    booster.save_model(tmp_path / "model.txt")
    brought, fidelity = lower(tmp_path / "model.txt", store_sample(portfolio, None, tmp_path / "s.csv"), None)
    assert (brought.engine, brought.output) == ("lightgbm", output)
    assert fidelity.largest < 1e-12
    assert fidelity.flips == 0


@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize(
    ("objective", "target", "output"),
    [
        ("binary:logistic", "bad", "log_odds"),
        pytest.param("multi:softmax", "kind", "log_odds_by_class", marks=pytest.mark.slow),
        pytest.param("reg:squarederror", "loss", "value", marks=pytest.mark.slow),
    ],
)
def test_an_xgboost_file_of_either_kind_answers_as_xgboost(
    ending, objective, target, output, portfolio, lower, tmp_path
):
    """JSON becomes UBJSON; the contract's names stand in it."""
    labels = portfolio[target].astype("category").cat.codes if target == "kind" else portfolio[target]
    settings = {"objective": objective, **({"num_class": 3} if target == "kind" else {})}
    booster = xgboost.train(settings, xgboost.DMatrix(portfolio[NUMBERS], labels), 10)
    booster.save_model(tmp_path / f"model.{ending}")
    sample = store_sample(portfolio, None, tmp_path / "s.csv", NUMBERS)
    brought, fidelity = lower(tmp_path / f"model.{ending}", sample, None)
    assert (brought.engine, brought.output) == ("xgboost", output)
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize("kind", [lightgbm.LGBMClassifier, xgboost.XGBClassifier])
def test_a_wrapped_booster_is_taken_out_of_its_wrapper(kind, portfolio, lower, tmp_path):
    """It keeps its own format, exact contributions and the labels that the wrapper knows."""
    labels = portfolio["bad"].map({0: "paid", 1: "late"}) if kind is lightgbm.LGBMClassifier else portfolio["bad"]
    joblib.dump(kind(n_estimators=10, verbosity=0).fit(portfolio[NUMBERS], labels), tmp_path / "model.joblib")
    sample = store_sample(portfolio, None, tmp_path / "s.csv", NUMBERS)
    brought, fidelity = lower(tmp_path / "model.joblib", sample, None)
    assert brought.engine == ("lightgbm" if kind is lightgbm.LGBMClassifier else "xgboost")
    assert brought.classes == (("late", "paid") if kind is lightgbm.LGBMClassifier else ("0", "1"))
    assert fidelity.holds, fidelity.sentence()


def test_early_stopping_keeps_the_rounds_that_the_wrapper_answers_with(portfolio, lower, tmp_path):
    """The file alone would answer with all of them."""
    rows, labels = portfolio[NUMBERS], portfolio["bad"]
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3, learning_rate=0.9, verbosity=0)
    model.fit(rows[:300], labels[:300], eval_set=[(rows[300:], labels[300:])], verbose=False)
    joblib.dump(model, tmp_path / "model.joblib")
    brought, fidelity = lower(
        tmp_path / "model.joblib", store_sample(portfolio, None, tmp_path / "s.csv", NUMBERS), None
    )
    assert brought.reference == pytest.approx(model.predict_proba(rows)[:, 1].tolist(), abs=1e-6)
    assert "rounds of" in brought.notes[0]
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize("way", ["the wrapper's file", "a callback", "a booster"])
def test_early_stopping_counts_however_the_model_was_saved(way, portfolio, lower, tmp_path):
    """A wrapper answers with the best rounds, its own file's too and whoever stopped it; a booster answers with all."""
    rows, labels = portfolio[NUMBERS], portfolio["bad"]
    by_callback = way == "a callback"
    settings = (
        {"callbacks": [xgboost.callback.EarlyStopping(rounds=3)]} if by_callback else {"early_stopping_rounds": 3}
    )
    model = xgboost.XGBClassifier(n_estimators=200, learning_rate=0.9, verbosity=0, **settings)
    model.fit(rows[:300], labels[:300], eval_set=[(rows[300:], labels[300:])], verbose=False)
    path = tmp_path / ("model.joblib" if by_callback else "model.ubj")
    if by_callback:
        joblib.dump(model, path)
    else:
        (model.get_booster() if way == "a booster" else model).save_model(path)
    expected = model.predict_proba(rows)[:, 1]
    if way == "a booster":
        expected = xgboost.Booster(model_file=path).predict(xgboost.DMatrix(rows))
    brought, fidelity = lower(path, store_sample(portfolio, None, tmp_path / "s.csv", NUMBERS), None)
    assert brought.reference == pytest.approx(expected.tolist(), abs=1e-6)
    assert ("Booster.predict" if way == "a booster" else "the first") in brought.notes[0]
    assert fidelity.holds, fidelity.sentence()


def test_trees_are_opened_inside_the_whole_fence_only(portfolio, tmp_path):
    """Compiled code follows their places unchecked, so a kernel without the walls does not open them."""
    skops.io.dump(DecisionTreeClassifier().fit(portfolio[["Age"]].fillna(0), portfolio["bad"]), tmp_path / "m.skops")
    file = find_model_file(tmp_path / "m.skops")
    assert open_model(file, trust_pickle=False).model.tree_.node_count > 1
    with pytest.raises(Refused, match=r"the whole fence only.*sklearn\.tree\._tree\.Tree"):
        open_model(file, trust_pickle=False, is_walled=False)


def test_numbers_that_an_encoder_takes_as_codes_become_words(portfolio, lower, tmp_path):
    """A region is no quantity: the contract lists the codes that the encoder knows."""
    frame = portfolio.assign(region=np.arange(len(portfolio)) % 4 + 10)
    prepare = ColumnTransformer([("region", OneHotEncoder(), ["region"])], remainder="passthrough")
    pipeline = make_pipeline(prepare, LogisticRegression(max_iter=500)).fit(frame[["region", "Age"]], frame["bad"])
    joblib.dump(pipeline, tmp_path / "model.joblib")
    sample = store_sample(frame[:2], None, tmp_path / "s.csv", ["region", "Age"])
    brought, fidelity = lower(tmp_path / "model.joblib", sample, None)
    assert brought.fields[0].values == ("10", "11", "12", "13")
    assert fidelity.holds, fidelity.sentence()


def as_graph(pipeline, columns, **options):
    """Convert a pipeline as its owner would, one input for each column."""
    kinds = [(one, (StringTensorType if one == "Home Type" else FloatTensorType)([None, 1])) for one in columns]
    return skl2onnx.convert_sklearn(pipeline, initial_types=kinds, target_opset={"": 15, "ai.onnx.ml": 3}, **options)


@pytest.mark.parametrize("zipmap", [True, False])
def test_somebodys_own_graph_is_given_one_input_and_one_output(zipmap, portfolio, lower, tmp_path):
    """One input for each column, a ZipMap or none at its end: the contract's codes go in, the chance comes out."""
    pipeline, target = train_pipeline("logistic", portfolio.dropna(), plain_preparation)
    graph = as_graph(pipeline, ["Age", "Home Type", "debt_ratio"], options={"zipmap": zipmap})
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    sample = store_sample(portfolio.dropna(), target, tmp_path / "s.csv", ["Age", "Home Type", "debt_ratio"])
    brought, fidelity = lower(tmp_path / "model.onnx", sample, target)
    assert (brought.engine, brought.output, brought.classes) == ("onnx", "probability", ("0", "1"))
    assert fidelity.holds, fidelity.sentence()


def plain_preparation():
    """What converters know: scaled numbers, encoded words."""
    return ColumnTransformer([("n", StandardScaler(), ["Age", "debt_ratio"]), ("w", OneHotEncoder(), ["Home Type"])])


def test_a_graph_of_one_tensor_is_a_value_where_it_gives_one(portfolio, lower, tmp_path):
    """Columns by their order, float32 inside."""
    rows = portfolio[["Age", "debt_ratio"]].to_numpy()
    model = make_pipeline(StandardScaler(), ESTIMATORS["ridge"][0]).fit(rows, portfolio["loss"])
    graph = skl2onnx.to_onnx(model, rows[:1].astype(np.float32))
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    sample = store_sample(portfolio, "loss", tmp_path / "s.csv", ["Age", "debt_ratio"])
    brought, fidelity = lower(tmp_path / "model.onnx", sample, "loss")
    assert (brought.output, brought.quality.keys()) == ("value", {"mean_absolute_error", "r_squared"})
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize(
    "name",
    [
        "hist_gradient_boosting",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                "logistic",
                "forest",
                "gradient_boosting",
                "ada_boost",
                "network",
                "kernel_machine",
                "xgboost_last",
            )
        ),
    ],
)
def test_a_skops_file_of_known_types_needs_no_word(name, portfolio, lower, tmp_path):
    """What most notebooks do before a model, and every kind of model after it, is on the list."""
    pipeline, target = train_pipeline(name, portfolio)
    skops.io.dump(pipeline, tmp_path / "m.skops")
    sample = store_sample(portfolio, target, tmp_path / "s.csv")
    _, fidelity = lower(tmp_path / "m.skops", sample, target, trust=False)
    assert fidelity.holds, fidelity.sentence()


def test_a_model_that_was_trained_without_names_takes_the_samples_order(portfolio, lower, tmp_path):
    """An array has no headings."""
    rows = portfolio[["Age", "debt_ratio"]].to_numpy()
    joblib.dump(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, portfolio["bad"]), tmp_path / "m.joblib"
    )
    sample = store_sample(portfolio, "bad", tmp_path / "s.csv", ["Age", "debt_ratio"])
    _, fidelity = lower(tmp_path / "m.joblib", sample, "bad")
    assert fidelity.holds, fidelity.sentence()


def test_functions_of_one_number_are_lowered(portfolio, lower, tmp_path):
    """Logarithms before a model are what most notebooks have, as the first step of a branch or behind an imputer."""
    branches = [
        (
            function.__name__,
            make_pipeline(SimpleImputer(), FunctionTransformer(function)),
            ["income" if log else "debt_ratio"],
        )
        for log, function in ((True, np.log), (True, np.sqrt), (False, np.exp), (False, np.expm1), (False, np.square))
    ]
    branches += [
        ("log1p", FunctionTransformer(np.log1p), ["Age"]),
        ("abs", FunctionTransformer(np.abs), ["debt_ratio"]),
    ]
    pipeline = make_pipeline(ColumnTransformer(branches), StandardScaler(), LogisticRegression())
    joblib.dump(pipeline.fit(portfolio[NUMBERS], portfolio["bad"]), tmp_path / "m.joblib")
    _, fidelity = lower(tmp_path / "m.joblib", store_sample(portfolio, "bad", tmp_path / "s.csv", NUMBERS), "bad")
    assert fidelity.holds, fidelity.sentence()


def test_a_vote_is_lowered_though_its_converter_refuses_a_setting_that_serves_nothing(portfolio, lower, tmp_path):
    """`flatten_transform` concerns another method than the chances."""
    vote = VotingClassifier(
        [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=3))], voting="soft"
    )
    joblib.dump(make_pipeline(preparation(), vote).fit(portfolio[COLUMNS], portfolio["bad"]), tmp_path / "m.joblib")
    _, fidelity = lower(tmp_path / "m.joblib", store_sample(portfolio, "bad", tmp_path / "s.csv"), "bad")
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize(
    ("flavour", "file", "described"),
    [
        ("sklearn", "model.pkl", "pickled_model: model.pkl\n    sklearn_version: 1.5.0"),
        ("lightgbm", "model.lgb", "data: model.lgb\n    lgb_version: 4.1.0"),
        ("xgboost", "model.ubj", "data: model.ubj\n    xgb_version: 3.0.0"),
    ],
)
def test_an_mlflow_directory_is_read_by_its_description(flavour, file, described, portfolio, lower, tmp_path):
    """The flavour beside `python_function` names the file."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    text = f"flavors:\n  python_function:\n    loader_module: mlflow.{flavour}\n  {flavour}:\n    {described}\n"
    (folder / "MLmodel").write_text(text)
    numbers = portfolio[["Age", "debt_ratio"]].astype(float)
    if flavour == "sklearn":
        joblib.dump(LogisticRegression().fit(numbers, portfolio["bad"]), folder / file)
    elif flavour == "lightgbm":
        data = lightgbm.Dataset(numbers, portfolio["bad"])
        lightgbm.train({"objective": "binary", "verbose": -1}, data, 5).save_model(folder / file)
    else:
        data = xgboost.DMatrix(numbers, portfolio["bad"])
        xgboost.train({"objective": "binary:logistic"}, data, 5).save_model(folder / file)
    sample = store_sample(portfolio, "bad", tmp_path / "s.csv", ["Age", "debt_ratio"])
    brought, fidelity = lower(folder, sample, "bad")
    assert brought.engine == {"sklearn": "onnx"}.get(flavour, flavour)
    assert fidelity.holds, fidelity.sentence()
