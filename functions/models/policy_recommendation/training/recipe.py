"""From excerpts of the Consumer Complaint Database to the policy-recommendation model: artifact, measurements, card.

Run it as `python functions/models/policy_recommendation/training/recipe.py`; the data catalogue names the files.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click
import numpy as np

from ratecard.engines.words import tokenise
from ratecard_workbench.training import catalogue, folds, recipe
from ratecard_workbench.training.card import format_interval
from ratecard_workbench.training.classes import compute_macro_recall, compute_probabilities, fit_temperature
from ratecard_workbench.training.layout import CardText
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.text_classifiers import compare_text_alternatives
from ratecard_workbench.training.text_report import (
    compute_text_headline,
    compute_text_study,
    describe_text_study,
    render_text_card,
)
from ratecard_workbench.training.texts import TrainedText, train_texts
from ratecard_workbench.training.words import WordModel, WordPlan, learn_words
from ratecard_workbench.training.words_export import export_words

FOLDER = recipe.open_folder(__file__)

from policy_recommendation_data import FILES, PAYDAY, RECENT, Complaints, load_complaints, strip_form  # noqa: E402

from policy_recommendation.contract import CONTRACT, PRODUCTS  # noqa: E402
from policy_recommendation.decision import compute_issue  # noqa: E402
from policy_recommendation.rules import find_terms  # noqa: E402

DATA_SET = "cfpb_complaints"
SEED = 5
FOLDS = 5
CHECKED_TEXTS = 300
PLAN = WordPlan(least_texts=3, most_terms=20_000, strength=1.0)
Facts = dict[str, Any]
PUBLISHED = (
    Published(
        "Best large language model",
        "accuracy",
        0.777,
        "a balanced five-class set, not ours",
        "the project's brief",
        verified=False,
    ),
    Published(
        "Naive Bayes (multinomial)",
        "macro_recall",
        0.86,
        "162,000 complaints, their own split; labels as in one of our files",
        "halpert3/complaint-content-classification-nlp",
    ),
    Published("Gradient boosting", "macro_recall", 0.83, "the same", "halpert3/complaint-content-classification-nlp"),
)
PROTOCOL = (
    f"grouped {FOLDS}-fold cross-validation: texts that share sixteen words in a row are never on both sides; judged "
    "on all texts but those of the file of payday loans, which only help to train"
)


def judge_without_payday(trained: TrainedText[WordModel], complaints: Complaints) -> TrainedText[WordModel]:
    """Keep, of the out-of-fold scores, those that figures are of, and fit the temperature on them."""
    judged = np.flatnonzero(complaints.files != PAYDAY)
    slope = fit_temperature(trained.scores[judged], complaints.texts.classes[judged])
    return replace(trained, slope=slope, split=folds.Fold(judged, np.arange(0)))


def measure_stripped(complaints: Complaints, division: Sequence[folds.Fold], model: WordModel) -> dict[str, float]:
    """Return macro recall on the first fold's texts as they are and stripped to base words, by a model without them."""
    first = division[0]
    kept = first.test[complaints.files[first.test] != PAYDAY]
    test = complaints.texts.take(kept)
    forms = {"as_written": test.texts, "stripped": [strip_form(text) for text in test.texts]}
    return {
        name: compute_macro_recall(compute_probabilities(model.compute_scores(form)), test.classes)
        for name, form in forms.items()
    }


def measure_issues(complaints: Complaints) -> dict[str, dict[str, float]]:
    """Return how often the ruled issue is the labelled one, given the true product, by file."""
    found: dict[str, dict[str, float]] = {}
    for name, file in (("recent", RECENT), ("payday", PAYDAY)):
        rows = np.flatnonzero((complaints.files == file) & (complaints.issues != ""))
        right = [
            compute_issue(PRODUCTS[complaints.texts.classes[row]], find_terms(complaints.texts.texts[row]))
            == complaints.issues[row]
            for row in rows.tolist()
        ]
        most = max(Counter(complaints.issues[rows].tolist()).values(), default=0)
        found[name] = {"texts": float(rows.size), "agreement": float(np.mean(right)), "commonest": most / rows.size}
    return found


