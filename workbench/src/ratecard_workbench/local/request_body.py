"""Reads a request's body within bounds of size and time."""

from __future__ import annotations

import asyncio
import contextlib

from ratecard_workbench.local.exchange import Exchange, Message, Receive

# API Gateway's limit.
MAXIMUM_BODY_BYTES = 10 * 1024 * 1024
# How much of a body that is too large is read and dropped, so that its sender gets to see the refusal.
MAXIMUM_DROPPED_BYTES = 64 * 1024 * 1024
BODY_SECONDS = 30.0


class BodyTooLargeError(Exception):
    """More was announced or sent than the gateway takes."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time."""


class ClientGoneError(Exception):
    """The client closed the connection before it had sent everything."""


async def read_body(exchange: Exchange, receive: Receive) -> bytes:
    """Read the whole body.

    Parameters
    ----------
    exchange : Exchange
        The request.
    receive : callable
        ASGI's receive.

    Raises
    ------
    BodyTooLargeError, BodyTooSlowError, ClientGoneError
        As their names say.
    """
    if exchange.content_length > MAXIMUM_BODY_BYTES and exchange.expects_continue:
        # It waits to be told whether to send at all.
        raise BodyTooLargeError
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        if len(body) > MAXIMUM_BODY_BYTES:
            raise BodyTooLargeError
        return body
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_rest(message, receive)
    except TimeoutError:
        raise BodyTooSlowError from None


async def _read_rest(message: Message, receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        size += len(message["body"])
        if size <= MAXIMUM_BODY_BYTES:
            chunks.append(message["body"])
        elif size > MAXIMUM_DROPPED_BYTES:
            raise BodyTooLargeError
        else:
            chunks.clear()
        if not message.get("more_body"):
            if size > MAXIMUM_BODY_BYTES:
                raise BodyTooLargeError
            return b"".join(chunks)
        message = await receive()
    raise ClientGoneError


async def drop_body(exchange: Exchange, receive: Receive) -> None:
    """Read a body that is refused and forget it, within bounds, so that its sender gets to see the refusal."""
    if exchange.expects_continue:
        return
    left = MAXIMUM_DROPPED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
