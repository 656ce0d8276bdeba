"""The body's member `do` says what happens; the answer tells what the function saw."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from fixture_words import GREETING

_LEAK = []


def lambda_handler(event, context):
    """Misbehave on demand, or echo the event's outside."""
    body = _body(event)
    action = body.get("do", "echo") if isinstance(body, dict) else "echo"
    if action in _ACTIONS:
        return _ACTIONS[action](event, context, body)
    _record_usage(event, context)
    return _answer(200, {"do": action, "call_id": event["requestContext"]["extendedRequestId"]})


def batch_handler(event, context):
    """Copy an object, in the way of the real batch function: the manifest is written last, and once."""
    root = Path(os.environ["RATECARD_OBJECT_ROOT"])
    key = event["detail"]["object"]["key"]
    text = (root / key).read_text(encoding="utf-8")
    failed_once = root / "failed-once"
    if text.startswith("fail"):
        raise ValueError("this file cannot be scored")
    if text.startswith("once") and not failed_once.exists():
        failed_once.touch()
        os._exit(3)
    if text.startswith("slow"):
        time.sleep(1.5)
    target = root / "outbox" / key.removeprefix("inbox/") / event["detail"]["object"]["version-id"]
    target.mkdir(parents=True, exist_ok=True)
    (target / "manifest.json").write_text(json.dumps({"rows": text.count("\n"), "event": event}), encoding="utf-8")
    usage = {"units": text.count("\n"), "operation": "batch", "billable": True, "status": 200}
    _print_usage({"id": key + event["detail"]["object"]["version-id"], "subject": key.split("/")[1], "data": usage})
    return {"status": "succeeded"}


def _body(event):
    try:
        return json.loads(event.get("body") or "{}")
    except ValueError:
        return {}


def _answer(status, document, **headers):
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(document),
        "isBase64Encoded": False,
    }


def _record_usage(event, context, **more):
    outside = event["requestContext"]
    _print_usage(
        {
            "id": outside["extendedRequestId"],
            "subject": outside["identity"].get("apiKeyId"),
            "data": {
                "operation": "predict",
                "model": "echo",
                "model_version": "1.0.0",
                "units": 1,
                "status": 200,
                "billable": True,
                "api_key_id": outside["identity"].get("apiKeyId"),
                "lambda_request_id": context.aws_request_id,
                **more,
            },
        }
    )


def _print_usage(event):
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    line = {"specversion": "1.0", "type": "ratecard.call.v1", "source": "/ratecard00/test", "time": now, **event}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _show(event, context, body):
    _record_usage(event, context)
    return _answer(
        200,
        {
            "event": event,
            "environment": dict(os.environ),
            "layer": GREETING,
            "path": sys.path,
            "pid": os.getpid(),
            "remaining_ms": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb,
            "arn": context.invoked_function_arn,
            "request_id": context.aws_request_id,
        },
    )


def _sleep(event, context, body):
    time.sleep(body["seconds"])
    _record_usage(event, context)
    return _answer(200, {"slept": body["seconds"], "pid": os.getpid()})


def _hang(event, context, body):
    while True:
        time.sleep(1)


def _spin(event, context, body):
    while True:
        pass


def _leak(event, context, body):
    while True:
        _LEAK.append(bytearray(8 * 1024 * 1024))
        time.sleep(body.get("pause", 0.002))


def _gulp(event, context, body):
    _LEAK.append(bytearray(1 << 40))


def _crash(event, context, body):
    os.abort()


def _kill(event, context, body):
    os.kill(os.getpid(), 9)


def _exit(event, context, body):
    os._exit(body.get("status", 3))


def _raise(event, context, body):
    raise ValueError(f"the body was {body['canary']}" if "canary" in body else "on demand")


def _usage_then_die(event, context, body):
    _record_usage(event, context)
    os._exit(9)


def _print(event, context, body):
    for number in range(body.get("lines", 1)):
        print(f"line {number} " + "x" * body.get("width", 10))
    print("to stderr", file=sys.stderr)
    _record_usage(event, context)
    return _answer(200, {"printed": True})


def _forge(event, context, body):
    print('{"specversion":"1.0","type":"other","time":"2026-01-01T00:00:00Z"}')
    print('{"type":"ratecard.call.v1"')
    print('x{"specversion":"1.0","type":"ratecard.call.v1","time":"2026-01-01T00:00:00Z"}')
    _record_usage(event, context)
    return _answer(200, {})


def _malformed(event, context, body):
    return body.get("answer", "not a proxy answer")


def _big(event, context, body):
    _record_usage(event, context)
    return _answer(200, {"padding": "x" * body["bytes"]})


def _status(event, context, body):
    return _answer(body["status"], {"status": body["status"]}, **body.get("headers", {}))


def _child(event, context, body):
    import subprocess

    child = subprocess.Popen(["sleep", "300"])
    _record_usage(event, context)
    return _answer(200, {"pid": os.getpid(), "child": child.pid})


def _peek(event, context, body):
    """Try to read the next event of another worker's Runtime API, as a curious neighbour would."""
    import socket

    with socket.create_connection(("127.0.0.1", body["port"]), timeout=0.5) as stranger:
        stranger.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            seen = stranger.recv(100)
        except OSError as error:
            seen = type(error).__name__.encode()
    _record_usage(event, context)
    return _answer(200, {"seen": seen.decode()})


_ACTIONS = {
    "show": _show,
    "sleep": _sleep,
    "hang": _hang,
    "spin": _spin,
    "leak": _leak,
    "gulp": _gulp,
    "crash": _crash,
    "kill": _kill,
    "exit": _exit,
    "raise": _raise,
    "usage_then_die": _usage_then_die,
    "print": _print,
    "forge": _forge,
    "malformed": _malformed,
    "big": _big,
    "status": _status,
    "child": _child,
    "peek": _peek,
}
