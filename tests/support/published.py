"""Answers held against the published OpenAPI document."""

import functools
from typing import Any

import jsonschema

from ratecard_workbench.local.cloudformation import load_yaml
from support.platform import ROOT


@functools.cache
def published_schemas() -> dict[str, Any]:
    """Return the document's schemas, with OpenAPI's `nullable` as JSON Schema writes it."""
    return _translated(load_yaml(ROOT / "infra/openapi.public.yaml")["components"]["schemas"])


def fits(document: Any, name: str) -> Any:
    """Return a document that is as the published schema of a name says; fails if it is not."""
    jsonschema.validate(document, published_schemas()[name])
    return document


def _translated(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_translated(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {member: _translated(each) for member, each in schema.items() if member != "nullable"}
    return found | {"type": [schema["type"], "null"]} if schema.get("nullable") is True else found
