"""Where the black-box suite sends its calls.

It knows a URL and a key and nothing else of the platform, so the same file passes against `ratecard up`, against
`sam local start-api` and against a deployment:

    RATECARD_URL=https://… RATECARD_KEY=… pytest tests/e2e/blackbox

RATECARD_GATEWAY=sam-local leaves out what SAM CLI's local gateway does not have: keys, plans and MOCK integrations.
Without RATECARD_URL the suite starts a platform of its own.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests


@dataclass(frozen=True)
class Target:
    """A running platform, seen from outside."""

    url: str
    key: str
    full_gateway: bool

    def call(self, method: str, path: str, **options: object) -> requests.Response:
        """Send one request with the key, unless other headers are given."""
        headers = options.pop("headers", {"x-api-key": self.key})
        return requests.request(method, self.url + path, headers=headers, timeout=60, **options)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, native_dir: Path) -> Iterator[Target]:
    """The platform under test."""
    url = os.environ.get("RATECARD_URL")
    if url:
        full = os.environ.get("RATECARD_GATEWAY", "full") == "full"
        yield Target(url.rstrip("/"), os.environ.get("RATECARD_KEY", ""), full)
        return
    from support.platform import running_platform

    with running_platform(tmp_path_factory.mktemp("blackbox")) as platform:
        yield Target(platform.url, platform.key, full_gateway=True)


@pytest.fixture
def full_gateway(target: Target) -> None:
    """Ask for a gateway with keys, plans and MOCK integrations."""
    if not target.full_gateway:
        pytest.skip("SAM CLI's local gateway has no keys, plans or MOCK integrations")
