"""An XGBoost model as the engine loads it: UBJSON."""

from importlib.metadata import version

import numpy as np
import xgboost
from numpy.typing import NDArray

from ratecard_workbench.training.artifact import EngineFiles, ExportError, Release, store_release

MODEL_FILE = "model.ubj"


def export_xgboost(booster: xgboost.Booster, release: Release) -> dict[str, object]:
    """Write `model.ubj` and `manifest.json`.

    Parameters
    ----------
    booster : Booster
        Trained on the contract's columns, in their order.
    release : Release
        What the artifact holds beside the model.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ExportError
        If the written model differs from the booster by a single bit on the release's rows.
    """
    content = write_ubjson(booster)
    check_ubjson(content, booster, release.checked_on)
    library = version("xgboost-cpu")
    return store_release(release, EngineFiles("xgboost", library, {MODEL_FILE: content}, "log_odds", ("xgboost-cpu",)))


def write_ubjson(booster: xgboost.Booster) -> bytes:
    """Return the booster as XGBoost's binary JSON, without attributes that only training reads."""
    for name in booster.attributes():
        booster.set_attr(**{name: None})
    return bytes(booster.save_raw("ubj"))


def check_ubjson(content: bytes, booster: xgboost.Booster, columns: NDArray[np.float64]) -> None:
    """Refuse a model file whose scores or contributions differ by a single bit from the booster's.

    Raises
    ------
    ExportError
        If they differ on any of the rows.
    """
    read = xgboost.Booster({"nthread": 1}, model_file=bytearray(content))
    matrix = xgboost.DMatrix(columns, feature_names=booster.feature_names, nthread=1)
    for kind in ({"output_margin": True}, {"pred_contribs": True}):
        if not np.array_equal(read.predict(matrix, **kind), booster.predict(matrix, **kind)):
            raise ExportError(f"the exported model differs from the trained one in {next(iter(kind))}")
