"""Routes, integrations and body schemas of the API, from the OpenAPI document that API Gateway is given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import fastjsonschema

from ratecard_workbench.local.cloudformation import Node, load_yaml
from ratecard_workbench.local.errors import ConfigurationError
from ratecard_workbench.local.templates import ContextTemplate, parse_parameters

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
# The longest an integration of a REST API may take unless a quota is raised.
DEFAULT_TIMEOUT_SECONDS = 29.0
_FUNCTION = re.compile(r"functions/\$\{(\w+)(?:\.Arn|\.Alias)?\}")

Validator = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class LambdaIntegration:
    """A function answers; `timeout_seconds` is how long the gateway waits for it."""

    function: str
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class MockIntegration:
    """The gateway answers by itself."""

    status: int
    headers: tuple[tuple[str, ContextTemplate], ...]
    body: ContextTemplate


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, which may have parameters, each one step of it.

    Attributes
    ----------
    method, resource : str
        For example POST and /v1/models/credit-rating/predict.
    resource_id : str
        Short stable id, as API Gateway has one for each path.
    needs_key : bool
        Whether a call needs an API key.
    integration : LambdaIntegration, MockIntegration or None
        Who answers; None is the platform's own upload door.
    validators : Mapping of str to callable
        By content type: raises fastjsonschema.JsonSchemaValueException for a body that the schema refuses.
    """

    method: str
    resource: str
    resource_id: str
    needs_key: bool
    integration: LambdaIntegration | MockIntegration | None
    validators: Mapping[str, Validator] = field(default_factory=dict)

    def find_validator(self, content_type: str) -> Validator | None:
        """Return the check of a body of this type; API Gateway falls back to the model under `$default`."""
        return self.validators.get(content_type) or self.validators.get("$default")


def compile_resource(resource: str) -> re.Pattern[str]:
    """Return what the paths of a resource look like; a parameter such as ``{number}`` is a group of its name."""
    parts = re.split(r"\{(\w+)\}", resource)
    return re.compile(
        "".join(f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    )


@dataclass(frozen=True, slots=True)
class Definition:
    """The API: its routes and its own answers."""

    routes: tuple[Route, ...]
    document: Mapping[str, Node]


def load_definition(path: Path) -> Definition:
    """Read an OpenAPI 3.0 document with API Gateway's extensions.

    Raises
    ------
    ConfigurationError
        If the document is missing or holds an integration that one machine cannot run.
    """
    document = load_yaml(path)
    routes = tuple(
        _parse_route(method.upper(), resource, item[method], document)
        for resource, item in (document.get("paths") or {}).items()
        for method in METHODS
        if method in item
    )
    return Definition(routes=routes, document=document)


def _parse_route(method: str, resource: str, operation: Mapping[str, Node], document: Mapping[str, Node]) -> Route:
    integration = operation.get("x-amazon-apigateway-integration") or {}
    kind = str(integration.get("type", "")).lower()
    parsed: LambdaIntegration | MockIntegration
    if kind == "aws_proxy":
        parsed = _parse_lambda(integration, f"{method} {resource}")
    elif kind == "mock":
        parsed = _parse_mock(integration)
    else:
        raise ConfigurationError(f"{method} {resource}: an integration of type {kind or 'none'} cannot run here")
    security = operation.get("security", document.get("security")) or []
    return Route(
        method=method,
        resource=resource,
        resource_id=sha256(resource.encode()).hexdigest()[:6],
        needs_key=any(_is_key_scheme(name, document) for requirement in security for name in requirement),
        integration=parsed,
        validators=_parse_validators(operation, document),
    )


def _parse_lambda(integration: Mapping[str, Node], where: str) -> LambdaIntegration:
    match = _FUNCTION.search(json.dumps(integration.get("uri")))
    if match is None:
        raise ConfigurationError(f"{where}: its integration names no function of the template")
    milliseconds = integration.get("timeoutInMillis", DEFAULT_TIMEOUT_SECONDS * 1000)
    return LambdaIntegration(match.group(1), float(milliseconds) / 1000)


def _parse_mock(integration: Mapping[str, Node]) -> MockIntegration:
    responses = integration.get("responses") or {}
    response: Mapping[str, Node] = responses.get("default") or next(iter(responses.values()), {})
    templates = response.get("responseTemplates") or {"application/json": ""}
    content_type, template = next(iter(templates.items()))
    headers = parse_parameters(response.get("responseParameters") or {}, "method.response.header.")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", ContextTemplate(content_type)), *headers)
    return MockIntegration(int(response.get("statusCode", 200)), headers, ContextTemplate(template))


def _is_key_scheme(name: str, document: Mapping[str, Node]) -> bool:
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    scheme = schemes.get(name) or {}
    return scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key"


def _parse_validators(operation: Mapping[str, Node], document: Mapping[str, Node]) -> dict[str, Validator]:
    chosen = operation.get(
        "x-amazon-apigateway-request-validator", document.get("x-amazon-apigateway-request-validator")
    )
    validator = (document.get("x-amazon-apigateway-request-validators") or {}).get(chosen) or {}
    if not validator.get("validateRequestBody"):
        return {}
    content = (operation.get("requestBody") or {}).get("content") or {}
    found: dict[str, Validator] = {}
    for content_type, media in content.items():
        if "schema" in media:
            found[content_type] = _compile(media["schema"], document)
    return found


def _compile(schema: Node, document: Mapping[str, Node]) -> Validator:
    inlined = _inline(schema, document, depth=0)
    compiled: Validator = fastjsonschema.compile({"$schema": "http://json-schema.org/draft-04/schema#", **inlined})
    return compiled


def _inline(node: Node, document: Mapping[str, Node], depth: int) -> Node:
    """Replace references into the document by what they name."""
    if depth > 50:
        raise ConfigurationError("a schema of the OpenAPI document refers to itself")
    if isinstance(node, list):
        return [_inline(item, document, depth + 1) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Node = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        return _inline(target, document, depth + 1)
    return {key: _inline(value, document, depth + 1) for key, value in node.items()}
