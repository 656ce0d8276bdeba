"""The gateway's own routes for files: in with `PUT`, out with `GET`."""

from __future__ import annotations

from ratecard_workbench.local.download import DownloadDoor
from ratecard_workbench.local.exchange import Exchange, Receive
from ratecard_workbench.local.proxy_event import Answer
from ratecard_workbench.local.request_body import read_body
from ratecard_workbench.local.upload import UploadDoor


class FileDoors:
    """Both doors.

    Parameters
    ----------
    uploads : UploadDoor
        Takes files.
    downloads : DownloadDoor
        Gives results.
    """

    def __init__(self, uploads: UploadDoor, downloads: DownloadDoor) -> None:
        self._uploads = uploads
        self._downloads = downloads

    async def answer(self, exchange: Exchange, receive: Receive) -> Answer | None:
        """Take or give a file; None if there is no such result. Raises what the upload door raises."""
        if exchange.method == "PUT":
            return await self._uploads.accept(exchange, receive)
        await read_body(exchange, receive)
        return self._downloads.find(exchange)
