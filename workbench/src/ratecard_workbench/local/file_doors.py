"""The gateway's own routes for files: in with `PUT`, out with `GET`."""

from __future__ import annotations

from collections.abc import Callable

from ratecard_workbench.local.download import DownloadDoor
from ratecard_workbench.local.exchange import Exchange, Receive
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.proxy_event import Answer
from ratecard_workbench.local.request_body import read_body
from ratecard_workbench.local.upload import UploadDoor


class FileDoors:
    """Both doors.

    Parameters
    ----------
    home : Home
        Has inbox and outbox.
    slugs : callable
        Returns the models that take files.
    """

    def __init__(self, home: Home, slugs: Callable[[], tuple[str, ...]]) -> None:
        self._uploads = UploadDoor(home.inbox, slugs)
        self._downloads = DownloadDoor(home.root / "outbox")

    async def answer(self, exchange: Exchange, receive: Receive) -> Answer | None:
        """Take or give a file; None if there is no such result. Raises what the upload door raises."""
        if exchange.method == "PUT":
            return await self._uploads.accept(exchange, receive)
        await read_body(exchange, receive)
        return self._downloads.find(exchange)
