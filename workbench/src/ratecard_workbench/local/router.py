"""Finds the route of a method and path."""

from __future__ import annotations

from collections.abc import Iterable

from ratecard_workbench.local.application import ACCOUNT_THROTTLE, MethodThrottle, Stage
from ratecard_workbench.local.download import PREFIX as RESULTS
from ratecard_workbench.local.download import DownloadDoor
from ratecard_workbench.local.openapi import Route, compile_resource
from ratecard_workbench.local.throttle import TokenBucket
from ratecard_workbench.local.upload import PREFIX, UploadDoor


class Entry:
    """A route with the bucket that all its callers share."""

    __slots__ = ("bucket", "pattern", "route")

    def __init__(self, route: Route, throttle: MethodThrottle) -> None:
        self.route = route
        self.pattern = compile_resource(route.resource)
        self.bucket = TokenBucket(throttle.rate_per_second, throttle.burst)

    def matches(self, path: str) -> bool:
        """Tell whether a path is one of the route's resource."""
        return self.pattern.fullmatch(path) is not None


class Router:
    """Routes by method and path: one lookup finds a constant path, and only what it does not find is matched.

    Parameters
    ----------
    routes : iterable of Route
        All routes.
    stage : Stage
        Gives each its throttle.
    """

    def __init__(self, routes: Iterable[Route], stage: Stage) -> None:
        self._entries = {
            (route.method, route.resource): Entry(route, stage.throttle_of(route.resource, route.method))
            for route in routes
        }
        self._patterns = [entry for entry in self._entries.values() if "{" in entry.route.resource]
        # The stage knows nothing of these routes; the plan of the caller's key throttles them.
        self._doors = {
            ("PUT", PREFIX): Entry(UploadDoor.route(), ACCOUNT_THROTTLE),
            ("GET", RESULTS): Entry(DownloadDoor.route(), ACCOUNT_THROTTLE),
        }

    def find(self, method: str, path: str) -> Entry | None:
        """Return the route's entry, or None."""
        entry = self._entries.get((method, path))
        if entry is not None and "{" not in path:
            return entry
        for (door, prefix), opened in self._doors.items():
            if method == door and path.startswith(prefix):
                return opened
        return next((each for each in self._patterns if each.route.method == method and each.matches(path)), None)