def divide(complaints: Complaints) -> list[folds.Fold]:
    """Return the protocol's folds, stratified by product and file."""
    strata = complaints.texts.classes + len(PRODUCTS) * np.unique(complaints.files, return_inverse=True)[1]
    return folds.grouped_folds(strata, complaints.texts.groups, folds=FOLDS, repeats=1, seed=SEED)


def fill_gaps(complaints: Complaints, trained: TrainedText[WordModel], facts: Facts) -> dict[str, str]:
    """Return what fills the gaps of `card.md` that are this model's own."""
    forms, issues = facts["forms"], facts["issues"]
    return {
        "texts": f"{len(complaints.texts):,}",
        "payday": f"{int((complaints.files == PAYDAY).sum()):,}",
        "dropped": f"{complaints.dropped:,}",
        "terms": f"{len(trained.model.terms):,}",
        "slope": f"{trained.slope:.3f}",
        "as_written": f"{forms['as_written']:.3f}",
        "stripped": f"{forms['stripped']:.3f}",
        "recent_agreement": f"{issues['recent']['agreement']:.1%}",
        "recent_commonest": f"{issues['recent']['commonest']:.1%}",
        "recent_texts": f"{issues['recent']['texts']:,.0f}",
        "payday_agreement": f"{issues['payday']['agreement']:.1%}",
        "payday_commonest": f"{issues['payday']['commonest']:.1%}",
    }


def report(
    options: recipe.Run, complaints: Complaints, trained: TrainedText[WordModel], division: Sequence[folds.Fold]
) -> None:
    """Measure the model beside its alternatives; write the card and `measured.json`."""
    texts, data_set = complaints.texts, catalogue.get_data_set(DATA_SET)
    compared = [folds.Fold(fold.train, fold.test[complaints.files[fold.test] != PAYDAY]) for fold in division]
    rivals = compare_text_alternatives(trained.scores, texts, compared, tokenise, seed=SEED, show=options.show)
    facts: Facts = {
        "dropped": complaints.dropped,
        "training_texts": len(texts),
        "forms": measure_stripped(complaints, division, learn_words(PLAN).fit(texts.take(division[0].train))),
        "issues": measure_issues(complaints),
    }
    study = compute_text_study(trained, texts, PROTOCOL, rivals, published=PUBLISHED, facts=facts, show=options.show)
    values = fill_gaps(complaints, trained, facts)
    text = CardText(path=FOLDER.training / "card.md", data_sets=((data_set, FILES),), values=values)
    options.store(render_text_card(study, CONTRACT, text), describe_text_study(study))
    for name, value in study.unseen.items():
        click.echo(f"out of fold {name} {format_interval(value, 4)}")


def run(options: recipe.Run) -> None:
    """Train the policy-recommendation model and measure it."""
    data_set = catalogue.get_data_set(DATA_SET)
    complaints = load_complaints(data_set, options.rows)
    texts, division = complaints.texts, divide(complaints)
    everything = train_texts(learn_words(PLAN), texts, folds.keep_all(len(texts)), division, show=options.show)
    trained = judge_without_payday(everything, complaints)
    release = options.release(
        CONTRACT,
        calibration=Platt(trained.slope, 0.0),
        metrics=compute_text_headline(trained, texts),
        data_sha256=recipe.digest_files(data_set, *FILES),
        checked_on=np.empty((0, 1)),
    )
    export_words(trained.model, release, texts.texts[:: max(1, len(texts) // CHECKED_TEXTS)])
    click.echo(f"artifact written: {release.metrics}")
    if not options.artifact_only:
        report(options, complaints, trained, division)


if __name__ == "__main__":
    recipe.recipe_command(FOLDER, run)()
