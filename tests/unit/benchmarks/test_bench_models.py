"""Models are found by their folder, each with the bars of its engine."""

from pathlib import Path

import pytest
from benchmarks.contestants import proxy_event
from benchmarks.models import MODELS, find_models, get_model


def test_every_folder_with_an_artifact_is_measured() -> None:
    """None is listed by name: a new one needs no edit of the benchmarks."""
    folders = {path.parents[3].name for path in MODELS.glob("*/src/*/artifact/manifest.json")}

    assert {model.package for model in find_models()} == folders
    assert "credit_rating" in folders


def test_a_folder_without_an_artifact_is_passed_over(tmp_path: Path) -> None:
    """It is still being built."""
    (tmp_path / "half_built" / "src" / "half_built").mkdir(parents=True)

    assert find_models(tmp_path) == ()


def test_the_bars_are_those_of_the_engine() -> None:
    """Boosted trees twice the no-op, ONNX and text 2.75 times; sampled reasons ten times."""
    for model in find_models():
        assert model.cold_limit == (2.75 if model.engine in ("onnx", "text") else 2.0)
        assert model.warm_limit == (1.5 if model.engine == "text" else 1.3)
        assert model.reasons_limit == (10.0 if model.contract.sampled_reasons else 4.0)


def test_a_model_that_is_not_there_is_named() -> None:
    """The word tells which folder is missing."""
    with pytest.raises(LookupError, match="no-such-model"):
        get_model("no-such-model")


def test_an_event_goes_to_its_own_model() -> None:
    """Path, resource and context name the same route."""
    assert proxy_event({}, "some-model").count(b"/v1/models/some-model/predict") == 4
