"""The usage line is written out by hand: it must be what an encoder would write."""

import io
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.metering.usage import SERVICE_LEVEL, STANDARD_LEVEL, Caller, Work, record_usage, usage_line

TEXTS = st.text(max_size=80)
CALLERS = st.builds(
    Caller,
    call_id=TEXTS,
    source=TEXTS,
    at_epoch_ms=st.integers(0, 4_000_000_000_000),
    subject=TEXTS,
    api_key_id=st.none() | TEXTS,
    lambda_request_id=st.none() | TEXTS,
    client_request_id=st.none() | TEXTS,
    idempotency_key=st.none() | TEXTS,
    billable=st.booleans(),
)
WORKS = st.builds(
    Work,
    operation=st.sampled_from(["predict", "explain", "batch", "batch_explain"]),
    model=TEXTS,
    model_version=TEXTS,
    units=st.integers(0, 10**9),
    request_bytes=st.integers(0, 10**12),
    response_bytes=st.integers(0, 10**12),
    input_sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    latency_ms=st.none() | st.floats(0, 1e6),
)
ONE = (
    Caller("c", "/direct", 0, "direct", None, None, None, None, billable=False),
    Work("predict", "m", "1.0.0", 1, 2, 3, "0" * 64, 0.5),
)


@pytest.fixture
def level():
    """Set a service level for one test."""
    yield SERVICE_LEVEL.set
    SERVICE_LEVEL.set(STANDARD_LEVEL)


def expected_line(caller, work, **level):
    """The line as Python's encoder writes it."""
    data = {
        "operation": work.operation,
        "model": work.model,
        "model_version": work.model_version,
        **level,
        "units": work.units,
        "status": 200,
        "billable": caller.billable,
        "api_key_id": caller.api_key_id,
        "lambda_request_id": caller.lambda_request_id,
        "client_request_id": caller.client_request_id,
        "idempotency_key": caller.idempotency_key,
        "req_bytes": work.request_bytes,
        "resp_bytes": work.response_bytes,
        "latency_ms": work.latency_ms,
        "input_sha256": work.input_sha256,
    }
    event = {
        "specversion": "1.0",
        "type": "ratecard.call.v1",
        "id": caller.call_id,
        "source": caller.source,
        "time": rfc3339_from_epoch_ms(caller.at_epoch_ms),
        "subject": caller.subject,
        "data": data,
    }
    return json.dumps(event, separators=(",", ":"))


@given(caller=CALLERS, work=WORKS)
def test_the_line_is_what_an_encoder_writes(caller, work):
    """Any text in it, quotes and line ends too; ASCII, so its length is its size."""
    assert usage_line(caller, work) == expected_line(caller, work)
    assert usage_line(caller, work).isascii()


def test_a_level_is_one_member_more(level):
    """Only functions at another level than the standard have it."""
    level("gold")
    assert usage_line(*ONE) == expected_line(*ONE, level="gold")


def test_a_line_goes_to_the_file_behind_stdout(monkeypatch, tmp_path):
    """In one write, after what was printed before it."""
    path = tmp_path / "out"
    with path.open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        stream.write("before\n")
        record_usage(*ONE)
        assert path.read_text() == f"before\n{expected_line(*ONE)}\n"


def test_a_line_goes_to_a_stdout_that_is_no_file(monkeypatch):
    """What stands in for stdout later on gets the lines of later on."""
    for _ in range(2):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        record_usage(*ONE)
        assert stream.getvalue() == expected_line(*ONE) + "\n"


def test_lines_reach_the_reader_of_a_pipe(monkeypatch):
    """One after the other, each whole."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as lines:
        monkeypatch.setattr(sys, "stdout", stream)
        for _ in range(20):
            record_usage(*ONE)
        assert [lines.readline() for _ in range(20)] == [expected_line(*ONE) + "\n"] * 20


def test_a_caller_is_a_tuple_of_just_its_fields():
    """Made by place or by name; what is missing or unknown is refused."""
    caller, work = ONE
    assert caller == Caller(**caller._asdict())
    assert work == (*work[:-1], 0.5)
    assert (caller.billable, work.units) == (False, 1)
    with pytest.raises(TypeError):
        Caller("c")
    with pytest.raises(TypeError):
        Work(*work, other=1)


def test_a_line_that_is_taken_in_part_is_an_error(tmp_path):
    """A full disk takes the beginning of a line: a call whose line is torn is not answered."""
    script = (
        "import resource\n"
        "from ratecard.metering.usage import Caller, Work, record_usage\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        f"caller, work = {ONE[0]!r}, {ONE[1]!r}\n"
        "record_usage(caller, work)\n"
        "record_usage(caller, work)\n"
    )
    with (tmp_path / "stdout").open("w+") as stdout:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
        stdout.seek(0)
        lines = stdout.read().splitlines()
    assert json.loads(lines[0])["id"] == "c"
    assert len(lines[1]) < len(lines[0])
    assert (done.returncode, "OSError: the usage line was not taken whole" in done.stderr) == (1, True), done.stderr
