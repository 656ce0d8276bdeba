"""A LightGBM model as the engine loads it: its own text, as small as its scores allow."""

from importlib.metadata import version

import lightgbm
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.artifact import EngineFiles, ExportError, Release, store_release

MODEL_FILE = "model.txt"

REPORT_ONLY = ("split_gain=", "internal_value=", "internal_weight=", "leaf_weight=")
"""Lines of a tree that only reports read. Scores need splits and leaf values, TreeSHAP the counts beside them."""


def export_lightgbm(booster: lightgbm.Booster, release: Release) -> dict[str, object]:
    """Write `model.txt` and `manifest.json`.

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
    text = shorten_model(booster.model_to_string())
    check_model(text, booster, release.checked_on)
    files = {MODEL_FILE: text.encode()}
    return store_release(release, EngineFiles("lightgbm", version("lightgbm"), files, "log_odds", ("lightgbm",)))


def shorten_model(text: str) -> str:
    """Drop from LightGBM's text what serving does not read: reports, importances and training parameters.

    A model's load time grows with its text, and is part of every cold start.

    Parameters
    ----------
    text : str
        As `Booster.model_to_string` writes it.

    Returns
    -------
    str
        A whole model in the same format; `tree_sizes` is true again.
    """
    header, body = text.split("\n\n", 1)
    trees = body.split("end of trees\n", 1)[0].rstrip("\n").split("\n\n\n")
    kept = ["\n".join(_needed_lines(tree)) + "\n\n\n" for tree in trees]
    sizes = " ".join(str(len(tree.encode())) for tree in kept)
    lines = [f"tree_sizes={sizes}" if line.startswith("tree_sizes=") else line for line in header.split("\n")]
    return "\n".join(lines) + "\n\n" + "".join(kept) + "end of trees\n"


def _needed_lines(tree: str) -> list[str]:
    return [line for line in tree.strip("\n").split("\n") if not line.startswith(REPORT_ONLY)]


def check_model(text: str, booster: lightgbm.Booster, columns: NDArray[np.float64]) -> None:
    """Refuse a model text whose scores or contributions differ by a single bit from the booster's.

    Raises
    ------
    ExportError
        If they differ on any of the rows.
    """
    read = lightgbm.Booster(model_str=text)
    for kind in ({"raw_score": True}, {"pred_contrib": True}):
        if not np.array_equal(read.predict(columns, **kind), booster.predict(columns, **kind)):
            raise ExportError(f"the exported model differs from the trained one in {next(iter(kind))}")
