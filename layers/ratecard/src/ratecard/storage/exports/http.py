"""Requests to other systems over HTTP: repeated when it helps, at the pace they ask for, and telling no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ratecard.kernel.errors import ErrorKind, RatecardError

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 8
LONGEST_WAIT_SECONDS = 600
"""Who asks for more is asked again by a later run."""
REPEATED = frozenset({408, 425, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CODE = re.compile(r"[\w.:-]{1,60}", re.ASCII)


class TargetUnavailableError(RatecardError):
    """The other system does not answer; a later run goes on where this one ended."""

    code = "target_unavailable"
    kind = ErrorKind.UNAVAILABLE


class TargetForbiddenError(RatecardError):
    """The other system does not know our key, or lacks what we ask for; nothing was counted."""

    code = "target_forbidden"
    kind = ErrorKind.FORBIDDEN


class InsecureTargetError(RatecardError):
    """A secret would travel in plain text."""

    code = "insecure_target"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `said` is None if the body is no JSON."""

    status: int
    said: Any


class HttpClient:
    """Speaks to one system.

    Parameters
    ----------
    url : str
        Where it is, without a path at the end.
    secret : str
        Sent as a bearer token and never shown.
    backoff_seconds : float
        First pause before a repetition; it doubles up to half a minute, with as much again at random.

    Raises
    ------
    InsecureTargetError
        If it is not HTTPS, other than on this machine.
    """

    def __init__(self, url: str, secret: str, *, backoff_seconds: float = 0.5) -> None:
        import urllib3

        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise InsecureTargetError("other systems are reached by https only")
        self._url = url.rstrip("/")
        self._secret = secret
        # Every delivery has an identifier, so a POST may be repeated.
        repetition = urllib3.Retry(
            total=ATTEMPTS - 1,
            redirect=0,
            allowed_methods=None,
            status_forcelist=REPEATED,
            backoff_factor=backoff_seconds,
            backoff_jitter=backoff_seconds,
            backoff_max=30,
            retry_after_max=LONGEST_WAIT_SECONDS,
            raise_on_status=False,
        )
        self._pool = urllib3.PoolManager(maxsize=16, retries=repetition, timeout=TIMEOUT_SECONDS)
        self._failure = urllib3.exceptions.HTTPError

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def post_json(self, path: str, document: object, content_type: str = "application/json") -> Answer:
        """Send a JSON document."""
        return self._ask("POST", path, json.dumps(document, separators=(",", ":")).encode(), content_type)

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Ask for something."""
        return self._ask("GET", f"{path}?{urlencode(query)}", None, "")

    def _ask(self, method: str, path: str, body: bytes | None, content_type: str) -> Answer:
        headers = {"Authorization": f"Bearer {self._secret}"} | ({"Content-Type": content_type} if content_type else {})
        try:
            answer = self._pool.request(method, self._url + path, body=body, headers=headers, redirect=False)
        except self._failure as error:
            # Its text may hold the address with what was asked for: the kind says enough.
            raise TargetUnavailableError(f"no answer after {ATTEMPTS} attempts: {type(error).__name__}") from None
        if answer.status in REPEATED:
            raise TargetUnavailableError(f"still {answer.status} after {ATTEMPTS} attempts")
        if answer.status in {401, 403, 404} or 300 <= answer.status < 400:
            raise TargetForbiddenError(f"it answers {answer.status}: check the key in the environment and the address")
        try:
            return Answer(answer.status, json.loads(answer.data) if answer.data else None)
        except ValueError:
            return Answer(answer.status, None)


def code_of(value: object) -> str:
    """Return another system's word for an error if it is a word; its sentences may repeat what was sent."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""
