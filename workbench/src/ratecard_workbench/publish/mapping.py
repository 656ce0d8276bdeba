"""API Gateway's mapping templates: JSON texts in which the gateway fills in the call's id."""

from __future__ import annotations

import json

CALL_ID = "$context.extendedRequestId"
"""The id a caller cannot set, as a template variable. Source: API Gateway, variables for access logging."""

PLACE = "<call_id>"
"""Stands for the call's id in a document until it becomes a template."""


def template_of(document: dict[str, object]) -> str:
    """Write a document as a mapping template.

    Parameters
    ----------
    document : dict
        JSON; a member with the value `PLACE` receives the call's id.

    Returns
    -------
    str
        One line. The signs ``$`` and ``#``, which a template would read as code, are written as JSON escapes.
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    text = text.replace("$", "\\u0024").replace("#", "\\u0023")
    return text.replace(PLACE, CALL_ID)
