"""What else could have been used: well-known classifiers, fitted and judged on the same folds as the model."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from ratecard_workbench.training.calibration import SMALLEST, compute_brier
from ratecard_workbench.training.crossval import Fit, OutOfFold, Scorer, compute_out_of_fold
from ratecard_workbench.training.discrimination import compute_average_precision, compute_ks
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.intervals import Interval, compute_delong, compute_delong_difference
from ratecard_workbench.training.platt import fit_platt
from ratecard_workbench.training.population import Population


@dataclass(frozen=True, slots=True)
class Alternative:
    """A named procedure."""

    name: str
    fit: Fit


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """How one procedure did.

    Attributes
    ----------
    name : str
        Of the procedure.
    auc : Interval
        On all out-of-fold scores, with its DeLong interval.
    difference : Interval or None
        Its AUC less the model's on the same rows (DeLong); None for the model itself.
    ks, average_precision : float
        On all out-of-fold scores.
    brier : float
        After a Platt line of its own, so that no procedure is blamed for scores that are not probabilities.
    """

    name: str
    auc: Interval
    difference: Interval | None
    ks: float
    average_precision: float
    brier: float


def list_alternatives(seed: int) -> list[Alternative]:
    """Return untuned but sensible settings of the usual classifiers; missing values are imputed where they must be."""
    makers: dict[str, Callable[[], object]] = {
        "Logistic regression": lambda: _filled(StandardScaler(), LogisticRegression(max_iter=500)),
        "Logistic scorecard (binned columns)": lambda: _filled(_bins(), LogisticRegression(C=0.1, max_iter=500)),
        "Decision tree": lambda: DecisionTreeClassifier(max_depth=6, min_samples_leaf=100, random_state=seed),
        "Random forest": lambda: RandomForestClassifier(
            150, min_samples_leaf=20, max_samples=0.5, random_state=seed, n_jobs=1
        ),
        "AdaBoost": lambda: _filled(AdaBoostClassifier(n_estimators=100, random_state=seed)),
        "Naive Bayes": lambda: _filled(_ranks(seed), GaussianNB()),
        "Support vectors (RBF, Nystroem)": lambda: _filled(
            _ranks(seed), Nystroem(gamma=0.05, n_components=200, random_state=seed), LinearSVC(C=0.1, random_state=seed)
        ),
        "GBDT (scikit-learn)": lambda: _filled(GradientBoostingClassifier(subsample=0.5, random_state=seed)),
        "XGBoost": lambda: XGBClassifier(
            n_estimators=150, max_depth=4, learning_rate=0.08, subsample=0.8, n_jobs=1, random_state=seed
        ),
    }
    return [Alternative(name, _fit_with(make)) for name, make in makers.items()]


def compare_alternatives(
    champion: tuple[str, OutOfFold],
    alternatives: Sequence[Alternative],
    population: Population,
    folds: Sequence[Fold],
    *,
    show: bool = False,
) -> list[ComparisonRow]:
    """Judge alternatives beside a model that was already cross-validated.

    Parameters
    ----------
    champion : tuple of str and OutOfFold
        The model's name and what cross-validation found on folds that begin with `folds`.
    alternatives : sequence of Alternative
        What it is compared with.
    population : Population
        All rows.
    folds : sequence of Fold
        One whole repeat.
    show : bool
        Whether to draw progress bars on stderr.

    Returns
    -------
    list of ComparisonRow
        The champion first, then the alternatives in their order.
    """
    name, found = champion
    own = found.margins[0]
    table = [_compute_row(name, own, None, population.events)]
    for alternative in alternatives:
        theirs = compute_out_of_fold(alternative.fit, population, folds, label=alternative.name, show=show).margins[0]
        table.append(_compute_row(alternative.name, theirs, own, population.events))
    return table


def _compute_row(
    name: str, margins: NDArray[np.float64], champion: NDArray[np.float64] | None, events: NDArray[np.int8]
) -> ComparisonRow:
    return ComparisonRow(
        name=name,
        auc=compute_delong(margins, events),
        difference=None if champion is None else compute_delong_difference(margins, champion, events),
        ks=compute_ks(margins, events),
        average_precision=compute_average_precision(margins, events),
        brier=compute_brier(fit_platt(margins, events).probabilities(margins), events),
    )


def _fit_with(make: Callable[[], object]) -> Fit:
    def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Scorer:
        classifier = make()
        with warnings.catch_warnings():
            # Counts, and money with many zeros, have fewer different quantiles than bins; that is as it should be.
            warnings.filterwarnings("ignore", message="Bins whose width are too small")
            classifier.fit(columns, events)  # type: ignore[attr-defined]
        return _score_with(classifier)

    return fit


def _score_with(classifier: object) -> Scorer:
    if hasattr(classifier, "predict_proba"):
        chances = classifier.predict_proba
        return lambda columns: np.asarray(
            logit(np.clip(chances(columns)[:, 1].astype(np.float64), SMALLEST, 1 - SMALLEST)), dtype=np.float64
        )
    decision = classifier.decision_function  # type: ignore[attr-defined]
    return lambda columns: np.asarray(decision(columns), dtype=np.float64)


def _filled(*steps: object) -> object:
    return make_pipeline(SimpleImputer(strategy="median"), *steps)


def _bins() -> object:
    return KBinsDiscretizer(8, encode="onehot", strategy="quantile", quantile_method="averaged_inverted_cdf")


def _ranks(seed: int) -> object:
    # Money is skewed over five orders of magnitude; its ranks, spread as a normal, suit Gaussian and distance models.
    return QuantileTransformer(n_quantiles=200, output_distribution="normal", random_state=seed)
