"""The small model, trained once for all tests of the doors."""

from pathlib import Path

import pytest
from support.served import serve_model, train_booster, write_artifact

from ratecard.serving.model import Model


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a real artifact."""
    folder = tmp_path_factory.mktemp("artifact")
    write_artifact(folder, train_booster())
    return folder


@pytest.fixture(scope="session")
def model(artifact: Path, native_dir: Path) -> Model:
    """The artifact, served."""
    return serve_model(artifact, native_dir)
