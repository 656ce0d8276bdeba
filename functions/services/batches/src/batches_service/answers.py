"""Answers to a key's owner; somebody else's batch is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from batches_service.asking import Wish
from batches_service.progress import tell_progress
from batches_service.stores import Stores
from ratecard.billing.plans import Operation
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.jsontext import encode
from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS, problem_document
from ratecard.serving.batch.order import ID, Order, load_order, order_key
from ratecard.serving.request import parse_query
from ratecard.storage.customers import UnknownKeyError

# An event of API Gateway's REST proxy, and what it takes back.
Event = Mapping[str, Any]
Answer = dict[str, Any]

BATCH = "/v1/batches/{id}"


class NoBatchError(RatecardError):
    """The customer has no such batch."""

    code = "no_batch"
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
        What is read and written.

    Returns
    -------
    dict
        Status, headers and body.
    """
    call_id = str(event["requestContext"]["extendedRequestId"])
    try:
        customer = _customer(event, stores)
        if event["resource"] == BATCH:
            return _json(200, {**_read(event, stores, customer), "call_id": call_id})
        return _json(201, {**_ask(event, stores, customer), "call_id": call_id})
    except RatecardError as error:
        return _refuse(error, call_id)


def _read(event: Event, stores: Stores, customer: str) -> Answer:
    parse_query(dict(event), ())
    order = _load(stores, customer, str(event["pathParameters"]["id"]))
    return {**_described(order), **tell_progress(order, stores.places)}


def _ask(event: Event, stores: Stores, customer: str) -> Answer:
    wish = Wish(event, customer)
    price = _row_price(wish.order, stores, customer)
    order = wish.record(stores.places)
    upload = stores.places.upload_for(order).document()
    links = {"self": f"/v1/batches/{order.id}"}
    return {**_described(order), "upload": upload, "row_price": price, "links": links}


def _customer(event: Event, stores: Stores) -> str:
    try:
        return stores.accounts.get_key(str(event["requestContext"]["identity"]["apiKeyId"])).customer_id
    except UnknownKeyError:
        raise UnknownCallerError("the API key belongs to no customer") from None


def _row_price(order: Order, stores: Stores, customer: str) -> dict[str, str]:
    """Price a row as the customer's files are priced now."""
    operation = Operation.BATCH_EXPLAIN if order.explain else Operation.BATCH
    plan = stores.accounts.get_customer(customer).files_plan
    price = stores.book.get_price(order.slug, operation, datetime.now(UTC), plan=plan)
    return {"amount": str(price.unit_price), "currency": stores.book.currency}


def _load(stores: Stores, customer: str, batch: str) -> Order:
    content = stores.places.find(order_key(customer, batch)) if ID.fullmatch(batch) else None
    if content is None:
        raise NoBatchError("you have no batch of this id")
    return load_order(json.loads(content))


def _described(order: Order) -> dict[str, object]:
    names = ("id", "format", "bytes", "explain", "created_at")
    return {"model": order.slug, "carry": list(order.carry), **{name: getattr(order, name) for name in names}}


def _json(status: int, told: Mapping[str, object]) -> Answer:
    # Links are keys to files: no cache may keep them.
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": encode(told)}


def _refuse(error: RatecardError, call_id: str) -> Answer:
    code = error.code if error.code in PROBLEMS else "internal_error"
    detail = error.detail if code == error.code else "the batch could not be read or written"
    problems = [{"pointer": one.pointer, "code": one.code, "detail": one.detail} for one in error.problems]
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    body = encode(problem_document(code, call_id, detail, problems))
    return {"statusCode": PROBLEMS[code].status, "headers": headers, "body": body}
