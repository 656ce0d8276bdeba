"""One worker process: a model's batch function, run for one event after the other until its stdin ends.

Its parent may die at any moment: then the worker ends too. What it writes to stdout are replies; what the function
prints are usage lines, which go to the lake before the function goes on.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from ratecard.kernel.errors import RatecardError
from ratecard.storage.lake import USAGE, LakeWriter

LOOK_SECONDS = 0.1
HOUR_LENGTH = len("2026-11-22T10")


class LakeStream(io.TextIOBase):
    """Takes what the function prints: usage lines are stored at once, anything else is passed to stderr.

    Parameters
    ----------
    root : Path
        The lake's folder.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._writer = LakeWriter(root, USAGE, f"batch-{os.getpid()}-{os.urandom(6).hex()}")

    def write(self, text: str, /) -> int:
        """Store whole lines."""
        for line in text.splitlines():
            hour = usage_hour(line)
            if hour is None:
                sys.stderr.write(line + "\n")
            else:
                self._writer.append(hour, line.encode() + b"\n")
        return len(text)

    def flush(self) -> None:
        """Do nothing: every line is in the system's hands."""


def usage_hour(line: str) -> str | None:
    """Return the hour of a usage line; None if it is none."""
    try:
        event = json.loads(line)
        return str(event["time"])[:HOUR_LENGTH] if event["specversion"] else None
    except (ValueError, KeyError, TypeError):
        return None


def run(handler: str, lake: Path) -> None:
    """Answer events, one JSON line each, until there are no more."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a native library that prints must not break the replies
    sys.stdout = LakeStream(lake)
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    context = SimpleNamespace(aws_request_id="batch", invoked_function_arn="batch", function_version="$LATEST")
    for line in sys.stdin:
        try:
            reply = {"answer": function(json.loads(line), context)}
        except RatecardError as error:
            reply = {"error": error.detail, "code": error.code, "kind": error.kind.name}
        except OSError as error:
            reply = {"error": error.strerror or type(error).__name__, "code": "os_error"}
        try:
            replies.write(json.dumps(reply) + "\n")
            replies.flush()
        except BrokenPipeError:
            os._exit(0)  # whoever asked is gone; to end in order would try to write once more


def watch_parent(parent: int) -> None:
    """End this process soon after its parent, whatever it is at: nobody would know of it, or could stop it."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers in order
    threading.Thread(target=watch_parent, args=(int(sys.argv[3]),), daemon=True).start()
    run(sys.argv[1], Path(sys.argv[2]))
