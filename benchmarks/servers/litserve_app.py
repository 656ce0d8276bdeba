"""LitServe with two workers and no batching: callers send single rows and wait for them."""

import os
import sys

import joblib
import litserve
import numpy as np

NAMES = [f"feature_{place:02d}" for place in range(1, 25)]


class RowModel(litserve.LitAPI):
    """The model behind LitServe's four hooks."""

    def setup(self, device):
        """Load the model once in each worker."""
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    def decode_request(self, request):
        """Return the row as the model wants it."""
        return np.array([[request[name] for name in NAMES]], dtype=float)

    def predict(self, row):
        """Return the probability."""
        return float(self.model.predict_proba(row)[0, 1])

    def encode_response(self, probability):
        """Return the answer's body."""
        return {"probability_of_default": probability}


if __name__ == "__main__":
    server = litserve.LitServer(RowModel(), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
