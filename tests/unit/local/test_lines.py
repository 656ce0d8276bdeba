"""What workers print: usage lines are told from everything else, in whatever pieces they arrive."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard_workbench.local.logfile import LogFile
from ratecard_workbench.local.output import LONGEST_LINE_BYTES, LineReader, find_usage_hour

USAGE = {"specversion": "1.0", "type": "ratecard.call.v1", "time": "2026-11-22T10:11:12.345Z", "id": "x"}


def encoded(**changes) -> bytes:
    return json.dumps({key: value for key, value in (USAGE | changes).items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("line", "hour"),
    [
        (encoded(), "2026-11-22T10"),
        (encoded(type="other"), None),
        (encoded(specversion=None), None),
        (encoded(time=None), None),
        (encoded(time=5), None),
        (encoded(time="../../../etc/x"), None),
        (encoded(time="yesterday"), None),
        (b" " + encoded(), None),
        (encoded()[:-1], None),
        (b"[" + encoded() + b"]", None),
        (b'"ratecard.call.v1"', None),
        (b"", None),
        (b'{"ratecard.call.v1"' + b"[" * 100_000, None),
    ],
)
def test_a_usage_line_is_a_cloudevent_of_our_type(line, hour):
    """Only a JSON object with specversion, our type and a time counts; anything else is log."""
    assert find_usage_hour(line) == hour


@given(st.lists(st.binary(max_size=50).filter(lambda line: b"\n" not in line and line), max_size=20), st.data())
def test_lines_survive_any_cut(lines, data):
    """However the bytes arrive, the same lines come out, the last one too when the pipe closes."""
    text = b"\n".join(lines)
    reading, writing = os.pipe()
    found = []
    reader = LineReader(reading, found.append)
    while text:
        cut = data.draw(st.integers(1, len(text)))
        os.write(writing, text[:cut])
        text = text[cut:]
        assert reader.drain()
    os.close(writing)
    assert not reader.drain()
    reader.close()

    assert found == lines


def test_a_line_without_end_does_not_fill_the_memory():
    """A very long line comes out in pieces."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    found = []
    reader = LineReader(reading, found.append)
    sent = 0
    while sent < 3 * LONGEST_LINE_BYTES:
        sent += os.write(writing, b"x" * 60_000)
        reader.drain()
    os.close(writing)
    reader.drain()
    reader.close()

    assert sum(map(len, found)) == sent
    assert max(map(len, found)) < 2 * LONGEST_LINE_BYTES


def test_a_log_is_bounded(tmp_path):
    """Old files make room: never more than three, each little longer than its limit, the newest lines kept."""
    log = LogFile(tmp_path / "logs" / "f.log", maximum_bytes=1000)
    for number in range(200):
        log.record("origin", f"line {number} " + "x" * 50)
    log.close()

    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["f.log", "f.log.1", "f.log.2"]
    assert all(file.stat().st_size < 1200 for file in files)
    assert "line 199" in (files[0].read_text() + files[1].read_text())


def test_a_log_continues_after_a_restart(tmp_path):
    """An existing file is appended to."""
    for word in ("first", "second"):
        log = LogFile(tmp_path / "f.log")
        log.record("origin", word)
        log.close()

    assert [line.split()[-1] for line in (tmp_path / "f.log").read_text().splitlines()] == ["first", "second"]


def test_a_log_that_cannot_rotate_goes_on_in_its_file(tmp_path, monkeypatch):
    """No descriptor is free, then no file can be renamed: lines stay in the old file, whose number is nobody else's."""
    log = LogFile(tmp_path / "f.log", maximum_bytes=200)
    opened = os.open

    def none_left(path, *arguments):
        if "f.log" in str(path):
            raise OSError(24, "Too many open files")
        return opened(path, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", none_left)
        log.record("origin", "before " + "x" * 200)
        neighbour = tmp_path / "neighbour"
        neighbour.touch()
    with neighbour.open("wb"):
        log.record("origin", "after")
        assert neighbour.read_bytes() == b""
    assert [line.split()[2] for line in log.path.read_text().splitlines()] == ["before", "after"]

    log.record("origin", "y" * 200)
    log.record("origin", "in a new file")
    assert log.path.read_text().endswith("in a new file\n")
    assert len(log.path.read_text().splitlines()) == 1
    log.close()
    log.record("origin", "too late")
