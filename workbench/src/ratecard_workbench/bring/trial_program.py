"""Runs a model's handler as Lambda does. Started by `trial` as a script; it imports nothing of the workbench.

Arguments: the model's source folder and the library's. On stdin a JSON request, on the last line of stdout the answer.
"""

import io
import json
import sys
import time
from contextlib import redirect_stdout
from importlib import import_module
from types import SimpleNamespace
from typing import Any

sys.path[:0] = sys.argv[1:3]
CONTEXT = SimpleNamespace(aws_request_id="00000000-0000-4000-8000-000000000000")
WARM_CALLS = 40


def constant(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Read the body and answer a constant: what a call costs without a model."""
    json.loads(event["body"])
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"predictions": []}'}


def measure(package: str, event: dict[str, Any]) -> dict[str, float]:
    """Answer once and note when; then answer again some times, each event read from text and each answer written."""
    import_module("awslambdaric.bootstrap")  # what Lambda's own runtime loads before any function
    handler = import_module(f"{package}.handler").lambda_handler if package else constant
    text = json.dumps(event)
    with redirect_stdout(io.StringIO()):
        json.dumps(handler(json.loads(text), CONTEXT))
        first_at = time.time()
        seconds = []
        for _ in range(WARM_CALLS):
            begun = time.perf_counter()
            json.dumps(handler(json.loads(text), CONTEXT))
            seconds.append(time.perf_counter() - begun)
    return {"first_at": first_at, "warm_seconds": sorted(seconds)[len(seconds) // 2]}


def answer_rows(package: str, rows: list[Any]) -> dict[str, Any]:
    """Parse, encode and score rows; say what the contract refuses, and what `decide` saw and said of the others."""
    import os

    from ratecard.serving.handlers import load_model

    contract = import_module(f"{package}.contract").CONTRACT
    decide = import_module(f"{package}.decision").decide
    seen: list[list[float]] = []

    def listening(scored: Any) -> Any:
        seen.append(list(scored.classes) or [scored.margin if contract.predicts_value else scored.probability])
        return decide(scored)

    folder = os.path.join(sys.argv[1], package, "artifact")  # noqa: PTH118 - as the handler does
    model = load_model(contract, listening, folder, os.environ["RATECARD_NATIVE_DIR"])
    refused, parsed = [], []
    for place, row in enumerate(rows):
        values, problems = contract.parse_row(row)
        refused += [{"row": place, "pointer": one.pointer, "detail": one.detail} for one in problems]
        parsed.append(values)
    if refused:
        return {"refused": refused[:20]}
    predictions = [
        one for start in range(0, len(parsed), 256) for one in model.predict(parsed[start : start + 256], explain=False)
    ]
    heavy = sorted({"numpy", "pandas", "sklearn", "lightgbm", "xgboost", "onnxruntime"} & set(sys.modules))
    return {"refused": [], "scored": seen, "predictions": predictions, "heavy": heavy}


def reply(package: str, events: dict[str, Any]) -> dict[str, Any]:
    """Answer the sample events."""
    handler = import_module(f"{package}.handler").lambda_handler
    with redirect_stdout(io.StringIO()):
        return {name: handler(event, CONTEXT) for name, event in events.items()}


def main() -> None:
    """Do what is asked."""
    request = json.load(sys.stdin)
    if request["task"] == "time":
        answer: dict[str, Any] = measure(request["package"], request["event"])
    elif request["task"] == "rows":
        answer = answer_rows(request["package"], request["rows"])
    else:
        answer = reply(request["package"], request["events"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
