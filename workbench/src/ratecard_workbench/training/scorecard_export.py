"""A scorecard as the engine loads it: `scorecard.json`."""

import numpy as np
from numpy.typing import NDArray

from ratecard.contract import ModelContract
from ratecard.engines import load_engine, load_manifest
from ratecard.engines.scorecard import FORMAT, VERSION
from ratecard.kernel.errors import EngineError
from ratecard_workbench.training.artifact import EngineFiles, ExportError, Release, store_release, write_json
from ratecard_workbench.training.binning import NumberBins
from ratecard_workbench.training.scorecard import CardColumn, Scorecard

MODEL_FILE = "scorecard.json"
SUM_TOLERANCE = 1e-9
"""The engine adds exactly, numpy in pairs; log-odds have six decimals."""


def export_scorecard(card: Scorecard, release: Release) -> dict[str, object]:
    """Write `scorecard.json` and `manifest.json`.

    Parameters
    ----------
    card : Scorecard
        Of the contract's columns, in their order.
    release : Release
        What the artifact holds beside the model.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ExportError
        If the engine answers a row otherwise than the card, or a row has a value for which the written card has no bin.
    """
    nullable = find_nullable(release.contract)
    check_missing(card, nullable, release.checked_on)
    content = write_json(describe_card(card, nullable))
    files = EngineFiles("scorecard", VERSION, {MODEL_FILE: content}, "log_odds", ("scikit-learn",))
    manifest = store_release(release, files)
    check_card(card, release)
    return manifest


def find_nullable(contract: ModelContract) -> frozenset[str]:
    """Return the columns that can be missing: features that may, and what is derived from others."""
    present = {feature.name for feature in contract.features if not feature.missing}
    return frozenset(name for name in contract.columns if name not in present)


def describe_card(card: Scorecard, nullable: frozenset[str]) -> dict[str, object]:
    """Return the card as the engine's file has it; see `ratecard.engines.scorecard`."""
    return {
        "format": FORMAT,
        "intercept": card.intercept,
        "columns": [_describe_column(column, column.name in nullable) for column in card.columns],
    }


def _describe_column(column: CardColumn, nullable: bool) -> dict[str, object]:
    bins = column.bins
    weights, missing = list(bins.weights), bins.missing if nullable else None
    if isinstance(bins, NumberBins):
        edges = list(bins.edges)
        return {
            "name": column.name,
            "edges": edges,
            "log_odds": weights,
            "missing": missing,
            "expected": column.expected,
        }
    return {"name": column.name, "log_odds": weights, "missing": missing, "unknown": None, "expected": column.expected}


def check_card(card: Scorecard, release: Release) -> None:
    """Refuse a written card that the engine does not score as it was fitted.

    Raises
    ------
    ExportError
        If a score differs by more than the last bits of a sum, or a row has no bin.
    """
    engine = load_engine(str(release.folder), load_manifest(release.folder), None)
    try:
        served = np.array([scores[0] for scores in engine.score(release.checked_on.tolist())])
    except EngineError as error:
        raise ExportError(f"the exported scorecard refuses a training row: {error.detail}") from error
    if not np.allclose(served, card.compute_margins(release.checked_on), rtol=0.0, atol=SUM_TOLERANCE):
        raise ExportError("the exported scorecard differs from the fitted one")


def check_missing(card: Scorecard, nullable: frozenset[str], rows: NDArray[np.float64]) -> None:
    """Refuse rows that lack a value which the contract asks for.

    Raises
    ------
    ExportError
        If there is one.
    """
    absent = np.asarray(np.isnan(rows).any(axis=0))
    names = [column.name for column, lacks in zip(card.columns, absent, strict=True) if lacks]
    if wrong := [name for name in names if name not in nullable]:
        raise ExportError(f"training rows lack what the contract asks for: {', '.join(wrong)}")
