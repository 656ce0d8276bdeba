"""Answers to a key's owner; whatever belongs to somebody else is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from account_service.stores import Stores
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, NotFoundError, RatecardError
from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS, problem_document
from ratecard.storage.customers import UnknownKeyError

# An event of API Gateway's REST proxy, and what it takes back.
Event = Mapping[str, Any]
Answer = dict[str, Any]

USAGE = "/v1/usage"
INVOICES = "/v1/invoices"
INVOICE = "/v1/invoices/{number}"
_NUMBER = re.compile(r"[1-9]\d{0,11}")


class NoUsageError(RatecardError):
    """Nothing has been counted for the customer and period yet."""

    code = "no_usage"
    kind = ErrorKind.NOT_FOUND


class NoInvoiceError(RatecardError):
    """The customer has no such invoice or credit note."""

    code = "no_invoice"
    kind = ErrorKind.NOT_FOUND


class UnknownCallerError(RatecardError):
    """The gateway let a key pass that no customer has."""

    code = "forbidden"
    kind = ErrorKind.FORBIDDEN


def answer(event: Event, stores: Stores) -> Answer:
    """Answer one request of the gateway.

    Parameters
    ----------
    event : mapping
        Of the REST proxy, with a key that the gateway has checked.
    stores : Stores
        What is read.

    Returns
    -------
    dict
        Status, headers and body.
    """
    call_id = str(event["requestContext"]["extendedRequestId"])
    try:
        return _answer(event, stores, call_id)
    except RatecardError as error:
        return _refuse(error, call_id)


def _answer(event: Event, stores: Stores, call_id: str) -> Answer:
    customer = _customer(event, stores)
    resource = event["resource"]
    if resource == INVOICE:
        return _document(stores, customer, str(event["pathParameters"]["number"]))
    as_of = stores.shelf.find_as_of()
    if resource == INVOICES:
        documents = stores.shelf.find_documents(customer)
        return _json({"documents": documents, "as_of": as_of, "call_id": call_id})
    period = (event["queryStringParameters"] or {}).get("period")
    usage = stores.shelf.find_usage(customer, period)
    if usage is None:
        raise NoUsageError("nothing has been counted for that period yet")
    return _json({**usage, "as_of": as_of, "call_id": call_id})


def _customer(event: Event, stores: Stores) -> str:
    try:
        return stores.accounts.get_key(str(event["requestContext"]["identity"]["apiKeyId"])).customer_id
    except UnknownKeyError:
        raise UnknownCallerError("the API key belongs to no customer") from None


def _document(stores: Stores, customer: str, number: str) -> Answer:
    """Give a document's bytes as they were issued; somebody else's is as if it were not there."""
    missing = NoInvoiceError("you have no invoice or credit note under this number")
    if not _NUMBER.fullmatch(number):
        raise missing
    try:
        content = stores.places.get(int(number))
    except NotFoundError:
        raise missing from None
    if json.loads(content)["customer"] != customer:
        raise missing
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "ETag": f'"{sha256_hex(content)}"'}
    return {"statusCode": 200, "headers": headers, "body": content.decode("ascii")}


def _json(said: Mapping[str, object]) -> Answer:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(said, separators=(",", ":"))}


def _refuse(error: RatecardError, call_id: str) -> Answer:
    code = error.code if error.code in PROBLEMS else "internal_error"
    detail = error.detail if code == error.code else "the account could not be read"
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    body = json.dumps(problem_document(code, call_id, detail, []), separators=(",", ":"))
    return {"statusCode": PROBLEMS[code].status, "headers": headers, "body": body}
