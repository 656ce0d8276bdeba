"""The routes on which a key's owner reads their own usage and invoices, in both documents of the API."""

from __future__ import annotations

from ratecard.contract.schema import Schema, closed_object
from ratecard_workbench.local.application import Application
from ratecard_workbench.publish.answers import reference_to, refusals

Document = dict[str, object]

HANDLER = "account_service.handler.account_handler"
USAGE, INVOICES, INVOICE = "/v1/usage", "/v1/invoices", "/v1/invoices/{number}"
REFUSALS = ("forbidden", "throttled", "quota_exceeded", "internal_error", "concurrency_limit", "timeout")
MONEY: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "An amount; never a binary fraction."}
INSTANT: Schema = {"type": "string", "format": "date-time"}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def find_account_function(application: Application) -> str | None:
    """Return the logical id of the template's account function, if it has one."""
    return next((name for name, spec in application.functions.items() if spec.handler == HANDLER), None)


def account_gateway_paths(function: str) -> dict[str, Document]:
    """Return what API Gateway is told: a key is needed, and the function answers."""
    from ratecard_workbench.publish.gateway import INVOCATION, KEYED

    def operation(parameters: list[Document]) -> Document:
        described: Document = {"parameters": parameters} if parameters else {}
        return described | {
            "security": KEYED,
            "responses": {"200": {"description": "The function's answer."}},
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": {"Fn::Sub": INVOCATION.replace("FUNCTION", function)},
                "passthroughBehavior": "when_no_match",
                "timeoutInMillis": 9_000,
            },
        }

    number: Document = {"name": "number", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        USAGE: {"get": operation([])},
        INVOICES: {"get": operation([])},
        INVOICE: {"get": operation([number])},
    }


def account_reference_paths() -> dict[str, Document]:
    """Return the routes as clients read them."""
    period: Document = {
        "name": "period",
        "in": "query",
        "schema": {"type": "string", "pattern": r"^\d{4}-\d{2}$"},
        "description": "Year and month in which the billing period begins; the present one if not given.",
    }
    number: Document = {
        "name": "number",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999},
        "description": "Number of an invoice or a credit note.",
    }
    return {
        USAGE: _operation("get-usage", "What you have used in a billing period, and what it costs", "Usage", [period]),
        INVOICES: _operation("get-invoices", "Your invoices and credit notes", "Documents", []),
        INVOICE: _operation(
            "get-invoice",
            "An invoice or credit note, byte for byte as it was issued; `ratecard invoice verify` checks the file",
            "Document",
            [number],
        ),
    }


def account_schemas() -> dict[str, Schema]:
    """Return the schemas of the answers."""
    names = ("period", "kind", "model", "operation", "level", "plan_version", "price_version", "reason")
    corrections: Schema = {"type": "string", "enum": ["none", "reversal", "replacement"]}
    counts = {"calls": COUNT, "units": COUNT}
    line = closed_object({**dict.fromkeys(names, TEXT), "correction": corrections, **counts, "amount": MONEY})
    usage = closed_object(
        {
            "customer": TEXT,
            "currency": TEXT,
            "period": closed_object({"name": TEXT, "zone": TEXT, "from": INSTANT, "to": INSTANT}),
            "is_over": {"type": "boolean"},
            "lines": {"type": "array", "items": line},
            "adjustments": {"type": "array", "items": line},
            "total": MONEY,
            "credit_used": MONEY,
            "due": MONEY,
            "as_of": {**INSTANT, "description": "When the calls were last counted; a minute ago as a rule."},
            "call_id": TEXT,
        }
    )
    # Not required: who has no grants has no such member.
    properties = usage["properties"]
    assert isinstance(properties, dict)
    properties["prepaid"] = closed_object({"available": MONEY})
    return {"Usage": usage, "Documents": _documents(), "Document": _document()}


def _documents() -> Schema:
    entry = closed_object(
        {
            "number": COUNT,
            "kind": {"type": "string", "enum": ["invoice", "credit_note"]},
            "customer": TEXT,
            "period": {"type": "string", "nullable": True},
            "invoice_number": {"type": "integer", "nullable": True, "description": "What a credit note is about."},
            "amount": MONEY,
            "currency": TEXT,
            "issued_at": INSTANT,
            "sha256": HASH,
        }
    )
    return closed_object(
        {
            "documents": {"type": "array", "items": entry},
            "as_of": {**INSTANT, "nullable": True, "description": "When the list was last brought up to date."},
            "call_id": TEXT,
        }
    )


def _document() -> Schema:
    """Return what invoices and credit notes have in common; docs/decisions/0011 says what else is in them."""
    members: dict[str, Schema] = {
        "format": COUNT,
        "kind": {"type": "string", "enum": ["invoice", "credit_note"]},
        "number": COUNT,
        "customer": TEXT,
        "currency": TEXT,
        "issued_at": INSTANT,
        "content_sha256": HASH,
        "previous_sha256": HASH,
    }
    return {"type": "object", "required": sorted(members), "properties": members}


def _operation(name: str, summary: str, schema: str, parameters: list[Document]) -> Document:
    served = {"description": "Yours.", "content": {"application/json": {"schema": reference_to(schema)}}}
    missing = {"Usage": ("no_usage",), "Document": ("no_invoice",)}.get(schema, ())
    responses: Document = {"200": served, **refusals((*REFUSALS, "invalid_request", "not_found", *missing))}
    return {
        "get": {
            "operationId": name,
            "tags": ["account"],
            "summary": summary,
            "security": [{"api_key": []}],
            "parameters": parameters,
            "responses": responses,
        }
    }
