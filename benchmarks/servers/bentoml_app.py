"""BentoML with two workers, the model loaded once in each."""

import os

import bentoml
import joblib
import numpy as np

NAMES = [f"feature_{place:02d}" for place in range(1, 25)]


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class RowModel:
    """The model as a BentoML service."""

    def __init__(self):
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api
    async def predict(self, row: dict[str, float], /) -> dict[str, float]:
        """Answer one row's probability."""
        values = np.array([[row[name] for name in NAMES]], dtype=float)
        return {"probability_of_default": float(self.model.predict_proba(values)[0, 1])}
