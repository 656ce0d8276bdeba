"""A platform without one of its parts stops and says so."""

import asyncio

import pytest
from support.platform import FIXTURE_APP

from ratecard_workbench.local.clockwork import Clockwork
from ratecard_workbench.local.errors import PlatformBrokenError
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.inbox import Inbox
from ratecard_workbench.local.inbox_folder import InboxFolder
from ratecard_workbench.local.logfile import LogFile
from ratecard_workbench.local.platform import Options, Platform
from ratecard_workbench.local.vigil import Vigil


async def fail():
    """End with an error whose text must not be told."""
    raise KeyError("payload")


async def end():
    """End in silence."""


@pytest.mark.parametrize(("part", "how"), [(fail, "KeyError in fail"), (end, "by itself")])
def test_a_part_that_ends_by_itself_stops_the_platform(part, how):
    """The stop is set, the log is told which part it was and where, and the run ends with an error."""
    told = []

    async def run():
        stop = asyncio.Event()
        vigil = Vigil(stop, told.append)
        vigil.start("the inbox", part())
        await asyncio.wait_for(stop.wait(), 5)
        return vigil

    vigil = asyncio.run(run())
    with pytest.raises(PlatformBrokenError, match="the inbox ended"):
        vigil.confirm()
    assert how in told[0]
    assert "payload" not in told[0]


def test_parts_that_end_after_the_stop_end_in_order():
    """What is cancelled or finishes once the platform stops is no failure."""

    async def run():
        stop = asyncio.Event()
        vigil = Vigil(stop, lambda _: pytest.fail("nothing is to be told"))
        task = vigil.start("the clockwork", asyncio.Event().wait())
        stop.set()
        task.cancel()
        await asyncio.wait([task])
        vigil.confirm()

    asyncio.run(run())


@pytest.mark.parametrize("part", [Inbox, Clockwork])
def test_a_platform_that_loses_a_part_ends_with_an_error(tmp_path, monkeypatch, part):
    """It stops in order and says which part it was; it does not go on without it."""

    async def break_down(self):
        raise KeyError

    monkeypatch.setattr(part, "run", break_down)
    platform = Platform(Options(root=FIXTURE_APP, home=tmp_path / "home", port=0))
    with pytest.raises(PlatformBrokenError, match=f"the {part.__name__.lower()} ended with KeyError"):
        asyncio.run(asyncio.wait_for(platform.run(lambda _: None), 30))
    assert "ended with KeyError" in (tmp_path / "home" / "logs" / "platform.log").read_text()


def test_whatever_goes_wrong_in_one_look_at_the_inbox_the_next_one_follows(tmp_path, monkeypatch):
    """An error that nobody thought of is logged once, not at every look, and files are seen again after it."""
    home = Home(tmp_path)
    home.prepare()
    log = LogFile(tmp_path / "platform.log")
    looks = []

    def look(self, now):
        looks.append(now)
        if len(looks) < 3:
            raise RuntimeError
        return [], []

    monkeypatch.setattr(InboxFolder, "scan", look)

    async def watch():
        inbox = Inbox(home, {}, None, log)
        watching = asyncio.create_task(inbox.run())
        while len(looks) < 4 and not watching.done():
            await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.wait([watching])
        await inbox.close()

    asyncio.run(asyncio.wait_for(watch(), 30))
    assert log.path.read_text().count("cannot be watched: RuntimeError") == 1
    log.close()
