"""Errors that say who must act. HTTP statuses and exit codes are mapped from them at the edge."""

from __future__ import annotations

from enum import Enum

from ratecard.kernel.value import Value


class ErrorKind(Enum):
    """Who must act, and how."""

    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"


class Problem(Value):
    """One thing that is wrong with a request.

    Attributes
    ----------
    pointer : str
        JSON Pointer (RFC 6901) to the place in the request; "" is the whole of it.
    code : str
        Stable name of the problem, for programs.
    detail : str
        One sentence for a person. Never holds a value of the request.
    """

    pointer: str
    code: str
    detail: str


class RatecardError(Exception):
    """Base of all errors of the platform.

    Parameters
    ----------
    detail : str
        One sentence for a person, without any value of a request.
    problems : tuple of Problem
        The places that are wrong, where there are such.
    """

    code = "internal_error"
    kind = ErrorKind.INTERNAL

    def __init__(self, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = problems


class InvalidJsonError(RatecardError):
    """The body is not JSON, or not an object; nothing was metered."""

    code = "invalid_json"
    kind = ErrorKind.INVALID


class InvalidRequestError(RatecardError):
    """The request breaks the model's contract; nothing was metered."""

    code = "invalid_request"
    kind = ErrorKind.INVALID


class UnsupportedMediaTypeError(RatecardError):
    """The body is of a type that no model reads."""

    code = "unsupported_media_type"
    kind = ErrorKind.UNSUPPORTED


class PayloadTooLargeError(RatecardError):
    """The body is larger than any valid request."""

    code = "payload_too_large"
    kind = ErrorKind.TOO_LARGE


class NotFoundError(RatecardError):
    """There is no such thing under this name."""

    code = "not_found"
    kind = ErrorKind.NOT_FOUND


class ArtifactError(RatecardError):
    """A model's artifact is missing, damaged, foreign or of an unsupported version; the function must not start."""

    code = "invalid_artifact"
    kind = ErrorKind.INTERNAL


class EngineError(RatecardError):
    """An engine's library refused a call."""

    code = "engine_failure"
    kind = ErrorKind.INTERNAL
