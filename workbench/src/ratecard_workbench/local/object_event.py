"""EventBridge's "Object Created" event, as S3 sends it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard_workbench.local.deliveries import Delivery
from ratecard_workbench.local.ids import new_uuid
from ratecard_workbench.local.proxy_event import ACCOUNT_ID

CHUNK_BYTES = 1 << 20


def compute_etag(path: Path) -> str:
    """Return the ETag S3 gives an object that was put in one part: the MD5 of its content."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def object_created_event(delivery: Delivery, *, bucket: str, etag: str) -> bytes:
    """Build the event of one version of an object.

    Apart from its ids it is the same for every delivery of that version, as the results must be.

    Parameters
    ----------
    delivery : Delivery
        The object and when it was announced.
    bucket : str
        Name of its bucket.
    etag : str
        See `compute_etag`.

    Notes
    -----
    Source: Amazon S3 User Guide, "EventBridge event message structure".
    """
    event = {
        "version": "0",
        "id": new_uuid(),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT_ID,
        "time": rfc3339_from_epoch_ms(delivery.announced_ms),
        "region": "local",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": delivery.key,
                "size": delivery.size,
                "etag": etag,
                "version-id": delivery.version,
                "sequencer": f"{delivery.announced_ms:016X}",
            },
            "request-id": new_uuid()[:16].replace("-", "").upper(),
            "requester": ACCOUNT_ID,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }
    return json.dumps(event).encode()
