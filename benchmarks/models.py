"""The models of the project as the benchmarks find them: every folder under functions/models with an artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import ROOT
from ratecard.contract import ModelContract, Text
from ratecard.contract.sample import sample_row
from ratecard_workbench.publish.catalogue import load_contract

MODELS = ROOT / "functions" / "models"
REFERENCE = "credit-rating"
"""The model whose cold start is taken apart, and which the usual ways of serving are compared with."""

COLD = {"onnx": 2.75, "text": 2.75}
"""Bars by engine, as multiples of the no-op function; the others are held to `COLD_OTHERS` and so on."""
COLD_OTHERS = 2.0
WARM = {"text": 1.5}
WARM_OTHERS = 1.3
REASONS = 4.0
SAMPLED_REASONS = 10.0
ZIP_MEGABYTES = 5.0

PLAIN_TEXT = (
    "I opened an account at this bank last spring because of an offer on their page. The branch told me that the "
    "bonus would come within a month. I have visited them twice and written three letters since, and each time "
    "somebody else promised to look into it. It is now autumn. I would like the bonus that was offered, and an answer."
)
"""As long as the sample of a text model, and owed no reasons: what is called without them must be answered without."""


@dataclass(frozen=True, slots=True)
class BenchModel:
    """One model folder.

    Attributes
    ----------
    package : str
        The package's name, as `credit_rating`.
    source : Path
        The folder `src`, which is deployed.
    engine : str
        As its manifest names it.
    contract : ModelContract
        What it takes and gives.
    """

    package: str
    source: Path
    engine: str
    contract: ModelContract

    @property
    def slug(self) -> str:
        """The model's name in URLs."""
        return self.contract.slug

    @property
    def row(self) -> dict[str, object]:
        """The row to score: the contract's sample, with a text that asks for no special handling."""
        texts = {feature.name: PLAIN_TEXT for feature in self.contract.features if isinstance(feature, Text)}
        return {**sample_row(self.contract), **texts}

    @property
    def cold_limit(self) -> float:
        """Largest cold start, as a multiple of the no-op function's."""
        return COLD.get(self.engine, COLD_OTHERS)

    @property
    def warm_limit(self) -> float:
        """Largest warm call without reasons."""
        return WARM.get(self.engine, WARM_OTHERS)

    @property
    def reasons_limit(self) -> float:
        """Largest warm call with reasons."""
        return SAMPLED_REASONS if self.contract.sampled_reasons else REASONS


def find_models(folder: Path = MODELS) -> tuple[BenchModel, ...]:
    """Return the models that are whole, by slug; a folder without an artifact is one that is still being built."""
    found = []
    for manifest in folder.glob("*/src/*/artifact/manifest.json"):
        package = manifest.parent.parent
        engine = json.loads(manifest.read_text())["engine"]
        found.append(BenchModel(package.name, package.parent, engine, load_contract(package.parent, package.name)))
    return tuple(sorted(found, key=lambda model: model.slug))


def get_model(slug: str) -> BenchModel:
    """Return one model.

    Raises
    ------
    LookupError
        If no folder holds it.
    """
    for model in find_models():
        if model.slug == slug:
            return model
    raise LookupError(f"no folder under functions/models holds {slug} with its artifact")
