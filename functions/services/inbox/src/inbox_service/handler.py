"""Lambda entry point: the stores are opened once, as the environment says."""

import os
from typing import Any

from inbox_service.reception import Answer, open_reception, receive

RECEPTION = open_reception(os.environ)


def inbox_handler(event: dict[str, Any], _context: object) -> Answer:
    """Answer for one object that was created in the inbox."""
    return receive(event, RECEPTION)
