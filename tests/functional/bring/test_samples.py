"""What a sample says of a model's inputs: words in digits, columns nobody uses, files of any size."""

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from support.brought import store_sample

from ratecard_workbench.bring.fields import infer_fields
from ratecard_workbench.bring.reader import read_model
from ratecard_workbench.bring.refusals import Refused
from ratecard_workbench.bring.sample import MOST_ROWS, Seen, add_rare_rows, read_sample, room_for


def train_on_words(frame, words, labels):
    """Train on imputed ages and encoded words; everything else is dropped."""
    prepare = ColumnTransformer([("n", SimpleImputer(), ["Age"]), ("w", OneHotEncoder(handle_unknown="ignore"), words)])
    return make_pipeline(prepare, LogisticRegression(max_iter=500)).fit(frame, labels)


@pytest.mark.parametrize("codes", [["0012", "0345", "0700"], ["NA", "DE", "None"], ["true", "false"]])
def test_words_that_look_like_something_else_stay_words(codes, portfolio, lower, tmp_path):
    """Branches, countries, answers: a leading zero reaches contract and rows; `NA` is Namibia where it was learned."""
    places = np.arange(len(portfolio)) % len(codes)
    frame = portfolio[["Age"]].assign(code=[codes[place] for place in places])
    joblib.dump(train_on_words(frame, ["code"], (portfolio["bad"] + places) % 2), tmp_path / "model.joblib")
    sample = store_sample(frame, None, tmp_path / "s.csv", ["Age", "code"])
    brought, fidelity = lower(tmp_path / "model.joblib", sample, None)
    assert (brought.fields[1].kind, brought.fields[1].values) == ("category", tuple(sorted(codes)))
    assert not brought.fields[1].missing
    assert [row["code"] for row in brought.rows[: len(codes)]] == codes
    assert fidelity.holds, fidelity.sentence()


def test_a_booster_that_learned_words_in_digits_is_given_words(portfolio, lower, tmp_path):
    """LightGBM's categories are texts where its table had texts; read as numbers, every one would count as missing."""
    branches = pd.Categorical.from_codes(portfolio["bad"] * 2 + np.arange(len(portfolio)) % 2, ["01", "02", "1", "2"])
    frame = portfolio[["Age"]].assign(branch=branches)
    data = lightgbm.Dataset(frame, portfolio["bad"])
    lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5}, data, 5).save_model(
        tmp_path / "m.txt"
    )
    brought, fidelity = lower(tmp_path / "m.txt", store_sample(frame, None, tmp_path / "s.csv", list(frame)), None)
    assert brought.fields[1].values == ("01", "02", "1", "2")
    assert max(brought.reference) - min(brought.reference) > 0.1
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize("words", [["01", "1", "002"], [3, 1, 2]])
def test_an_xgboost_model_of_categories_keeps_its_codes(words, portfolio, lower, tmp_path):
    """They stand in its file, as texts or numbers; some are missing."""
    draw = np.random.default_rng(1)
    frame = portfolio[["Age", "debt_ratio"]].assign(home=pd.Categorical(draw.choice(words, len(portfolio)), words))
    frame.loc[draw.random(len(frame)) < 0.1, "home"] = None
    matrix = xgboost.DMatrix(frame, portfolio["bad"], enable_categorical=True)
    xgboost.train({"objective": "binary:logistic"}, matrix, 5).save_model(tmp_path / "model.ubj")
    sample = store_sample(frame, None, tmp_path / "s.csv", list(frame))
    brought, fidelity = lower(tmp_path / "model.ubj", sample, None)
    assert brought.fields[2].values == tuple(map(str, words))
    assert brought.fields[2].missing
    assert fidelity.holds, fidelity.sentence()


@pytest.mark.parametrize("in_sample", [True, False])
def test_a_column_that_every_branch_drops_is_no_input(in_sample, portfolio, lower, tmp_path):
    """Neither the contract nor the sample needs the identifier that stood between the others."""
    frame = portfolio[["Home Type"]].fillna("none").assign(number=[f"x{place}" for place in range(len(portfolio))])
    frame["Age"] = portfolio["Age"]
    joblib.dump(train_on_words(frame, ["Home Type"], portfolio["bad"]), tmp_path / "model.joblib")
    columns = ["Home Type", "number", "Age"] if in_sample else ["Age", "Home Type"]
    brought, fidelity = lower(tmp_path / "model.joblib", store_sample(frame, None, tmp_path / "s.csv", columns), None)
    assert [field.name for field in brought.fields] == ["home_type", "age"]
    assert brought.notes == ("no inputs, since every branch of the pipeline drops them: number",)
    assert fidelity.holds, fidelity.sentence()


