"""The functions that the cold benchmark compares, each with its folder, handler, packages and event."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.deployment import Deployment
from benchmarks.environments import (
    BUILD,
    clean_environment,
    compile_bytecode,
    ensure_environment,
    ensure_packages,
    run_or_explain,
)
from benchmarks.models import REFERENCE, BenchModel, get_model
from ratecard.contract import Category, ModelContract
from ratecard.contract.sample import sample_row

LAMBDAS = Path(__file__).parent / "lambdas"
PATH = f"/v1/models/{REFERENCE}/predict"
FASTAPI = "FastAPI + Mangum + joblib"
JOBLIB = "joblib + LightGBM's Python package"
NOOP = "no-op"
OURS = REFERENCE
EXPLAINED = ", with reasons"
"""What a model's second contestant has behind its slug."""
OURS_EXPLAINED = OURS + EXPLAINED


@dataclass(frozen=True, slots=True)
class Contestant:
    """One function under the emulator.

    Attributes
    ----------
    name : str
        As shown in the tables.
    command : list of str
        The runtime with its handler.
    environment : dict
        All the function sees.
    folder : Path
        Working directory, /var/task in Lambda.
    event : bytes
        The REST proxy event it is called with.
    model : str
        Slug of the model that answers; empty for the no-op function.
    explained : bool or None
        Whether every prediction must have reasons, or must not; None where there are none to give.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    event: bytes
    model: str = ""
    explained: bool | None = None


def load_contract() -> ModelContract:
    """Import the contract of the credit-rating model."""
    return get_model(REFERENCE).contract


def proxy_event(row: dict[str, object], slug: str = REFERENCE, *, explain: bool = False) -> bytes:
    """Return a REST proxy event, payload v1, with the members and the size that API Gateway gives it."""
    names = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "User-Agent": "python-httpx/0.28.1",
        "X-Amzn-Trace-Id": "Root=1-6921c0de-0123456789abcdef01234567",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        "x-api-key": "not-a-real-key-0123456789abcdef0123456789",
    }
    query = {"explain": "true"} if explain else None
    path = f"/v1/models/{slug}/predict"
    event = {
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": names,
        "multiValueHeaders": {name: [value] for name, value in names.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {"explain": ["true"]} if explain else None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": request_context(path),
        "body": json.dumps(row),
        "isBase64Encoded": False,
    }
    return json.dumps(event).encode()


def request_context(path: str) -> dict[str, object]:
    """Return the request context of a call with a key."""
    return {
        "resourceId": "abc123",
        "resourcePath": path,
        "httpMethod": "POST",
        "extendedRequestId": "UQ2bFHr6DoEEj4g=",
        "requestTime": "22/Nov/2026:10:11:12 +0000",
        "path": f"/dev{path}",
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": "dev",
        "domainPrefix": "a1b2c3d4e5",
        "requestTimeEpoch": 1795342272345,
        "requestId": "0f4b5a52-6f5d-4f0e-9a3e-1c2d3e4f5a6b",
        "identity": {"apiKeyId": "k0123456ab", "sourceIp": "203.0.113.7", "userAgent": "python-httpx/0.28.1"},
        "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "apiId": "a1b2c3d4e5",
    }


def artifact_folder() -> Path:
    """Return the artifact of the model that the usual functions serve, too."""
    model = get_model(REFERENCE)
    return model.source / model.package / "artifact"


def describe_model(contract: ModelContract) -> dict[str, object]:
    """Return what the joblib function needs beside the booster for the same answer: columns, ratios, calibration."""
    manifest = json.loads((artifact_folder() / "manifest.json").read_text())
    features = contract.features
    return {
        "inputs": [feature.name for feature in features],
        "columns": list(contract.columns),
        "categories": {feature.name: list(feature.values) for feature in features if isinstance(feature, Category)},
        "ratios": [[ratio.name, ratio.numerator, ratio.denominator] for ratio in contract.derived],
        **manifest["calibration"],
    }


def usual_function(name: str, sources: tuple[str, ...], python: str) -> Path:
    """Return the /var/task of a function that people write by hand, its bytecode compiled as ours is."""
    folder = BUILD / "deployed" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in sources:
        shutil.copy(LAMBDAS / source, folder / source)
    compile_bytecode(python, folder)
    return folder


def pickle_model(packages: Path, python: str, contract: ModelContract) -> Path:
    """Write the joblib file of the same model, with the packages that will load it."""
    description, pickled = BUILD / "built" / "description.json", BUILD / "built" / "model.joblib"
    description.write_text(json.dumps(describe_model(contract)))
    artifact = artifact_folder() / "model.txt"
    paths = [str(packages), str(LAMBDAS)]
    run = f"import sys; sys.path[:0] = {paths!r}; import pickle_model; pickle_model.write_bundle(*sys.argv[1:])"
    run_or_explain([python, "-c", run, str(artifact), str(description), str(pickled)])
    return pickled


def assemble_contestants(deployment: Deployment, python: str, models: tuple[BenchModel, ...]) -> tuple[Contestant, ...]:
    """Return the functions to compare, in the order of a round: the floor, our models, the usual ways."""
    contract = load_contract()
    runtime = str(ensure_environment("runtime", python))
    packages = ensure_packages("lambda", python)
    noop = usual_function("noop", ("noop.py",), python)
    usual = usual_function("joblib", ("joblib_function.py", "fastapi_function.py"), python)
    shutil.copy(pickle_model(packages, python, contract), usual / "model.joblib")
    plain = proxy_event(sample_row(contract))
    by_hand = lambda_environment(usual, packages)
    return (
        contestant(NOOP, (runtime, "noop"), lambda_environment(noop), plain),
        *(one for model in models for one in model_contestants(deployment, runtime, model)),
        replace(contestant(JOBLIB, (runtime, "joblib_function"), by_hand, plain), model=REFERENCE),
        replace(contestant(FASTAPI, (runtime, "fastapi_function"), by_hand, plain), model=REFERENCE),
    )


def contestant(name: str, run: tuple[str, str], environment: dict[str, str], event: bytes) -> Contestant:
    """Return a function run by the interpreter and the handler's module in `run`."""
    runtime, module = run
    command = [runtime, "-m", "awslambdaric", f"{module}.lambda_handler"]
    folder = Path(environment["PYTHONPATH"].partition(":")[0])
    return Contestant(name, command, environment, folder, event)


def model_contestants(deployment: Deployment, runtime: str, model: BenchModel) -> list[Contestant]:
    """Return one of our functions, without and, where it gives them, with reasons."""
    environment = lambda_environment(deployment.tasks[model.slug], deployment.layer, native=deployment.native)
    run, row = (runtime, f"{model.package}.handler"), model.row
    plain = contestant(model.slug, run, environment, proxy_event(row, model.slug))
    if not model.contract.reasons:
        return [replace(plain, model=model.slug)]
    explained = proxy_event(row, model.slug, explain=True)
    return [
        replace(plain, model=model.slug, explained=False),
        replace(plain, name=model.slug + EXPLAINED, event=explained, model=model.slug, explained=True),
    ]


def lambda_environment(task: Path, *layers: Path, native: Path | None = None) -> dict[str, str]:
    """Return a function's environment: the folder of its zip, then its layers, on PYTHONPATH."""
    extra = {"RATECARD_NATIVE_DIR": str(native)} if native else {}
    return clean_environment(
        PYTHONPATH=":".join(str(folder) for folder in (task, *layers)),
        AWS_LAMBDA_FUNCTION_NAME="function",
        AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1769",
        AWS_LAMBDA_FUNCTION_TIMEOUT="60",
        **extra,
    )
