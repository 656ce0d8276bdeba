"""What an upload has done when its answer is given."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ratecard_workbench.local.upload import UploadDoor


@pytest.mark.parametrize("query", [None, {"explain": ["true"]}])
def test_the_folders_that_were_made_are_on_the_disk_before_the_answer(tmp_path, monkeypatch, query):
    """A loss of power takes no file that was answered 201: all names on its way are synced, leaf first."""
    synced, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda each: (sync(each), synced.append(Path(f"/proc/self/fd/{each}").readlink())))
    holder = SimpleNamespace(customer_id="tester")
    exchange = SimpleNamespace(path="/v1/inbox/echo/a.csv", headers={}, content_length=2, holder=holder)
    exchange.query_parameters = lambda: query
    exchange.lambda_request_id, exchange.extended_request_id = "one", "two"

    async def receive():
        return {"type": "http.request", "body": b"a\n"}

    door = UploadDoor(tmp_path / "inbox", lambda: ("echo",))
    assert asyncio.run(door.accept(exchange, receive)).status == 201
    inbox = tmp_path / "inbox"
    folder = inbox / "tester/echo" / ("explain" if query else "")
    assert (folder / "a.csv").read_bytes() == b"a\n"
    assert synced[1:] == [each for each in (folder, *folder.parents) if each.is_relative_to(tmp_path)]
