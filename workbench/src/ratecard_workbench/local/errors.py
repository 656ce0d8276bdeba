"""Errors of the one-machine platform that a person at a terminal can act on."""

from __future__ import annotations

from ratecard.kernel.errors import ErrorKind, RatecardError


class ConfigurationError(RatecardError):
    """A file of the project (template, OpenAPI, plans) says something the platform cannot run."""

    code = "invalid_configuration"
    kind = ErrorKind.INVALID


class PlatformRunningError(RatecardError):
    """Another platform already works in this home folder."""

    code = "already_running"
    kind = ErrorKind.CONFLICT


class AddressTakenError(RatecardError):
    """Another program listens on the address the gateway was told to take."""

    code = "address_in_use"
    kind = ErrorKind.CONFLICT


class ConcurrencyLimitError(RatecardError):
    """The function has as many calls in flight as its reserved concurrency allows."""

    code = "concurrency_limit"
    kind = ErrorKind.UNAVAILABLE


class FunctionTimeoutError(RatecardError):
    """The caller waited as long as the integration allows."""

    code = "timeout"
    kind = ErrorKind.TIMEOUT


class FunctionFailedError(RatecardError):
    """The function raised, crashed, was killed, could not start or answered nonsense."""

    code = "function_failed"
    kind = ErrorKind.INTERNAL


class PlatformBrokenError(RatecardError):
    """A part of the platform ended while it was needed, so the platform has stopped."""

    code = "platform_broken"
    kind = ErrorKind.INTERNAL


class HomeError(RatecardError):
    """The home folder, or a file in it, cannot be used."""

    code = "unusable_home"
    kind = ErrorKind.INVALID
