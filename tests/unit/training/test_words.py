"""Linear models of words: as scikit-learn fits them, balanced by class, and the same in the engine."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from ratecard.contract import Choice, ModelContract, Text
from ratecard.engines import load_engine, load_manifest
from ratecard.engines.words import tokenise
from ratecard_workbench.training.artifact import ExportError, Provenance, Release
from ratecard_workbench.training.duplicates import group_texts
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.texts import Texts
from ratecard_workbench.training.words import WordModel, WordPlan, balance_weights, fit_words
from ratecard_workbench.training.words_export import encode_words, export_words

NAMES = ("cards", "loans", "debts")
CONTRACT = ModelContract(
    slug="small-words",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=(Text("story", maximum_length=1000, about="A story.", sample="a loan"),),
    outputs=(Choice("kind", values=NAMES, about="Its kind."),),
)
PLAN = WordPlan(least_texts=2, most_terms=60, strength=1.0)


@pytest.fixture(scope="module")
def texts():
    """Twice as many of the first class, each with words of its own and words of all."""
    random = np.random.default_rng(4)
    classes = np.array([0, 0, 1, 2] * 40)
    own = [["plastic", "limit", "swiped"], ["borrowed", "mortgage", "escrow"], ["collector", "owing", "calls"]]
    shared = ["money", "letters", "asked", "weeks", "answer", "XXXX"]
    lines = [" ".join([*random.choice(own[k], 3), *random.choice(shared, 6)]) for k in classes]
    return Texts(lines, classes, NAMES, group_texts(lines), np.where(np.arange(160) % 2, 1.0, 0.5))


@pytest.fixture(scope="module")
def model(texts):
    """Fitted on all."""
    return fit_words(PLAN, texts)


def test_scores_are_those_of_the_library(texts, model):
    """The formula over float32 weights against scikit-learn's own vectoriser and classifier."""
    vectors = TfidfVectorizer(analyzer=tokenise, min_df=2, max_features=60, sublinear_tf=True)
    values = vectors.fit_transform(texts.texts)
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(values, texts.classes, balance_weights(texts))

    assert np.abs(model.compute_scores(texts.texts) - fitted.decision_function(values)).max() < 1e-4


def test_every_class_weighs_the_same(texts):
    """Whatever the texts' own weights and numbers; the mean stays 1."""
    weights = balance_weights(texts)

    assert np.bincount(texts.classes, weights) == pytest.approx([160 / 3] * 3)
    assert weights[1] == 2 * weights[0]


def test_weights_follow_the_texts_that_are_taken(texts):
    """A fold's texts keep their weights."""
    taken = texts.take(np.array([1, 2]))

    assert taken.weights.tolist() == [1.0, 0.5]


def release(folder, repository):
    """What the export needs beside the model."""
    return Release(
        contract=CONTRACT,
        folder=folder,
        calibration=Platt(1.5, 0.0),
        metrics={},
        provenance=Provenance(repository / "functions/models/credit_rating/training/recipe.py", repository, "0" * 64),
        checked_on=np.empty((0, 1)),
    )


def test_the_engine_answers_like_the_model(texts, model, tmp_path, repository):
    """The written file, on texts of known and of no words."""
    manifest = export_words(model, release(tmp_path, repository), texts.texts)
    engine = load_engine(str(tmp_path), load_manifest(tmp_path), None)
    asked = [*texts.texts[:40], "", "unheard of"]

    assert manifest["output"] == "log_odds_by_class"
    assert np.allclose(engine.score([[text] for text in asked]), model.compute_scores(asked), rtol=0, atol=1e-9)


def test_an_engine_that_would_answer_otherwise_is_not_released(texts, model, tmp_path, repository, monkeypatch):
    """A difference in the written numbers stops the recipe."""
    other = WordModel(model.terms, model.idf, model.intercepts + 0.001, model.weights)
    monkeypatch.setattr(
        "ratecard_workbench.training.words_export.encode_words", lambda _, column: encode_words(other, column)
    )

    with pytest.raises(ExportError, match="differs"):
        export_words(model, release(tmp_path, repository), texts.texts)
