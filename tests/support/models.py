"""The models of the repository, for tests that hold for every one of them."""

import importlib
import sys
from pathlib import Path
from typing import NamedTuple

from ratecard.contract import ModelContract

ROOT = Path(__file__).resolve().parents[2]


class PublishedModel(NamedTuple):
    """One model folder: its package, its slug, and what the ids of its resources start with."""

    package: str
    slug: str
    stem: str

    @property
    def contract(self) -> ModelContract:
        """Its contract."""
        source = str(ROOT / "functions" / "models" / self.package / "src")
        if source not in sys.path:
            sys.path.insert(0, source)
        return importlib.import_module(f"{self.package}.contract").CONTRACT

    @property
    def stems(self) -> tuple[str, str]:
        """What the ids of the online and of the batch function's resources start with."""
        return self.stem, f"{self.stem}Batch"


PACKAGES = sorted(path.name for path in ROOT.glob("functions/models/*") if (path / "src" / path.name).is_dir())

MODELS = tuple(
    PublishedModel(package, package.replace("_", "-"), "".join(word.capitalize() for word in package.split("_")))
    for package in PACKAGES
)
STEMS = tuple(stem for model in MODELS for stem in model.stems)
