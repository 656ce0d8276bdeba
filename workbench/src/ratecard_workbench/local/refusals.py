"""API Gateway's own answers: the types it knows, and how the API's definition shapes each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ratecard_workbench.local.cloudformation import Node
from ratecard_workbench.local.templates import Context, ContextTemplate, parse_parameters


@dataclass(frozen=True, slots=True)
class ResponseType:
    """What API Gateway answers by itself, before an API shapes it.

    Attributes
    ----------
    name : str
        Its gateway response type.
    status : int
        Status without customisation.
    error_type : str
        Value of the header x-amzn-ErrorType.
    message : str
        `$context.error.message`.
    """

    name: str
    status: int
    error_type: str
    message: str


# Source: API Gateway Developer Guide, "Gateway response types"; error types and messages as captured on the wire.
RESPONSE_TYPES = {
    kind.name: kind
    for kind in (
        ResponseType("INVALID_API_KEY", 403, "ForbiddenException", "Forbidden"),
        ResponseType(
            "MISSING_AUTHENTICATION_TOKEN", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"
        ),
        ResponseType("THROTTLED", 429, "TooManyRequestsException", "Too Many Requests"),
        ResponseType("QUOTA_EXCEEDED", 429, "LimitExceededException", "Limit Exceeded"),
        ResponseType("REQUEST_TOO_LARGE", 413, "RequestTooLargeException", "Request Too Long"),
        ResponseType("BAD_REQUEST_BODY", 400, "BadRequestException", "Invalid request body"),
        ResponseType("INTEGRATION_FAILURE", 500, "InternalServerErrorException", "Internal server error"),
        ResponseType("INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out"),
        ResponseType("DEFAULT_4XX", 400, "BadRequestException", "Bad Request"),
        ResponseType("DEFAULT_5XX", 502, "InternalServerErrorException", "Internal server error"),
    )
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the gateway, ready to be filled in."""

    kind: ResponseType
    status: int
    headers: tuple[tuple[str, ContextTemplate], ...]
    body: ContextTemplate

    def render(self, context: Context, detail: str = "") -> tuple[list[tuple[str, str]], bytes]:
        """Fill in one occurrence.

        Parameters
        ----------
        context : Mapping of str to str
            `$context` variables of the request.
        detail : str
            `$context.error.validationErrorString`.

        Returns
        -------
        list of (str, str), bytes
            Headers and body.
        """
        values = {
            **context,
            "error.message": self.kind.message,
            "error.messageString": json.dumps(self.kind.message),
            "error.responseType": self.kind.name,
            "error.validationErrorString": detail,
        }
        headers = [(name, template.render(values)) for name, template in self.headers]
        return headers, self.body.render(values).encode()


def parse_refusals(document: Mapping[str, Node]) -> dict[str, Refusal]:
    """Read `x-amazon-apigateway-gateway-responses`; a type that it leaves out follows DEFAULT_4XX or DEFAULT_5XX.

    Parameters
    ----------
    document : Mapping
        The parsed OpenAPI document.
    """
    given = document.get("x-amazon-apigateway-gateway-responses") or {}
    found = {}
    for name, kind in RESPONSE_TYPES.items():
        fallback = given.get("DEFAULT_4XX" if kind.status < 500 else "DEFAULT_5XX") or {}
        shape = given.get(name) or fallback
        templates = shape.get("responseTemplates") or {"application/json": '{"message":$context.error.messageString}'}
        content_type, template = next(iter(templates.items()))
        headers = parse_parameters(shape.get("responseParameters") or {}, "gatewayresponse.header.")
        if not any(header.lower() == "content-type" for header, _ in headers):
            headers = (("Content-Type", ContextTemplate(content_type)), *headers)
        status = int(shape.get("statusCode", kind.status))
        found[name] = Refusal(kind, status, headers, ContextTemplate(template))
    return found
