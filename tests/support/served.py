"""A small model that is really trained, written as an artifact and served through the real engine."""

import hashlib
import json
import random
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import lightgbm
import numpy as np

from ratecard.contract import Decision, Scored
from ratecard.contract.sample import sample_row
from ratecard.serving.handlers import load_model
from ratecard.serving.model import Model
from support.contracts import EVERY_KIND

SLOPE, INTERCEPT = 0.9, -0.1
CONTEXT = SimpleNamespace(aws_request_id="3f0a4f52-0000-4000-8000-000000000001")


def decide(scored: Scored) -> Decision:
    """Say no above one half."""
    score = round(EVERY_KIND.scale.score(scored.margin))
    answer = "no" if scored.probability > 0.5 else "yes"
    loss = EVERY_KIND.outputs[4].write(Decimal(scored.probability) * 1000)
    outputs = (scored.probability, max(0, min(1000, score)), answer, scored.probability / 2, loss)
    return Decision(outputs, adverse=answer == "no")


def train_booster() -> lightgbm.Booster:
    """Fit 20 small trees on made rows: low income and high debt are bad."""
    chance = random.Random(7)
    rows, labels = [], []
    for _ in range(2000):
        row = sample_row(EVERY_KIND) | {"income": chance.uniform(0, 100_000), "debt": chance.uniform(-10, 10)}
        rows.append(EVERY_KIND.encode(EVERY_KIND.parse_rows([row])[0]))
        labels.append(int(row["debt"] * 5000 - row["income"] + chance.gauss(20_000, 10_000) > 0))
    parameters = {"objective": "binary", "num_leaves": 7, "verbose": -1, "seed": 7, "num_threads": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(np.array(rows), label=labels), num_boost_round=20)


def write_artifact(folder: Path, booster: lightgbm.Booster) -> None:
    """Write model.txt and the manifest that describes it."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "model.txt"
    booster.save_model(str(model))
    manifest = {
        "format": 1,
        "model": EVERY_KIND.slug,
        "version": EVERY_KIND.version,
        "engine": "lightgbm",
        "engine_version": lightgbm.__version__,
        "files": {"model.txt": hashlib.sha256(model.read_bytes()).hexdigest()},
        "columns": list(EVERY_KIND.columns),
        "output": "log_odds",
        "calibration": {"slope": SLOPE, "intercept": INTERCEPT},
        "metrics": {},
        "recipe": {"path": "tests/support/served.py", "sha256": "0" * 64, "commit": "0" * 40},
        "data_sha256": "0" * 64,
        "trained_with": {"lightgbm": lightgbm.__version__},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def serve_model(folder: Path, native_dir: Path) -> Model:
    """Load what `write_artifact` wrote."""
    return load_model(EVERY_KIND, decide, str(folder), str(native_dir))


def proxy_event(path: str, body: str | None, **changes: object) -> dict[str, object]:
    """Build a REST proxy event, payload v1, as API Gateway sends it (fields as AWS recorded them)."""
    event: dict[str, object] = {
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json", "x-api-key": "canary-key-value", "Host": "example.test"},
        "multiValueHeaders": {"Content-Type": ["application/json"], "x-api-key": ["canary-key-value"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "111111111111",
            "apiId": "abc123",
            "stage": "prod",
            "extendedRequestId": "JKJaXmPLvHcESHA=",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1795342272345,
            "identity": {"apiKey": "canary-key-value", "apiKeyId": "a1b2c3d4e5", "sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }
    return event | changes
