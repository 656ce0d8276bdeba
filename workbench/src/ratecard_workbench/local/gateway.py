"""The gateway: a raw ASGI application that admits a request, lets a function answer it, and sends the answer.

Checks come in API Gateway's order: route, key, throttle, quota, body. A refused request reaches no function.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

import fastjsonschema

from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS, problem_document
from ratecard_workbench.local.access_log import AccessLog, mark_unsent
from ratecard_workbench.local.application import Stage
from ratecard_workbench.local.download import send_file, size_of
from ratecard_workbench.local.errors import ConcurrencyLimitError, FunctionFailedError, FunctionTimeoutError
from ratecard_workbench.local.exchange import Exchange, Receive, Scope, Send
from ratecard_workbench.local.faults import place_of
from ratecard_workbench.local.file_doors import FileDoors
from ratecard_workbench.local.keyring import Keyring
from ratecard_workbench.local.openapi import LambdaIntegration, MockIntegration, Route
from ratecard_workbench.local.pool import FunctionPool
from ratecard_workbench.local.proxy_event import Answer, parse_proxy_answer, proxy_event
from ratecard_workbench.local.refusals import Refusal
from ratecard_workbench.local.request_body import (
    BodyTooLargeError,
    BodyTooSlowError,
    ClientGoneError,
    read_body,
)
from ratecard_workbench.local.router import Router
from ratecard_workbench.local.throttle import THROTTLED
from ratecard_workbench.local.upload_terms import InvalidUploadError

# API Gateway's limit of request line and headers together; Lambda's of an event.
MAXIMUM_HEADER_BYTES = 10_240
MAXIMUM_EVENT_BYTES = 6 * 1024 * 1024
UNIX_EPOCH_ORDINAL = 719_163
DAY_MS = 86_400_000


class Refused(Exception):  # noqa: N818 - it is an outcome, not an error
    """The gateway answers by itself.

    Parameters
    ----------
    response_type : str
        Gateway response type, such as INVALID_API_KEY.
    detail : str
        What was wrong with the body.
    close : bool
        Whether the connection ends with the answer.
    """

    def __init__(self, response_type: str, detail: str = "", *, close: bool = False) -> None:
        super().__init__(response_type)
        self.response_type = response_type
        self.detail = detail
        self.close = close


class Gateway:
    """The ASGI application.

    Parameters
    ----------
    router : Router
        Finds routes.
    keyring : Keyring
        Finds keys.
    refusals : Mapping of str to Refusal
        The gateway's own answers.
    pools : Mapping of str to FunctionPool
        Runs functions, by logical id.
    access : AccessLog
        Gets a line for each answer that left.
    doors : FileDoors
        Take and give files.
    report : callable
        Told of faults of the platform itself.
    stage : Stage
        The API's stage.
    """

    def __init__(
        self,
        *,
        router: Router,
        keyring: Keyring,
        refusals: Mapping[str, Refusal],
        pools: Mapping[str, FunctionPool],
        access: AccessLog,
        doors: FileDoors,
        report: Callable[[str], None],
        stage: Stage,
    ) -> None:
        self._router = router
        self._keyring = keyring
        self._refusals = refusals
        self._pools = pools
        self._access = access
        self._doors = doors
        self._report = report
        self._stage = stage.name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope)
        try:
            answer = await self._answer(exchange, receive)
        except ClientGoneError:
            mark_unsent(exchange)
            self._access.answer_written(exchange)
            return
        except Exception as error:
            # A fault of the platform itself: its caller is answered, its place is logged, and the next call is served.
            self._report(f"{exchange.extended_request_id} met {place_of(error)}")
            answer = self._refuse(exchange, Refused("DEFAULT_5XX", close=True))
        await self._send(exchange, answer, send)

    def close(self) -> None:
        """Store the access lines that are still to be stored; for the end, after the last answer."""
        self._access.flush_now()

    async def _answer(self, exchange: Exchange, receive: Receive) -> Answer:
        try:
            route = self._admit(exchange)
            if route.integration is None:
                return await self._pass_file(exchange, receive)
            exchange.body = await read_body(exchange, receive)
            return await self._integrate(exchange, route)
        except Refused as refused:
            return self._refuse(exchange, refused)
        except BodyTooLargeError:
            return self._refuse(exchange, Refused("REQUEST_TOO_LARGE", close=True))
        except InvalidUploadError as error:
            return self._refuse_upload(exchange, error)
        except BodyTooSlowError:
            return self._refuse(exchange, Refused("DEFAULT_4XX", close=True))

    def _admit(self, exchange: Exchange) -> Route:
        """Check everything that can be checked before the body is read."""
        if exchange.header_bytes > MAXIMUM_HEADER_BYTES:
            raise Refused("DEFAULT_4XX", close=True)
        entry = self._router.find(exchange.method, exchange.path)
        if entry is None:
            raise Refused("MISSING_AUTHENTICATION_TOKEN")
        exchange.route = entry.route
        if entry.route.needs_key:
            exchange.holder = self._keyring.find(exchange.api_key)
            if exchange.holder is None:
                raise Refused("INVALID_API_KEY")
        now = time.monotonic()
        if not entry.bucket.take(now):
            raise Refused(THROTTLED)
        if exchange.holder is not None:
            verdict = exchange.holder.meter.admit(now, exchange.received_ms // DAY_MS + UNIX_EPOCH_ORDINAL)
            if verdict is not None:
                raise Refused(verdict)
        return entry.route

    async def _pass_file(self, exchange: Exchange, receive: Receive) -> Answer:
        answer = await self._doors.answer(exchange, receive)
        if answer is None:
            raise Refused("MISSING_AUTHENTICATION_TOKEN")
        return answer

    async def _integrate(self, exchange: Exchange, route: Route) -> Answer:
        _check_body(exchange, route)
        if isinstance(route.integration, MockIntegration):
            return self._mock(exchange, route.integration)
        assert route.integration is not None
        return await self._invoke(exchange, route, route.integration)

    def _mock(self, exchange: Exchange, integration: MockIntegration) -> Answer:
        context = self._context(exchange)
        headers = [(name.encode(), template.render(context).encode()) for name, template in integration.headers]
        return Answer(integration.status, headers, integration.body.render(context).encode())

    async def _invoke(self, exchange: Exchange, route: Route, integration: LambdaIntegration) -> Answer:
        event = proxy_event(exchange, route, stage=self._stage)
        if len(event) > MAXIMUM_EVENT_BYTES:
            raise Refused("REQUEST_TOO_LARGE")
        started = time.monotonic()
        try:
            reply = self._pools[integration.function].submit(
                exchange.lambda_request_id, event, integration.timeout_seconds
            )
            exchange.integration_status = "200"
            answer = parse_proxy_answer(await reply)
        except ConcurrencyLimitError:
            exchange.integration_status = "429"
            raise Refused("INTEGRATION_FAILURE") from None
        except FunctionTimeoutError:
            exchange.integration_status = "504"
            raise Refused("INTEGRATION_TIMEOUT") from None
        except FunctionFailedError:
            exchange.integration_status = "502"
            raise Refused("DEFAULT_5XX") from None
        finally:
            exchange.integration_ms = str(int((time.monotonic() - started) * 1000))
        return answer

    def _refuse(self, exchange: Exchange, refused: Refused) -> Answer:
        refusal = self._refusals[refused.response_type]
        exchange.error_type = refusal.kind.name
        headers, body = refusal.render(self._context(exchange), refused.detail)
        encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
        encoded.append((b"x-amzn-ErrorType", refusal.kind.error_type.encode()))
        # A client that waits for "100 Continue" may or may not send its body now: only a new connection is unambiguous.
        if refused.close or exchange.expects_continue:
            encoded.append((b"connection", b"close"))
        return Answer(refusal.status, encoded, body)

    def _refuse_upload(self, exchange: Exchange, error: InvalidUploadError) -> Answer:
        """Say what is wrong with an upload, for which the API's definition has no words."""
        answer = self._refuse(exchange, Refused("DEFAULT_4XX", close=True))
        wrong = [{"pointer": "", "code": error.code, "detail": error.detail}] if error.code != error.problem else []
        document = problem_document(error.problem, exchange.extended_request_id, error.detail, wrong)
        headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-type"]
        status = PROBLEMS[error.problem].status
        return Answer(status, [(b"Content-Type", MEDIA_TYPE.encode()), *headers], json.dumps(document).encode())

    def _context(self, exchange: Exchange) -> dict[str, str]:
        return {
            "extendedRequestId": exchange.extended_request_id,
            "requestId": exchange.request_id,
            "httpMethod": exchange.method,
            "stage": self._stage,
            "requestTimeEpoch": str(exchange.received_ms),
            "identity.sourceIp": exchange.source_ip,
        }

    async def _send(self, exchange: Exchange, answer: Answer, send: Send) -> None:
        headers = answer.headers
        exchange.response_bytes = size_of(answer)
        headers += (
            (b"content-length", b"%d" % exchange.response_bytes),
            (b"x-amzn-RequestId", exchange.request_id.encode()),
            (b"x-amz-apigw-id", exchange.extended_request_id.encode()),
        )
        exchange.status = answer.status
        if exchange.connection.is_closing():
            # What is written now goes nowhere.
            mark_unsent(exchange)
        if answer.file is not None:
            await send_file(answer, exchange, send)
        else:
            # Head and body leave in one write: one system call, and one reason for the client to wake up.
            exchange.connection.cork()
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
            exchange.connection.uncork()
        self._access.answer_written(exchange)


def _check_body(exchange: Exchange, route: Route) -> None:
    """Check the body against the schema of its type; raises `Refused`."""
    validator = route.find_validator(exchange.content_type.partition(";")[0].strip().lower() or "application/json")
    if validator is None:
        return
    try:
        # API Gateway validates a missing body as an empty object.
        validator(json.loads(exchange.body.decode() if exchange.body else "{}"))
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refused("BAD_REQUEST_BODY", f"{error.name or 'body'}: {error.rule}") from None
    except (ValueError, RecursionError):
        raise Refused("BAD_REQUEST_BODY", "the body is not JSON") from None
