"""The usual way: the same model as a joblib pickle of LightGBM's scikit-learn wrapper; it checks and meters nothing."""

import json
import math
from pathlib import Path

import joblib
import numpy as np

BUNDLE = joblib.load(Path(__file__).parent / "model.joblib")


def encode(row):
    """Return the model's columns, in its order: plain numbers, category codes and ratios."""
    for name, values in BUNDLE["categories"].items():
        row[name] = values.index(row[name])
    for name, numerator, denominator in BUNDLE["ratios"]:
        row[name] = row[numerator] / row[denominator]
    return [row[name] for name in BUNDLE["columns"]]


def probability_of(row):
    """Return the calibrated probability of default of one row."""
    margin = BUNDLE["model"].predict_proba(np.array([encode(row)], dtype=float), raw_score=True)[0]
    return 1 / (1 + math.exp(-(BUNDLE["slope"] * float(margin) + BUNDLE["intercept"])))


def lambda_handler(event, context):
    """Answer one row's probability of default."""
    probability = probability_of(json.loads(event["body"]))
    body = json.dumps({"model": "credit-rating", "predictions": [{"probability_of_default": probability}]})
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": body}
