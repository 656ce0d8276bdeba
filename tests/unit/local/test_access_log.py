"""Access lines of answers that have left are not lost to a full disk."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from ratecard.storage.lake import ShortWriteError
from ratecard_workbench.local import access_log
from ratecard_workbench.local.access_log import AccessLog


class Disk:
    """A sink that can be full."""

    def __init__(self) -> None:
        self.room = 10**9
        self.stored = b""

    def append(self, hour, lines):
        if len(lines) > self.room:
            whole = lines.rfind(b"\n", 0, self.room) + 1
            self.stored += lines[:whole]
            error = ShortWriteError(28, "No space left on device")
            error.stored_bytes = whole
            raise error
        self.stored += lines

    def numbers(self):
        return [int(json.loads(line)["n"]) for line in self.stored.splitlines()]


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def told():
    return []


@pytest.fixture
def log(disk, told):
    return AccessLog('{"n":"$context.requestId"}', stage="dev", sink=disk.append, on_error=told.append)


class AnyText(SimpleNamespace):
    """An exchange of which only the number matters."""

    def __getattr__(self, name):
        return "-"


def write(log, *numbers):
    """Log some answers in one batch."""
    connection = SimpleNamespace(broken=False, unsent_bytes=lambda: 0)

    async def answers():
        for number in numbers:
            log.answer_written(
                AnyText(
                    request_id=str(number), connection=connection, received_ms=0, started=0.0, route=None, holder=None
                )
            )
        await asyncio.sleep(0)

    asyncio.run(answers())


def test_lines_that_found_no_room_are_stored_with_the_next_ones(log, disk, told):
    """Each line once and in order, also those of a batch that was written in part."""
    write(log, 1, 2)
    disk.room = 15
    write(log, 3, 4, 5)
    disk.room = 0
    write(log, 6)
    assert disk.numbers() == [1, 2, 3]
    assert len(told) == 2
    disk.room = 10**9
    write(log, 7)

    assert disk.numbers() == [1, 2, 3, 4, 5, 6, 7]


def test_the_end_stores_what_was_kept(log, disk):
    """A platform that stops after the disk has room again leaves nothing behind."""
    disk.room = 0
    write(log, 1)
    disk.room = 10**9
    log.flush_now()

    assert disk.numbers() == [1]


def test_what_is_kept_is_bounded(log, disk, told, monkeypatch):
    """A disk that stays full costs the newest lines, not the memory; the loss is told."""
    monkeypatch.setattr(access_log, "MAXIMUM_KEPT_BYTES", 25)
    disk.room = 0
    for number in range(1, 5):
        write(log, number)
    assert sum("newest are lost" in error.strerror for error in told) == 2
    disk.room = 10**9
    log.flush_now()

    assert disk.numbers() == [1, 2]
