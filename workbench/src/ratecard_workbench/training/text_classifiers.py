"""The usual classifiers of texts, untuned but sensibly set, on the same tf-idf words, folds and weights of texts."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from ratecard_workbench.training.calibration import SMALLEST
from ratecard_workbench.training.classes import (
    compute_accuracy_difference,
    compute_class_bootstrap,
    compute_probabilities,
)
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.intervals import Interval
from ratecard_workbench.training.progress import track
from ratecard_workbench.training.texts import Texts
from ratecard_workbench.training.threads import one_thread
from ratecard_workbench.training.words import balance_weights

TREE_WORDS = 1_500
"""Words that trees see, the most telling of the training texts: with all of them a forest takes minutes."""

Tokenise: TypeAlias = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class TextComparisonRow:
    """How one procedure did on texts it had not seen.

    Attributes
    ----------
    name : str
        Of the procedure.
    accuracy, macro_recall, macro_f1 : Interval
        On all tested texts, bootstrapped within the classes.
    difference : Interval or None
        Its accuracy less the model's on the same texts; None for the model itself.
    """

    name: str
    accuracy: Interval
    macro_recall: Interval
    macro_f1: Interval
    difference: Interval | None


def compare_text_alternatives(
    champion: NDArray[np.float64],
    texts: Texts,
    folds: Sequence[Fold],
    tokenise: Tokenise,
    *,
    seed: int,
    show: bool = False,
) -> list[TextComparisonRow]:
    """Judge the usual classifiers beside a model that was already scored on the same folds.

    Each learns with the weights that `words.learn_words` gives its own, `balance_weights`.

    Parameters
    ----------
    champion : array of float64, shape (texts, classes)
        The model's out-of-fold scores.
    texts : Texts
        All texts.
    folds : sequence of Fold
        One repeat.
    tokenise : callable
        From a text to its words: the model's own, so that procedures and not tokens are compared.
    seed : int
        Of everything random.
    show : bool
        Whether to draw a progress bar on stderr.
    """
    names = list(list_text_makers(seed))
    scores = {name: np.full((len(texts), len(texts.names)), np.nan) for name in names}
    steps = [(fold, name) for fold in folds for name in names]
    words: tuple[object, object] = (None, None)
    for fold, name in track(steps, "alternatives", show=show):
        training, test = texts.take(fold.train), texts.take(fold.test)
        if name == names[0]:
            vectors = TfidfVectorizer(analyzer=tokenise, min_df=3, max_features=20_000, sublinear_tf=True)
            words = vectors.fit_transform(training.texts), vectors.transform(test.texts)
        scores[name][fold.test] = _fit_and_score(list_text_makers(seed)[name](), words, training)
    tested = np.sort(np.concatenate([fold.test for fold in folds]))
    own, classes = champion[tested], texts.classes[tested]
    rows = [_compute_row("This model", own, None, classes, seed=seed)]
    return rows + [_compute_row(name, found[tested], own, classes, seed=seed) for name, found in scores.items()]


def list_text_makers(seed: int) -> dict[str, Callable[[], object]]:
    """Return what makes each classifier, by name."""
    return {
        "Logistic regression": lambda: LogisticRegression(C=5.0, max_iter=500),
        "Naive Bayes (multinomial)": lambda: MultinomialNB(alpha=0.1),
        "Naive Bayes (complement)": lambda: ComplementNB(alpha=0.3),
        "Support vectors (linear)": lambda: LinearSVC(C=0.5, random_state=seed),
        "Decision tree": lambda: _of_telling_words(
            DecisionTreeClassifier(max_depth=20, min_samples_leaf=10, random_state=seed)
        ),
        "Random forest": lambda: _of_telling_words(
            RandomForestClassifier(150, min_samples_leaf=2, random_state=seed, n_jobs=1)
        ),
        "AdaBoost": lambda: _of_telling_words(AdaBoostClassifier(n_estimators=60, random_state=seed)),
        "GBDT (scikit-learn)": lambda: make_pipeline(
            TruncatedSVD(60, random_state=seed),
            HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=16, random_state=seed),
        ),
        "XGBoost": lambda: _of_telling_words(
            XGBClassifier(n_estimators=60, max_depth=4, learning_rate=0.2, subsample=0.8, n_jobs=1, random_state=seed)
        ),
        "LightGBM": lambda: _of_telling_words(
            LGBMClassifier(
                n_estimators=60, num_leaves=15, n_jobs=1, random_state=seed, deterministic=True, verbosity=-1
            )
        ),
    }


def _of_telling_words(classifier: object) -> object:
    return make_pipeline(SelectKBest(chi2, k=TREE_WORDS), classifier)


def _fit_and_score(classifier: object, words: tuple[object, object], training: Texts) -> NDArray[np.float64]:
    """Return log-odds by class of the test texts."""
    last = f"{classifier.steps[-1][0]}__" if isinstance(classifier, Pipeline) else ""
    weights = {f"{last}sample_weight": balance_weights(training)}
    with warnings.catch_warnings(), one_thread():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        warnings.filterwarnings("ignore", message="k=.* is greater than n_features")
        classifier.fit(words[0], training.classes, **weights)  # type: ignore[attr-defined]
        if hasattr(classifier, "predict_proba"):
            chances = classifier.predict_proba(words[1])
            return np.asarray(np.log(np.clip(chances, SMALLEST, 1.0)), dtype=np.float64)
        return np.asarray(log_softmax(classifier.decision_function(words[1]), axis=1))  # type: ignore[attr-defined]


def _compute_row(
    name: str,
    scores: NDArray[np.float64],
    champion: NDArray[np.float64] | None,
    classes: NDArray[np.int64],
    *,
    seed: int,
) -> TextComparisonRow:
    found = compute_class_bootstrap(compute_probabilities(scores), classes, seed=seed)
    return TextComparisonRow(
        name,
        found["accuracy"],
        found["macro_recall"],
        found["macro_f1"],
        None if champion is None else compute_accuracy_difference(scores, champion, classes),
    )
