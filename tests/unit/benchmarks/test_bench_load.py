"""The load generators count what a server really answered."""

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks import load
from benchmarks.load import Target, apply_load


class Counting(http.server.BaseHTTPRequestHandler):
    """Answers 200 to the right body and header, else 400; counts the right ones."""

    protocol_version = "HTTP/1.1"
    served = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Answer one call."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        right = body == b'{"a":1}' and self.headers["x-api-key"] == "secret"
        if right:
            with self.lock:
                type(self).served += 1
        self.send_response(200 if right else 400)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A server, and the files of a call it takes."""
    Counting.served = 0
    body, headers = tmp_path / "body.json", tmp_path / "headers.txt"
    body.write_bytes(b'{"a":1}')
    headers.write_text("Content-Type: application/json\nx-api-key: secret\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Target(f"http://127.0.0.1:{server.server_port}/predict", body, headers)
        server.shutdown()


def test_the_plain_generator_counts_every_answer(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without wrk, each answer the server gave was counted: callers wait for the last one."""
    monkeypatch.setattr(load.shutil, "which", lambda _: None)

    seen = apply_load(target, 3, 1)

    assert seen.failed == 0
    assert 0 < seen.answered == Counting.served
    assert 0 < seen.p50_ms <= seen.p99_ms


def test_refused_calls_are_told_from_answered_ones(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that refuses is not fast."""
    monkeypatch.setattr(load.shutil, "which", lambda _: None)
    target.body.write_bytes(b"{}")

    seen = apply_load(target, 2, 1)

    assert seen.answered == 0
    assert seen.failed > 0


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_counts_what_the_server_answered(target: Target) -> None:
    """The generator wrk hangs up with at most one call under way on each connection."""
    seen = apply_load(target, 4, 1)

    assert seen.failed == 0
    assert 0 <= Counting.served - seen.answered <= 4


def test_a_refused_trial_call_stops_the_run(target: Target) -> None:
    """A benchmark of error answers is none."""
    target.headers.write_text("x-api-key: wrong\n")

    with pytest.raises(RuntimeError, match="answers 400"):
        target.call()
