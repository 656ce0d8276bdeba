"""The tutorial's way: Flask, the model unpickled in every request."""

import os

import joblib
import numpy as np
from flask import Flask, jsonify, request

MODEL_FILE = os.environ["BENCH_MODEL"]
NAMES = [f"feature_{place:02d}" for place in range(1, 25)]
app = Flask(__name__)


@app.post("/predict")
def predict():
    """Answer one row's probability."""
    body = request.get_json()
    model = joblib.load(MODEL_FILE)
    row = np.array([[body[name] for name in NAMES]], dtype=float)
    return jsonify(probability_of_default=float(model.predict_proba(row)[0, 1]))
