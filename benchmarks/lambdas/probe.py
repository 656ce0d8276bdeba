"""Take a cold start apart, inside the function's own environment; prints seconds by part as JSON.

Runs as `python probe.py PACKAGE EVENT_FILE`. The parts are done one by one, in the order of a cold start, through the
same public functions; what has been imported or opened once is not paid again by the next part.
"""

import time

STARTED = time.perf_counter()

import awslambdaric.bootstrap  # noqa: E402, F401 - timed

RUNTIME = time.perf_counter()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402


class Context:
    """What a handler reads of Lambda's context."""

    aws_request_id = "0f4b5a52-6f5d-4f0e-9a3e-1c2d3e4f5a6b"


def timed(seconds, name, work):
    """Run one part and note what it took."""
    start = time.perf_counter()
    result = work()
    seconds[name] = time.perf_counter() - start
    return result


def import_module(name):
    """Import a module by its full name."""
    return __import__(name, fromlist=["_"])


def open_library(native):
    """Open the engine's shared library, as the engine will again for nothing."""
    from ratecard.engines.native import load_library

    return load_library("lightgbm", native)


def take_apart(package, event):
    """Return seconds by part of a cold start and of calls."""
    seconds = {"awslambdaric": RUNTIME - STARTED}
    native = os.environ["RATECARD_NATIVE_DIR"]
    timed(seconds, "contract", lambda: import_module(f"{package}.contract"))
    timed(seconds, "_hashlib", lambda: import_module("_hashlib"))
    timed(seconds, "ctypes", lambda: import_module("ctypes"))
    timed(seconds, "engines", lambda: import_module("ratecard.engines.lightgbm"))
    timed(seconds, "serving", lambda: (import_module("ratecard.serving"), import_module("ratecard.serving.rest")))
    timed(seconds, "dlopen", lambda: open_library(native))
    folder = str(Path(import_module(package).__file__).parent / "artifact")
    timed(seconds, "manifest", lambda: import_module("ratecard.engines").load_manifest(folder))
    handler = timed(seconds, "model", lambda: import_module(f"{package}.handler")).lambda_handler
    # The handler verified the manifest again.
    seconds["model"] -= seconds["manifest"]
    timed(seconds, "first call", lambda: handler(event, Context))
    explained = {**event, "queryStringParameters": {"explain": "true"}}
    timed(seconds, "first call with reasons", lambda: handler(explained, Context))
    seconds["warm call"] = fastest(lambda: handler(event, Context), 1000)
    seconds["warm call with reasons"] = fastest(lambda: handler(explained, Context), 200)
    return seconds


def fastest(work, count):
    """Return the median of many calls."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[count // 2]


if __name__ == "__main__":
    SECONDS = take_apart(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
    # stdout holds the usage lines of the calls.
    print(json.dumps(SECONDS), file=sys.stderr)
