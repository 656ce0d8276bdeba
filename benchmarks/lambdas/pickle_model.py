"""Turn our LightGBM text model into what users deploy: a fitted LGBMClassifier in a joblib file.

Run by the interpreter that will load it: `python pickle_model.py MODEL.txt DESCRIPTION.json OUT.joblib`.
"""

# ruff: noqa: SLF001 - only `fit` sets these attributes, and the point is not to train again

import json
import sys
from pathlib import Path

import joblib
import lightgbm
import numpy as np
from sklearn.preprocessing import LabelEncoder


def classifier_around(booster):
    """Return a fitted scikit-learn wrapper around a booster, with the attributes its `fit` would have set."""
    model = lightgbm.LGBMClassifier(n_jobs=1)
    model._Booster = booster
    model._n_features = model._n_features_in = booster.num_feature()
    model._classes, model._n_classes = np.array([0, 1]), 2
    model._le = LabelEncoder().fit(model._classes)
    model._objective = "binary"
    model.fitted_ = True
    return model


def write_bundle(model_file, description_file, out_file):
    """Write the joblib file: the wrapper, and from the description the columns, ratios and calibration."""
    description = json.loads(Path(description_file).read_text())
    booster = lightgbm.Booster(model_file=model_file)
    joblib.dump({"model": classifier_around(booster), **description}, out_file)


if __name__ == "__main__":
    write_bundle(*sys.argv[1:])
