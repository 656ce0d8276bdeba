"""The demo customer: a key that works at every start, and a call that works with it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from ratecard.billing.events import ANNOUNCEMENTS
from ratecard.storage.accounts import IssuedKey
from ratecard.storage.audited import AuditedAccounts
from ratecard_workbench.local.accountable import ensure_customer
from ratecard_workbench.local.application import Application
from ratecard_workbench.local.cloudformation import Node, load_yaml
from ratecard_workbench.local.openapi import Definition, LambdaIntegration, Route

CUSTOMER = "demo"
KEY_NAME = "demo"
PLAN = "standard"
PUBLIC_DOCUMENT = "openapi.public.yaml"


def issue_demo_key(audited: AuditedAccounts, currency: str = "USD") -> IssuedKey:
    """Give the demo customer's key a new secret: only its hash is stored, so an old one could not be shown again."""
    ensure_customer(audited, CUSTOMER, "Demo", currency)
    for key in audited.accounts.list_keys(CUSTOMER):
        if key.name == KEY_NAME and key.enabled and key.plan == PLAN:
            return audited.rotate_key(key.id)
    return audited.create_key(CUSTOMER, PLAN, KEY_NAME)


def curl_line(base_url: str, secret: str, route: Route, sample: Node) -> str:
    """Write a command that calls a route with the demo key; it can be pasted into a shell."""
    body = json.dumps(sample, separators=(",", ":"))
    return (
        f"curl -s {shlex.quote(base_url + route.resource)} -H {shlex.quote('x-api-key: ' + secret)}"
        f" -H 'content-type: application/json' -d {shlex.quote(body)}"
    )


def find_sample_call(application: Application, definition: Definition) -> tuple[Route, Node] | None:
    """Find a route that has an example body in the API's documents: of the function that is first in the template."""
    documents = [definition.document]
    public: Path = application.stage.definition.with_name(PUBLIC_DOCUMENT)
    if public.is_file():
        documents.append(load_yaml(public))
    # By the template's order, as people read it: another model must not change the first call that the README shows.
    for function in application.functions:
        for route in definition.routes:
            integration = route.integration
            # The announcement of a file is no call that shows anything.
            announces = route.resource.endswith(ANNOUNCEMENTS)
            if isinstance(integration, LambdaIntegration) and integration.function == function and not announces:
                for document in documents:
                    sample = _find_example(document, route)
                    if sample is not None:
                        return route, sample
    return None


def _find_example(document: Node, route: Route) -> Node:
    operation = document.get("paths", {}).get(route.resource, {}).get(route.method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("example")
