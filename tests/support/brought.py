"""Trained models to bring, a sample of rows for them, and a project to bring them to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["Age", "income", "Home Type", "member", "debt_ratio"]
NUMBERS = ["Age", "income", "debt_ratio"]
WORDS = ["Home Type", "member"]
ROWS = 500


def make_portfolio(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """Draw borrowers with an event, a class and a loss; some incomes and homes are missing."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "Age": draw.integers(18, 80, rows),
            "income": np.round(draw.lognormal(10, 1, rows), 2),
            "Home Type": draw.choice(["own", "rent", "mortgage"], rows),
            "member": draw.random(rows) < 0.5,
            "debt_ratio": draw.random(rows),
        }
    )
    risk = (
        (frame["Age"] - 40) / 10 + (frame["Home Type"] == "rent") - np.log(frame["income"]) + 10 + frame["debt_ratio"]
    )
    frame.loc[draw.random(rows) < 0.1, "income"] = np.nan
    frame.loc[draw.random(rows) < 0.1, "Home Type"] = np.nan
    frame["bad"] = (risk + draw.normal(size=rows) > 1).astype(int)
    frame["kind"] = pd.cut(risk, [-99, 0, 2, 99], labels=["low", "mid", "high"]).astype(str)
    frame["loss"] = np.round(risk * 100 + draw.normal(size=rows), 3)
    return frame


def preparation() -> ColumnTransformer:
    """Impute, flag, scale and encode, as most notebooks do."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("words", words, WORDS)])


def rare_preparation() -> ColumnTransformer:
    """Encoders that converters follow only so far: rare words together, unknown words and missing ones by code."""
    rare = OneHotEncoder(min_frequency=0.2, drop="if_binary", handle_unknown="infrequent_if_exist")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    return ColumnTransformer(
        [("rare", rare, ["Home Type"]), ("codes", codes, ["Home Type", "member"])],
        remainder=SimpleImputer(strategy="mean"),
    )


ESTIMATORS = {
    "logistic": (LogisticRegression(), "bad"),
    "forest": (RandomForestClassifier(30, random_state=0), "bad"),
    "gradient_boosting": (GradientBoostingClassifier(n_estimators=40, random_state=0), "bad"),
    "hist_gradient_boosting": (HistGradientBoostingClassifier(max_iter=30, random_state=0), "bad"),
    "ada_boost": (AdaBoostClassifier(n_estimators=10, random_state=0), "bad"),
    "network": (MLPClassifier((8,), max_iter=60, random_state=0), "bad"),
    "kernel_machine": (CalibratedClassifierCV(SVC(), ensemble=False, cv=3), "bad"),
    "multinomial": (LogisticRegression(), "kind"),
    "hist_multinomial": (HistGradientBoostingClassifier(max_iter=10, random_state=0), "kind"),
    "ridge": (Ridge(), "loss"),
    "forest_value": (RandomForestRegressor(20, random_state=0), "loss"),
    "hist_value": (HistGradientBoostingRegressor(max_iter=20, random_state=0), "loss"),
    "lightgbm_last": (lightgbm.LGBMClassifier(n_estimators=20, verbose=-1), "bad"),
    "xgboost_last": (xgboost.XGBClassifier(n_estimators=20), "bad"),
}
"""Last step of a pipeline, and the target it is trained on."""


def train_pipeline(name: str, frame: pd.DataFrame, prepare=preparation) -> tuple[Pipeline, str]:
    """Train one of `ESTIMATORS` behind a column transformer."""
    estimator, target = ESTIMATORS[name]
    return Pipeline([("prepare", prepare()), ("model", estimator)]).fit(frame[COLUMNS], frame[target]), target


def store_sample(frame: pd.DataFrame, target: str | None, path: Path, columns=COLUMNS) -> Path:
    """Write the columns and the target as CSV."""
    frame[[*columns, *([target] if target else [])]].to_csv(path, index=False)
    return path


def make_project(folder: Path) -> Path:
    """Copy as much of the repository as a project with models is, with the native layer linked."""
    folder.mkdir()
    for name in ("template.yaml", "samconfig.toml", "infra", "layers/ratecard", "layers/native"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    for linked in ("layers/analytics", "functions/services"):
        if (ROOT / linked).is_dir():
            (folder / linked).parent.mkdir(parents=True, exist_ok=True)
            (folder / linked).symlink_to(ROOT / linked)
    (folder / "functions" / "models").mkdir(parents=True, exist_ok=True)
    for model in (ROOT / "functions" / "models").iterdir():
        (folder / "functions" / "models" / model.name).symlink_to(model)
    (folder / "build").mkdir()
    (folder / "build" / "native").symlink_to(ROOT / "build" / "native")
    return folder


def tree_of(project: Path) -> dict[str, bytes | str]:
    """Return everything a project holds, by path: what must be the same after a command that failed."""
    found: dict[str, bytes | str] = {}
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project).as_posix()
        if name.startswith(("build", ".")) or "__pycache__" in name:
            continue
        found[name] = path.read_bytes() if path.is_file() else "folder"
    return found


def ratecard(project: Path, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a project."""
    command = [
        sys.executable,
        "-c",
        "from ratecard_workbench.cli import main; main()",
        *map(str, arguments),
        "--project",
        str(project),
    ]
    environment = {**os.environ, **options.pop("environment", {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300, **options)
