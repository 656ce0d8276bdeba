"""A linear model of words as the engine loads it: `model.words`."""

import json
from collections.abc import Sequence

import numpy as np

from ratecard.engines import load_engine, load_manifest
from ratecard.engines.text import FORMAT, VERSION
from ratecard_workbench.training.artifact import EngineFiles, ExportError, Release, store_release
from ratecard_workbench.training.words import WordModel

MODEL_FILE = "model.words"
TOLERANCE = 1e-9
"""In log-odds: the engine adds exactly, numpy in pairs, both the same float32 weights."""


def export_words(model: WordModel, release: Release, checked_on: Sequence[str]) -> dict[str, object]:
    """Write `model.words` and `manifest.json`.

    Parameters
    ----------
    model : WordModel
        Of the contract's one text column.
    release : Release
        What the artifact holds beside the model; its own rows to check are numbers, and are not read.
    checked_on : sequence of str
        Texts on which the written model must answer like the trained one.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ExportError
        If the engine scores a text otherwise than the model.
    """
    (column,) = release.contract.columns
    files = EngineFiles(
        "text", VERSION, {MODEL_FILE: encode_words(model, column)}, "log_odds_by_class", ("scikit-learn",)
    )
    manifest = store_release(release, files)
    engine = load_engine(str(release.folder), load_manifest(release.folder), None)
    served = np.array(engine.score([[text] for text in checked_on]))
    if not np.allclose(served, model.compute_scores(checked_on), rtol=0.0, atol=TOLERANCE):
        raise ExportError("the exported model of words differs from the fitted one")
    return manifest


def encode_words(model: WordModel, column: str) -> bytes:
    """Return the file's content; see `ratecard.engines.text`."""
    terms = "\n".join(model.terms).encode("ascii")
    header = {
        "format": FORMAT,
        "column": column,
        "classes": int(model.intercepts.size),
        "terms": len(model.terms),
        "bytes": len(terms),
        "intercepts": model.intercepts.tolist(),
    }
    line = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    return line + terms + model.idf.astype("<f4").tobytes() + model.weights.astype("<f4").tobytes()
