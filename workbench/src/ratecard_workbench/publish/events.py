"""Sample Lambda events of a model, each beside the reply the function gives to it today."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratecard.contract import Integer, ModelContract
from ratecard.contract.sample import sample_inference, sample_row
from ratecard_workbench.local.application import load_application
from ratecard_workbench.publish.catalogue import ONLINE_HANDLER, load_contract

Document = dict[str, Any]
Handler = Callable[[Document, Any], Document]

REPLY = ".reply.json"
CALL_ID = "SampleCallId0000="
SAMPLE_API = "abcdefghij"
SAMPLE_HOST = f"{SAMPLE_API}.execute-api.eu-west-1.amazonaws.com"
UNKNOWN_CALLER = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)
"""Members of an event's identity that a key says nothing about."""


@dataclass(frozen=True, slots=True)
class SampleContext:
    """As much of Lambda's context as a function reads."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000000"


def sample_events(contract: ModelContract) -> dict[str, Document]:
    """Return events for every door and for the refusals a client meets first, by name.

    The second row has every whole number at its largest value; where those are arrears or enquiries it is the row that
    is owed reasons.
    """
    typical = sample_row(contract)
    extreme = typical | {one.name: one.maximum for one in contract.features if isinstance(one, Integer)}
    both = {"instances": [typical, extreme]}
    first = contract.features[0].name
    predict = f"/v1/models/{contract.slug}/predict"
    infer = f"/v2/models/{contract.slug}/infer"
    return {
        "direct_row": typical,
        "direct_rows_explained": {**both, "explain": True},
        "direct_refused_empty": {"instances": []},
        "rest_row": proxy_event(predict, json.dumps(typical)),
        "rest_rows": proxy_event(predict, json.dumps(both)),
        "rest_rows_explained": proxy_event(predict, json.dumps(both), {"explain": "true"}),
        "rest_refused_not_json": proxy_event(predict, '{"instances": ['),
        "rest_refused_fields": proxy_event(predict, json.dumps({first: None, "not_a_field": 1})),
        "inference_protocol": proxy_event(infer, json.dumps(sample_inference(contract))),
    }


def proxy_event(path: str, body: str, query: dict[str, str] | None = None) -> Document:
    """Return a REST proxy event, payload v1, of a call with a key (no real one).

    Notes
    -----
    Source: the shape AWS sends, as recorded by LocalStack's snapshot tests; it has no member `version`.
    """
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Host": SAMPLE_HOST}
    context = {
        "accountId": "123456789012",
        "apiId": SAMPLE_API,
        "deploymentId": "d00000",
        "domainName": SAMPLE_HOST,
        "domainPrefix": SAMPLE_API,
        "extendedRequestId": CALL_ID,
        "httpMethod": "POST",
        "identity": {
            **dict.fromkeys(UNKNOWN_CALLER),
            "apiKey": "not-a-real-key",
            "apiKeyId": "a1b2c3d4e5",
            "sourceIp": "192.0.2.1",
            "userAgent": "sample",
        },
        "path": f"/dev{path}",
        "protocol": "HTTP/1.1",
        "requestId": "00000000-0000-4000-8000-00000000000a",
        "requestTime": "22/Nov/2026:10:11:12 +0000",
        "requestTimeEpoch": 1795342272345,
        "resourceId": "r00000",
        "resourcePath": path,
        "stage": "dev",
    }
    return {
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {name: [value] for name, value in query.items()},
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": False,
    }


def event_texts(root: Path) -> dict[str, str]:
    """Run every model's real function on its sample events; return all files by path under `root`."""
    texts: dict[str, str] = {}
    for spec in load_application(root, {}).functions.values():
        if spec.handler.endswith(ONLINE_HANDLER):
            source, package = spec.paths[0], spec.handler.split(".")[0]
            folder = (source.parent / "events").relative_to(root.resolve())
            handler = load_handler(source, package)
            for name, event in sample_events(load_contract(source, package)).items():
                texts[f"{folder}/{name}.json"] = json_text(event)
                with quiet():
                    texts[f"{folder}/{name}{REPLY}"] = json_text(handler(event, SampleContext()))
    return texts


def load_handler(source: Path, package: str) -> Handler:
    """Import a model's online entry point; the engines' libraries are found by RATECARD_NATIVE_DIR."""
    sys.path.insert(0, str(source))
    try:
        handler: Handler = importlib.import_module(f"{package}.handler").lambda_handler
    finally:
        sys.path.remove(str(source))
    return handler


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the function's usage lines off this program's output."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def json_text(document: Document) -> str:
    """Write JSON for people."""
    return json.dumps(document, indent=2) + "\n"
