"""A scorecard is written so that the engine scores it as it was fitted, and explains it against its population."""

from pathlib import Path

import numpy as np
import pytest

from ratecard.contract import Category, ModelContract, Number, Probability
from ratecard.engines import load_engine, load_manifest
from ratecard.kernel.errors import EngineError
from ratecard_workbench.training.artifact import ExportError, Provenance, Release
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.scorecard_export import (
    CategoryBins,
    NumberBins,
    Scorecard,
    export_scorecard,
)

CONTRACT = ModelContract(
    slug="small-card",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=(
        Number("months", unit="months", minimum=1, maximum=72, about="Duration.", sample=12.0, missing=True),
        Category("purpose", values=("car", "house", "other"), about="Purpose.", sample="car"),
    ),
    outputs=(Probability("probability", about="Chance."),),
)
CARD = Scorecard(
    -0.7,
    (
        NumberBins("months", (12.0, 24.0), (-0.4, 0.1, 0.8), missing=0.3),
        CategoryBins("purpose", (0.2, -0.5, 0.05)),
    ),
)
CHANCE = np.random.default_rng(3)
ROWS = np.column_stack([CHANCE.integers(1, 73, 300).astype(float), CHANCE.integers(0, 3, 300)])
ROWS[::10, 0] = np.nan


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """What stands beside the model."""
    recipe = tmp_path / "recipe" / "recipe.py"
    recipe.parent.mkdir()
    recipe.write_text("print()\n")
    provenance = Provenance(recipe, tmp_path, "0" * 64)
    return Release(
        contract=CONTRACT,
        folder=tmp_path / "artifact",
        calibration=Platt(1.0, 0.0),
        metrics={},
        provenance=provenance,
        checked_on=ROWS,
    )


def test_the_engine_reads_what_was_written(release: Release) -> None:
    """Same scores; the mean contribution of each column over its population is nil."""
    written = export_scorecard(CARD, ROWS, release)
    engine = load_engine(str(release.folder), load_manifest(release.folder), None)

    assert (written["engine"], written["output"]) == ("scorecard", "log_odds")
    assert np.array(engine.score(ROWS.tolist()))[:, 0] == pytest.approx(CARD.compute_margins(ROWS), abs=1e-12)
    parts = np.array(engine.contributions(ROWS.tolist()))
    assert parts[:, :-1].mean(axis=0) == pytest.approx([0, 0], abs=1e-12)
    assert parts[0, -1] == pytest.approx(CARD.compute_margins(ROWS).mean())


def test_writing_again_gives_the_same_bytes(release: Release) -> None:
    """No times, no order of chance."""
    export_scorecard(CARD, ROWS, release)
    first = (release.folder / "scorecard.json").read_bytes()
    export_scorecard(CARD, ROWS, release)

    assert (release.folder / "scorecard.json").read_bytes() == first


def test_a_population_without_a_bin_is_refused(release: Release) -> None:
    """A missing value where the card has no bin for it must be seen at the recipe, not at a client's call."""
    card = Scorecard(0.0, (NumberBins("months", (12.0,), (0.0, 1.0)), CARD.columns[1]))

    with pytest.raises(ExportError, match="months"):
        export_scorecard(card, ROWS, release)


def test_rows_beyond_the_card_are_refused(release: Release) -> None:
    """The rows to check on may hold what the population did not: the engine refuses it."""
    whole = ROWS[~np.isnan(ROWS[:, 0])]
    card = Scorecard(0.0, (NumberBins("months", (12.0,), (0.0, 1.0)), CARD.columns[1]))

    with pytest.raises(EngineError, match="no bin"):
        export_scorecard(card, whole, release)
