"""Models of texts: copies kept together, scores of unseen texts, alternatives, card."""

import json

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from ratecard.contract import ModelContract, Number, Probability
from ratecard_workbench.training.artifact import write_json
from ratecard_workbench.training.classes import CLASS_FIGURES
from ratecard_workbench.training.duplicates import group_texts
from ratecard_workbench.training.folds import Fold, grouped_folds
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.text_classifiers import compare_text_alternatives, list_text_makers
from ratecard_workbench.training.text_report import (
    compute_text_headline,
    compute_text_study,
    describe_text_study,
    render_text_card,
)
from ratecard_workbench.training.texts import TextLearner, Texts, score_out_of_fold, train_texts

NAMES = ("cards", "loans", "debts")
CONTRACT = ModelContract(
    slug="small-text",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=(Number("x", unit="points", minimum=0, maximum=1, about="A number.", sample=0.0),),
    outputs=(Probability("probability", about="Chance."),),
)


def fit(texts):
    """Fit a naive Bayes on counts."""
    words = CountVectorizer()
    return words, MultinomialNB().fit(words.fit_transform(texts.texts), texts.classes)


LEARNER = TextLearner(fit, lambda model, texts: model[1].predict_joint_log_proba(model[0].transform(texts)))


@pytest.fixture(scope="module")
def texts():
    """300 made-up complaints of three classes, each from words of its own and words of all; some are copies."""
    random = np.random.default_rng(9)
    own = [[f"{name}{letter}" for letter in "abcdefghijkl"] for name in NAMES]
    shared = [f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    classes = np.arange(300) % 3
    lines = [" ".join(random.permutation([*random.choice(own[k], 6), *random.choice(shared, 14)])) for k in classes]
    lines[270:] = lines[:30]
    return Texts(lines, classes, NAMES, group_texts(lines))


def test_copies_are_one_group_and_never_on_both_sides(texts):
    """Thirty copies of thirty texts: 270 groups, and no fold trains on a copy of what it tests."""
    assert np.unique(texts.groups).size == 270
    for fold in grouped_folds(texts.classes, texts.groups, folds=5, repeats=2, seed=1):
        assert not set(texts.groups[fold.train]) & set(texts.groups[fold.test])


def test_what_makes_a_copy():
    """Case, digits, punctuation and masks do not count; a shared run of sixteen words does, a chain of runs too."""
    letter = " ".join(f"{first}{second}" for first in "abcd" for second in "vwyz")
    assert group_texts([letter, f"On 11/22/2026: {letter.upper()}!", f"XXXX {letter} XX"]).tolist() == [0, 0, 0]
    assert group_texts([letter, letter[3:]]).tolist() == [0, 1]
    longer, other = f"{letter} more words", "quite another matter"
    assert group_texts([letter, other, longer, f"{longer} at the end", other]).tolist() == [0, 1, 0, 0, 1]


def test_scores_are_of_texts_the_model_had_not_seen(texts):
    """Each fold's scores are those of a model fitted without it."""
    folds = grouped_folds(texts.classes, texts.groups, folds=3, repeats=1, seed=1)
    found = score_out_of_fold(LEARNER, texts, folds, label="test")
    again = LEARNER.score(LEARNER.fit(texts.take(folds[1].train)), texts.take(folds[1].test).texts)
    assert np.array_equal(found[folds[1].test], again)
    assert np.isfinite(found).all()


@pytest.fixture(scope="module")
def trained(texts):
    """A model with a holdout fifth."""
    split = grouped_folds(texts.classes, texts.groups, folds=5, repeats=1, seed=2)[0]
    inner = texts.take(split.train)
    return train_texts(LEARNER, texts, split, grouped_folds(inner.classes, inner.groups, folds=4, repeats=1, seed=3))


def test_probabilities_are_calibrated_and_of_unseen_texts(trained, texts):
    """The slope lowers the loss out of fold; the holdout's scores are the shipped model's."""
    development, holdout = trained.split.train, trained.split.test
    loss = CLASS_FIGURES["log_loss"]
    plain = np.exp(log_softmax(trained.scores[development], axis=1))
    assert loss(trained.probabilities[development], texts.classes[development]) <= loss(
        plain, texts.classes[development]
    )
    assert np.array_equal(trained.scores[holdout], LEARNER.score(trained.model, texts.take(holdout).texts))
    assert trained.probabilities.sum(axis=1) == pytest.approx(1)


def test_every_alternative_learns(texts):
    """All the usual classifiers, on the same words and folds, beside the model."""
    folds = grouped_folds(texts.classes, texts.groups, folds=2, repeats=1, seed=1)
    champion = score_out_of_fold(LEARNER, texts, folds, label="test")
    table = compare_text_alternatives(champion, texts, folds, str.split, seed=1)
    assert [row.name for row in table] == ["This model", *list_text_makers(1)]
    assert table[0].difference is None
    assert all(row.accuracy.value >= row.accuracy.lower > 0.4 and row.difference is not None for row in table[1:])


def test_alternatives_learn_with_the_weights_of_the_texts(texts):
    """Texts that count for nothing and are labelled wrongly teach nothing."""
    count, shifted = len(texts), (texts.classes + 1) % len(texts.names)
    doubled = Texts(
        [*texts.texts, *texts.texts],
        np.concatenate([texts.classes, shifted]),
        texts.names,
        np.arange(2 * count),
        np.concatenate([np.ones(count), np.full(count, 1e-9)]),
    )
    whole = np.arange(2 * count)
    table = compare_text_alternatives(
        np.zeros((2 * count, len(texts.names))), doubled, [Fold(whole, whole[:count])], str.split, seed=1
    )
    assert min(row.accuracy.value for row in table[1:]) > 0.5


def test_a_study_becomes_json_and_a_card(trained, texts, tmp_path):
    """Headline, tables and confusions agree; the card has the owner's sections and no gap."""
    published = (Published("A language model", "accuracy", 0.777, "another set", "a paper"),)
    study = compute_text_study(trained, texts, "a grouped fifth held out", [], published=published, facts={"words": 40})
    described = json.loads(write_json(describe_text_study(study)))
    headline = compute_text_headline(trained, texts)
    assert headline["holdout"]["accuracy"] == described["measured"]["holdout"]["accuracy"]["value"]
    assert sum(map(sum, described["confusion"])) == described["rows"]["holdout"] == trained.split.test.size
    sections = ("Purpose", "Data", "Inputs", "Method", "Decision", "Reasons and advice", "Fairness", "Limits")
    head = "\n".join(f"{name}: $accuracy" for name in ("Owner", "Tier", "Status", "Review", "Artifact"))
    (tmp_path / "card.md").write_text(head + "".join(f"\n\n## {name}\n\nSaid." for name in sections))
    card = render_text_card(study, CONTRACT, CardText(path=tmp_path / "card.md", data_sets=()))
    assert "$" not in card
    assert "0.777" in card
    assert "| cards |" in card
