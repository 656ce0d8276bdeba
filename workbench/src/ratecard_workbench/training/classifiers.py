"""The usual classifiers, untuned but sensibly set: what every model of one event is compared with."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from ratecard_workbench.training.alternatives import Alternative
from ratecard_workbench.training.crossval import Fit, Scorer
from ratecard_workbench.training.learner import compute_classifier_margins
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.threads import one_thread

EXACT_KERNEL_ROWS = 3_000
"""Up to so many rows the kernel machine is exact; its work grows faster than their square."""

EXACT_BOOSTING_CELLS = 600_000
"""Up to so many rows times columns scikit-learn's exact boosting is used; above, its histogram one."""

Make: TypeAlias = Callable[[], object]


def list_alternatives(
    seed: int, population: Population, *, categories: Sequence[int] = (), without: Sequence[str] = ()
) -> list[Alternative]:
    """Return the classifiers, set to suit the number of rows; missing values are imputed where they must be.

    Parameters
    ----------
    seed : int
        Of everything random in them.
    population : Population
        What they will be fitted on, in folds; only its size is read.
    categories : sequence of int
        Places of columns that hold codes of words: linear, distance and Bayes models see one column per word. Trees see
        codes.
    without : sequence of str
        Names to leave out: the model's own procedure.
    """
    rows, columns = population.columns.shape
    makers = {
        **_list_linear(tuple(categories)),
        **_list_trees(seed, rows),
        **_list_others(seed, rows, tuple(categories)),
        **_list_boosters(seed, rows, rows * columns),
    }
    return [Alternative(name, _fit_with(make)) for name, make in makers.items() if name not in without]


def _list_linear(categories: tuple[int, ...]) -> dict[str, Make]:
    filled = partial(_filled, categories)
    return {
        "Logistic regression": lambda: filled([StandardScaler()], LogisticRegression(max_iter=500)),
        "Logistic scorecard (binned columns)": lambda: filled([_bins()], LogisticRegression(C=0.1, max_iter=500)),
    }


def _list_others(seed: int, rows: int, categories: tuple[int, ...]) -> dict[str, Make]:
    filled = partial(_filled, categories)
    kernel = "Support vectors (RBF)" if rows <= EXACT_KERNEL_ROWS else "Support vectors (RBF, Nystroem)"
    return {
        "AdaBoost": lambda: filled([], AdaBoostClassifier(n_estimators=100, random_state=seed)),
        "Naive Bayes": lambda: filled([_ranks(seed, rows)], GaussianNB()),
        kernel: lambda: filled([_ranks(seed, rows)], *_kernel_machine(seed, rows)),
    }


def _list_trees(seed: int, rows: int) -> dict[str, Make]:
    # Leaves that suit tens of thousands of rows would leave a tree of a thousand rows without any split.
    leaf = min(100, max(5, rows // 100))
    return {
        "Decision tree": lambda: DecisionTreeClassifier(max_depth=6, min_samples_leaf=leaf, random_state=seed),
        "Random forest": lambda: RandomForestClassifier(
            150,
            min_samples_leaf=min(20, max(2, rows // 500)),
            max_samples=0.5 if rows > EXACT_KERNEL_ROWS else None,
            random_state=seed,
            n_jobs=1,
        ),
    }


def _list_boosters(seed: int, rows: int, cells: int) -> dict[str, Make]:
    return {
        "GBDT (scikit-learn)": lambda: _boosting(seed, cells),
        "XGBoost": lambda: XGBClassifier(
            n_estimators=150, max_depth=4, learning_rate=0.08, subsample=0.8, n_jobs=1, random_state=seed
        ),
        "LightGBM": lambda: LGBMClassifier(
            n_estimators=150,
            num_leaves=15,
            learning_rate=0.08,
            min_child_samples=min(50, max(20, rows // 100)),
            subsample=0.8,
            subsample_freq=1,
            n_jobs=1,
            random_state=seed,
            deterministic=True,
            verbosity=-1,
        ),
    }


def _fit_with(make: Make) -> Fit:
    def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Scorer:
        classifier = make()
        with warnings.catch_warnings(), one_thread():
            # Counts, and money with many zeros, have fewer different quantiles than bins; that is as it should be.
            warnings.filterwarnings("ignore", message="Bins whose width are too small")
            warnings.filterwarnings("ignore", message="Feature .* is constant")
            classifier.fit(columns, events)  # type: ignore[attr-defined]
        return partial(_score_quietly, classifier)

    return fit


def _score_quietly(classifier: object, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        # LightGBM names columns of plain arrays itself, and then warns that plain arrays have no names.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return compute_classifier_margins(classifier, columns)


def _filled(categories: tuple[int, ...], steps: Sequence[object], *last: object) -> object:
    """Return a pipeline that imputes numbers, prepares them by `steps`, spreads words over columns, and then learns."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), *steps)
    if not categories:
        return make_pipeline(SimpleImputer(strategy="median"), *steps, *last)
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("words", words, list(categories))], remainder=numbers, sparse_threshold=0.0)
    return make_pipeline(columns, *last)


def _kernel_machine(seed: int, rows: int) -> tuple[object, ...]:
    if rows <= EXACT_KERNEL_ROWS:
        return (SVC(gamma="scale"),)
    return (Nystroem(gamma=0.05, n_components=200, random_state=seed), LinearSVC(C=0.1, random_state=seed))


def _boosting(seed: int, cells: int) -> object:
    if cells > EXACT_BOOSTING_CELLS:
        return HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median"), GradientBoostingClassifier(subsample=0.5, random_state=seed))


def _bins() -> object:
    return KBinsDiscretizer(8, encode="onehot", strategy="quantile", quantile_method="averaged_inverted_cdf")


def _ranks(seed: int, rows: int) -> object:
    # Money is skewed over five orders of magnitude; its ranks, spread as a normal, suit Gaussian and distance models.
    return QuantileTransformer(n_quantiles=min(200, rows // 3), output_distribution="normal", random_state=seed)
