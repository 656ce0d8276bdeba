"""A platform without one of its parts stops and says so."""

import asyncio

import pytest

from ratecard_workbench.local.errors import PlatformBrokenError
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
