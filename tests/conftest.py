"""What every test may ask for: the models on the path, the shared data, Docker, SAM CLI."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ratecard_workbench.local.launch import find_native_directory

# Timings never decide a test: two cores may be busy with anything.
settings.register_profile("ratecard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ratecard")

# A script that runs the tests in the background lets them ignore Ctrl-C, and all that they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

for source in sorted(ROOT.glob("functions/*/*/src")):
    sys.path.insert(0, str(source))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is known to be long first, a group with all its tests, so that all workers end together."""
    lengths: Counter[str] = Counter()
    for item in items:
        lengths[_group_of(item)] += _seconds_of(item)
    items.sort(key=lambda item: -lengths[_group_of(item)])


def _group_of(item: pytest.Item) -> str:
    group = item.get_closest_marker("xdist_group")
    return item.nodeid if group is None else group.args[0]


def _seconds_of(item: pytest.Item) -> float:
    """Return how long a test about takes, where its mark says so: `slow(60)`."""
    marks = (*item.iter_markers("slow"), *item.iter_markers("sam"))
    return next((mark.args[0] for mark in marks if mark.args), 0.0)


def require(present: bool, reason: str) -> None:
    """Skip where a prerequisite is missing, except in CI, where that is a failure."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def requires_shared() -> Path:
    """Folder of the shared training data."""
    require((SHARED / "data").is_dir(), "the shared data folder ../shared/data is not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def requires_docker() -> None:
    """Ask for a Docker engine that answers."""
    docker = shutil.which("docker")
    answers = docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0
    require(answers, "no Docker engine answers on this machine")


@pytest.fixture(scope="session")
def requires_sam() -> Path:
    """Path of the SAM CLI in its own environment."""
    sam = ROOT / ".venv-sam" / "bin" / "sam"
    require(sam.is_file(), "SAM CLI is not installed; run `make sam-setup`")
    return sam


@pytest.fixture(scope="session")
def native_dir() -> Path:
    """Folder of the engines' shared libraries for this machine."""
    folder = find_native_directory(ROOT)
    require(folder is not None, "the native layer is not built; run `make native`")
    return folder
