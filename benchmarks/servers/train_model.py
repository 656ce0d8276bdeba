"""Train the one model every server of the comparison answers with: 300 trees x 24 features, on generated rows, seeded.

Run by a peer's interpreter: `python train_model.py FOLDER` writes model.joblib (scikit-learn wrapper) and model.txt.
"""

import pathlib
import sys

import joblib
import lightgbm
import numpy as np

ROWS, FEATURES, TREES, SEED = 20_000, 24, 300, 20261122


def train():
    """Return the fitted classifier; one thread a call, since every peer runs several workers on few cores."""
    generator = np.random.default_rng(SEED)
    rows = generator.normal(size=(ROWS, FEATURES))
    margin = (
        rows[:, 0]
        - rows[:, 1] * rows[:, 2]
        + np.sin(3 * rows[:, 3])
        + rows[:, 4:] @ generator.normal(scale=0.3, size=FEATURES - 4)
    )
    default = generator.random(ROWS) < 1 / (1 + np.exp(-margin + 1))
    model = lightgbm.LGBMClassifier(
        n_estimators=TREES,
        num_leaves=31,
        learning_rate=0.05,
        random_state=SEED,
        deterministic=True,
        force_row_wise=True,
        n_jobs=1,
        verbose=-1,
    )
    return model.fit(rows, default.astype(int))


def write_model(folder):
    """Write both forms of the model."""
    model = train()
    joblib.dump(model, folder / "model.joblib")
    model.booster_.save_model(folder / "model.txt")


if __name__ == "__main__":
    write_model(pathlib.Path(sys.argv[1]))
