"""Linear models of words: tf-idf of the engine's own tokens and a logistic regression, in the engine's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from ratecard.engines.words import tokenise
from ratecard_workbench.training.texts import TextLearner, Texts
from ratecard_workbench.training.threads import one_thread


@dataclass(frozen=True, slots=True)
class WordPlan:
    """Settings of a linear model of words.

    Attributes
    ----------
    least_texts : int
        A term in fewer training texts gets no weight.
    most_terms : int
        Terms kept, the most frequent first.
    strength : float
        Inverse of the ridge penalty, > 0 (scikit-learn's C).
    """

    least_texts: int
    most_terms: int
    strength: float


@dataclass(frozen=True, slots=True)
class WordModel:
    """What the engine's file holds.

    Attributes
    ----------
    terms : tuple of str
        Stems, and two of them in a row, sorted.
    idf : array of float32, shape (terms,)
        Smoothed inverse document frequencies, > 0.
    intercepts : array of float64, shape (classes,)
        Log-odds of a text without any known term.
    weights : array of float32, shape (terms, classes)
        Log-odds by class; over the classes they sum to 0, up to rounding.
    """

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    intercepts: NDArray[np.float64]
    weights: NDArray[np.float32]

    def compute_scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return log-odds by class, shape (texts, classes): the engine's formula by another library."""
        values = CountVectorizer(analyzer=tokenise, vocabulary=self.terms, dtype=np.float64).transform(texts)
        values.data = 1.0 + np.log(values.data)
        values = normalize(csr_matrix(values.multiply(self.idf.astype(np.float64))), copy=False)
        return np.asarray(values @ self.weights.astype(np.float64) + self.intercepts)


def learn_words(plan: WordPlan) -> TextLearner[WordModel]:
    """Return the procedure: choice of terms, frequencies and weights, all from the training texts."""
    return TextLearner(lambda texts: fit_words(plan, texts), lambda model, texts: model.compute_scores(texts))


def fit_words(plan: WordPlan, texts: Texts) -> WordModel:
    """Fit a linear model of words for texts of which each class is equally likely.

    Notes
    -----
    Every class has the same total weight, whatever its number of texts: the intercepts then stand for a uniform prior.
    """
    vectors = TfidfVectorizer(
        analyzer=tokenise, min_df=plan.least_texts, max_features=plan.most_terms, sublinear_tf=True
    )
    values = vectors.fit_transform(texts.texts)
    with one_thread():
        model = LogisticRegression(C=plan.strength, max_iter=1000, tol=1e-4)
        model.fit(values, texts.classes, balance_weights(texts))
    return WordModel(
        tuple(vectors.get_feature_names_out().tolist()),
        vectors.idf_.astype(np.float32),
        np.round(model.intercept_.astype(np.float64), 6),
        np.ascontiguousarray(model.coef_.T.astype(np.float32)),
    )


def balance_weights(texts: Texts) -> NDArray[np.float64]:
    """Return weights in proportion to the texts' own, of the same sum in every class, with mean 1."""
    own = np.ones(len(texts)) if texts.weights is None else texts.weights
    totals = np.bincount(texts.classes, own, len(texts.names))
    present = np.count_nonzero(totals)
    balanced: NDArray[np.float64] = own * len(texts) / (present * totals[texts.classes])
    return balanced
