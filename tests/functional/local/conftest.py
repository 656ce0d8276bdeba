"""A platform with the application that misbehaves on demand, one for each test module."""

from collections.abc import Iterator

import pytest
from support.platform import RunningPlatform, fixture_platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A running platform."""
    with fixture_platform(tmp_path_factory.mktemp("local") / "home") as running:
        yield running
