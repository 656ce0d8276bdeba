"""Lambda entry point: the stores are opened once, as the environment says."""

import os
from typing import Any

from batches_service.answers import Answer, answer
from batches_service.stores import open_stores

STORES = open_stores(os.environ)


def batches_handler(event: dict[str, Any], context: object) -> Answer:
    """Answer a request of the gateway for a key's owner."""
    return answer(event, STORES)