def test_a_file_larger_than_what_is_compared_is_read_to_its_end(tmp_path):
    """The largest value, the rare word and the only gap are in the last rows; what a contract may allow is compared."""
    rows = 3 * MOST_ROWS + 1
    frame = pd.DataFrame({"place": np.arange(rows), "word": "usual", "number": 1.5, "mixed": "7"})
    frame.loc[rows - 2, ["word", "number", "mixed"]] = ["rare", 1000.5, "x"]
    frame.loc[rows - 1, ["word"]] = None
    frame.to_csv(tmp_path / "sample.csv", index=False)
    sample = read_sample(tmp_path / "sample.csv", None)
    assert (sample.rows, len(sample.frame)) == (rows, rows // 4 + 2)
    assert set(np.diff(sample.frame["place"][:-1])) == {4, 3}
    assert sample.frame["word"].tolist()[-2] == "rare"
    place, word, number, mixed = infer_fields(sample, {})
    assert (place.largest, number.largest, word.missing) == (rows - 1, 1000.5, True)
    assert (word.values, mixed.values) == (["rare", "usual"], ["7", "x"])
    (note,) = sample.notes()
    assert f"all {rows} rows" in note
    assert f"{rows // 4 + 2} of them, spread evenly and with every word and gap, were compared" in note
    assert (room_for(100), room_for(500), room_for(100_000)) == (MOST_ROWS, 4000, 1000)


def store_rare(portfolio, column, value, path):
    """Write a sample of more rows than are compared, with a value in one that is not among those."""
    frame = pd.concat([portfolio.assign(home="own")[["Age", "debt_ratio", "home"]]] * 41, ignore_index=True)
    assert len(frame) > MOST_ROWS
    frame["home"] = np.where(np.arange(len(frame)) % 4 < 2, "own", "rent")
    frame.loc[4001, column] = value
    frame.to_csv(path, index=False)


def test_a_word_that_an_xgboost_model_has_no_answer_to_is_refused_wherever_it_stands(portfolio, tmp_path):
    """The library scores it by whatever code it happens to get."""
    frame = portfolio[["Age", "debt_ratio"]].assign(home=pd.Categorical(["own", "rent"] * (len(portfolio) // 2)))
    matrix = xgboost.DMatrix(frame, portfolio["bad"], enable_categorical=True)
    xgboost.train({"objective": "binary:logistic"}, matrix, 3).save_model(tmp_path / "model.ubj")
    store_rare(portfolio, "home", "castle", tmp_path / "sample.csv")
    with pytest.raises(Refused, match="words of 'home': castle"):
        read_model(tmp_path, {"model": "model.ubj", "target": None, "trust_pickle": False})


def test_a_gap_that_a_model_does_not_take_is_refused_wherever_it_stands(portfolio, tmp_path):
    """Else the contract would allow it, and every call with it would fail."""
    rows = portfolio[["Age", "debt_ratio"]]
    joblib.dump(LogisticRegression(max_iter=500).fit(rows, portfolio["bad"]), tmp_path / "model.joblib")
    store_rare(portfolio, "debt_ratio", None, tmp_path / "sample.csv")
    pd.read_csv(tmp_path / "sample.csv").drop(columns="home").to_csv(tmp_path / "sample.csv", index=False)
    with pytest.raises(Refused, match=r"does not take the sample: .*NaN"):
        read_model(tmp_path, {"model": "model.joblib", "target": None, "trust_pickle": True})


def test_what_finds_no_room_is_not_in_the_contract():
    """Of two words and a gap that were not kept one finds room; nobody asked the model for the others."""
    seen = Seen({"usual", "rare", "rarer"}, {""})
    part = pd.DataFrame({"word": ["usual", "rare", "rarer", None]}, dtype=object)
    kept = add_rare_rows([part], 1, {"word": seen}, part[:1])
    assert kept["word"].tolist() == ["usual", "rare"]
    assert (seen.texts, seen.absent) == ({"usual", "rare"}, set())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a;b\n1;2\n", "something else than a comma"),
        ("a,b\n1,2\n".encode("utf-16"), "not written in UTF-8"),
        (b"a,b\n1,2,3\n", "more values than there are headings"),
        (b"a,,\n1,2,3\n", "has two columns without a heading"),
    ],
)
def test_a_file_that_is_no_csv_with_commas_is_told_what_would_be(content, said, tmp_path):
    """Under its own name."""
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(Refused, match=rf"mine\.csv .*{said}"):
        read_sample(tmp_path / "mine.csv", None)


def test_a_sample_of_one_row_says_how_little_it_is(portfolio, tmp_path):
    """It is taken, with a note, and without figures that one row does not have."""
    rows = portfolio[["Age", "debt_ratio"]]
    joblib.dump(LogisticRegression(max_iter=500).fit(rows, portfolio["bad"]), tmp_path / "model.joblib")
    store_sample(portfolio[:1], "bad", tmp_path / "sample.csv", list(rows))
    answer = read_model(tmp_path, {"model": "model.joblib", "target": "bad", "trust_pickle": True})
    assert answer["notes"] == ["bounds, words and what may be missing are read off few rows: 1"]
    assert answer["quality"] == {}
