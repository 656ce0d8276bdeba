"""The lake: whole lines in files by hour, whatever happens to the writer."""

import contextlib
import json
import os
import resource
from pathlib import Path

import pytest

from ratecard.storage.lake import (
    ACCESS,
    USAGE,
    LakeReader,
    LakeWriter,
    ShortWriteError,
    partition_of,
    scan,
    sync_and_close,
)

HOUR = "2026-11-22T10"


def line(number: int) -> bytes:
    return json.dumps({"n": number}).encode() + b"\n"


def numbers(root, stream=USAGE, **days) -> list:
    return [found.event and found.event["n"] for found in scan(root, stream, **days)]


def test_lines_lie_where_log_delivery_would_put_them(tmp_path):
    """Stream, day and hour of the event, UTC, in the path."""
    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        writer.append(HOUR, line(1))

    assert (tmp_path / "usage/dt=2026-11-22/hour=10/w1.jsonl").read_bytes() == line(1)


def test_an_hour_is_checked():
    """Nothing but an hour becomes a folder."""
    assert partition_of(HOUR) == "dt=2026-11-22/hour=10"
    for wrong in ("../../etc", "2026-11-22T10:00", "2026-11-22", ""):
        with pytest.raises(ValueError, match="hour"):
            partition_of(wrong)


def test_lines_are_read_back_by_day(tmp_path):
    """Days limit what is read; streams do not mix; late lines of an old hour are found there."""
    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        for number, hour in enumerate(["2026-11-21T23", "2026-11-22T00", "2026-11-22T01", "2026-11-21T23"]):
            writer.append(hour, line(number))
    with contextlib.closing(LakeWriter(tmp_path, ACCESS, "w1")) as writer:
        writer.append(HOUR, line(9))

    assert numbers(tmp_path) == [0, 3, 1, 2]
    assert numbers(tmp_path, first_day="2026-11-22") == [1, 2]
    assert numbers(tmp_path, last_day="2026-11-21") == [0, 3]
    assert numbers(tmp_path, ACCESS) == [9]


def test_more_hours_than_open_files(tmp_path):
    """Writing to many hours in turn loses nothing and keeps few files open."""
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        for round_number in range(3):
            for hour in range(24):
                writer.append(f"2026-11-22T{hour:02}", line(round_number))
        if before:
            assert len(os.listdir("/proc/self/fd")) < before + 10  # noqa: PTH208

    assert sorted(numbers(tmp_path)) == [0] * 24 + [1] * 24 + [2] * 24


def test_a_torn_last_line_is_not_there(tmp_path):
    """A line without its newline was never finished, and the next writer does not continue it."""
    path = tmp_path / "usage/dt=2026-11-22/hour=10"
    path.mkdir(parents=True)
    (path / "dead.jsonl").write_bytes(line(1) + line(2)[:5])

    with contextlib.closing(LakeWriter(tmp_path, USAGE, "living")) as writer:
        writer.append(HOUR, line(3))

    assert numbers(tmp_path) == [1, 3]
    assert (path / "dead.jsonl").read_bytes() == line(1) + line(2)[:5]


def test_a_short_write_is_an_error_and_spoils_one_line_only(tmp_path, monkeypatch):
    """When the disk takes half a line, the caller hears of it, and the next line stands alone."""
    written = []

    def half_then_full(descriptor, data):
        if not written:
            written.append(os.write(descriptor, data[:4]))
            return 4
        raise OSError(28, "No space left on device")

    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        writer.append(HOUR, line(1))
        with monkeypatch.context() as patched:
            patched.setattr("ratecard.storage.lake.os", type("Os", (), {**vars(os), "write": half_then_full}))
            with pytest.raises(OSError, match="space"):
                writer.append(HOUR, line(2))
        writer.append(HOUR, line(3))

    assert numbers(tmp_path) == [1, None, 3]


def test_a_reader_follows_a_writer(tmp_path):
    """Each reading gives what is new, once, and waits for the end of a line."""
    reader = LakeReader(tmp_path, USAGE)
    assert list(reader.read()) == []
    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        writer.append(HOUR, line(1) + line(2))
        assert [found.event["n"] for found in reader.read()] == [1, 2]
        writer.append(HOUR, line(3)[:-1])
        assert list(reader.read()) == []
        writer.append(HOUR, b"\n")
        found = list(reader.read())
    assert [(one.number, one.event["n"]) for one in found] == [(3, 3)]


@pytest.mark.parametrize("text", [b"{", b"[]", b"null", b"\xff\xfe", b'{"a":1}x', b"[" * 100_000])
def test_a_damaged_line_is_shown_as_such(tmp_path, text):
    """Whoever audits the lake sees where something is wrong; it stops nobody."""
    path = tmp_path / "usage/dt=2026-11-22/hour=10"
    path.mkdir(parents=True)
    (path / "w.jsonl").write_bytes(line(1) + text + b"\n" + line(2))

    assert numbers(tmp_path) == [1, None, 2]


def test_synced_files_are_named_once(tmp_path):
    """What was written since the last time is handed out for syncing, and only that."""
    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        assert writer.take_unsynced() == []
        writer.append(HOUR, line(1))
        writer.append(HOUR, line(2))
        descriptors = writer.take_unsynced()
        assert len(descriptors) == 1
        sync_and_close(descriptors)
        assert writer.take_unsynced() == []


def test_a_short_write_says_how_many_lines_are_stored(tmp_path):
    """Whoever tries again begins behind them: every line is there once, and one is torn."""
    batch = line(1) + line(2) + line(3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with contextlib.closing(LakeWriter(tmp_path, USAGE, "w1")) as writer:
        for _ in range(2):
            size = sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + len(line(1)) + 4, hard))
            try:
                with pytest.raises(ShortWriteError) as caught:
                    writer.append(HOUR, batch)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert caught.value.stored_bytes == len(line(1))
            batch = batch[caught.value.stored_bytes :]
        writer.append(HOUR, batch)

    assert [number for number in numbers(tmp_path) if number] == [1, 2, 3]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list descriptors")
def test_a_sync_that_fails_leaks_no_descriptor(tmp_path, monkeypatch):
    """All files are closed when one cannot be synced, at a tick, at the end, and when an old hour makes room."""
    before = open_descriptors()
    writer = LakeWriter(tmp_path, USAGE, "w1")
    for hour in range(4):
        writer.append(f"2026-11-22T{hour:02}", line(hour))
    synced = []

    def broken(descriptor):
        synced.append(descriptor)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        taken = writer.take_unsynced()
        with pytest.raises(OSError, match="Input"):
            sync_and_close(taken)
        assert len(synced) == 4
        with pytest.raises(OSError, match="Input"):
            writer.append("2026-11-22T04", line(4))
        assert open_descriptors() == before + 4
        with pytest.raises(OSError, match="Input"):
            writer.close()
    assert open_descriptors() == before
