"""What the gateway answers by itself: its response types, as problem documents of the platform's catalogue."""

from __future__ import annotations

from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS, problem_document
from ratecard_workbench.publish.mapping import PLACE, template_of

NO_OBJECT = (
    'the body is no JSON object, neither one row nor {"instances": [row, ...]}: it begins with no brace, a bracket, '
    "quote or comma is missing or too many, or a name is not in double quotes; "
    "python3 -m json.tool, fed with the body, says in which line"
)

GATEWAY_RESPONSES: dict[str, tuple[str, str]] = {
    "ACCESS_DENIED": ("forbidden", "the caller may not use this route"),
    "API_CONFIGURATION_ERROR": ("internal_error", "the gateway could not build an answer"),
    "BAD_REQUEST_BODY": ("invalid_json", NO_OBJECT),
    "BAD_REQUEST_PARAMETERS": ("invalid_request", "a parameter of the request is missing or wrong"),
    "DEFAULT_4XX": ("invalid_request", "the gateway refused the request"),
    "DEFAULT_5XX": ("internal_error", "the platform failed to answer"),
    "EXPIRED_TOKEN": ("forbidden", "the request's signature is not accepted"),
    "INTEGRATION_FAILURE": ("concurrency_limit", "the model is at its concurrency limit"),
    "INTEGRATION_TIMEOUT": ("timeout", "the model did not answer in time"),
    "INVALID_API_KEY": ("forbidden", "the API key is missing, unknown, disabled or in no plan"),
    "INVALID_SIGNATURE": ("forbidden", "the request's signature is not accepted"),
    "MISSING_AUTHENTICATION_TOKEN": ("not_found", "there is no route with this method and path"),
    "QUOTA_EXCEEDED": ("quota_exceeded", "the plan's quota is used up"),
    "REQUEST_TOO_LARGE": ("payload_too_large", "the body is larger than the gateway takes"),
    "RESOURCE_NOT_FOUND": ("not_found", "there is no route with this method and path"),
    "THROTTLED": ("throttled", "more requests a second than the plan or the platform allows"),
    "UNAUTHORIZED": ("forbidden", "the caller is not known"),
    "UNSUPPORTED_MEDIA_TYPE": ("unsupported_media_type", "the body must be application/json"),
    "WAF_FILTERED": ("forbidden", "the request was filtered"),
}
"""Response type of API Gateway -> code in the catalogue, and one sentence.

A function at its concurrency limit arrives as INTEGRATION_FAILURE once that type is customised (API Gateway answers 500
where it is not), hence 503. The gateway's own account of a bad body is left out: it can quote the body.
"""


def gateway_responses() -> dict[str, object]:
    """Return the extension ``x-amazon-apigateway-gateway-responses``."""
    return {kind: gateway_response(*refusal) for kind, refusal in GATEWAY_RESPONSES.items()}


def gateway_response(code: str, detail: str) -> dict[str, object]:
    """Return one response type: status, headers and the problem document."""
    problem = PROBLEMS[code]
    headers = {
        "gatewayresponse.header.Content-Type": f"'{MEDIA_TYPE}'",
        "gatewayresponse.header.Cache-Control": "'no-store'",
    }
    if problem.retry_after_seconds is not None:
        headers["gatewayresponse.header.Retry-After"] = f"'{problem.retry_after_seconds}'"
    return {
        "statusCode": problem.status,
        "responseParameters": headers,
        "responseTemplates": {"application/json": template_of(problem_document(code, PLACE, detail, []))},
    }
