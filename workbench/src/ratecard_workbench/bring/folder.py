"""The folder of a brought model: artifact, record, recipe and card beside the Python files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from random import Random

from ratecard.contract import ModelContract
from ratecard.engines.background import FILE_NAME as BACKGROUND_FILE
from ratecard.engines.background import FORMAT as BACKGROUND_FORMAT
from ratecard.engines.manifest import SUFFIXES
from ratecard.kernel.digest import sha256_hex
from ratecard_workbench.bring.brought import Brought, BroughtField
from ratecard_workbench.bring.fidelity import TOLERANCE, Fidelity
from ratecard_workbench.bring.trial import COLD_BARS, Speed

TEXTS = Path(__file__).parent / "texts"
TO_WRITE = "(to write)"
"""Stands in the card where only the model's owner knows what to say."""

RECORD = "brought.json"

ROWS, PAIRS = 16, 4
"""What sampled reasons are compared with: so many rows, so many orders of the columns for each (with their reverse)."""


def fill(name: str, words: Mapping[str, str]) -> str:
    """Return a text with `<word>` replaced."""
    text = (TEXTS / name).read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"<{word}>", value)
    return text


def store_artifact(folder: Path, slug: str, brought: Brought, *, content: bytes, sample_sha256: str) -> None:
    """Write the engine's file and its manifest; needs the recipe to be there, which the manifest names."""
    package = slug.replace("-", "_")
    artifact = folder / "src" / package / "artifact"
    artifact.mkdir(parents=True)
    files = {f"model{SUFFIXES[brought.engine]}": content}
    if brought.engine == "onnx":
        files[BACKGROUND_FILE] = background_of(brought)
    for name, written in files.items():
        (artifact / name).write_bytes(written)
    recipe = folder / "training" / "recipe.py"
    manifest = {
        "format": 1,
        "model": slug,
        "version": "1.0.0",
        "engine": brought.engine,
        "engine_version": brought.engine_version,
        "files": {name: sha256_hex(written) for name, written in files.items()},
        "columns": [field.name for field in brought.fields],
        "output": brought.output,
        "calibration": {"slope": brought.slope, "intercept": brought.intercept},
        "metrics": {"sample": dict(brought.quality)},
        "recipe": {
            "path": f"functions/models/{package}/training/recipe.py",
            "sha256": sha256_hex(recipe.read_bytes()),
            "commit": None,
        },
        "data_sha256": sample_sha256,
        "trained_with": dict(brought.trained_with),
    }
    (artifact / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def background_of(brought: Brought) -> bytes:
    """Return the rows that sampled reasons compare with: each column drawn from the sample by itself.

    So the rows are of the sample's population, column by column, and none of them is anybody's.
    """
    draw = Random(0)  # noqa: S311 - no secret: the same sample gives the same bytes
    columns = [[_coded(field, draw.choice(brought.rows)[field.name]) for _ in range(ROWS)] for field in brought.fields]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return json.dumps({"format": BACKGROUND_FORMAT, "pairs": PAIRS, "rows": rows}).encode()


def _coded(field: BroughtField, value: object) -> float | None:
    """Return a value as the engine's column has it, numbers with four digits; null is missing."""
    if value is None:
        return None
    return float(field.values.index(str(value))) if field.values else float(f"{float(str(value * 1)):.4g}")  # type: ignore[operator]


def record_of(brought: Brought, source: Mapping[str, object], fidelity: Fidelity, speed: Speed) -> dict[str, object]:
    """Return what is kept of how the model came: digests and measurements, and not one row of the sample."""
    return {
        "format": 1,
        **source,
        "engine": brought.engine,
        "output": brought.output,
        "steps": brought.steps,
        "notes": list(brought.notes),
        "sample_rows": brought.sampled,
        "columns": {field.column: field.name for field in brought.fields},
        "fidelity": {**asdict(fidelity), "tolerance": TOLERANCE},
        "speed": asdict(speed),
    }


def card_text(contract: ModelContract, brought: Brought, record: Mapping[str, object], *, accepted: bool) -> str:
    """Return the model card, with what is known filled in and what is not marked."""
    fidelity, speed = record["fidelity"], record["speed"]
    assert isinstance(fidelity, dict)
    assert isinstance(speed, dict)
    quality = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in brought.quality.items())
    rows = [
        f"| {field.name} | {field.column} | {field.kind} | {'yes' if field.missing else 'no'} |"
        for field in brought.fields
    ]
    compared = f"{fidelity['rows']} of the sample's {brought.sampled} rows"
    difference = f"{fidelity['largest']:.2g}, and {fidelity['flips']} of {fidelity['rows']} predictions flip"
    return fill(
        "card.md",
        {
            "title": contract.title,
            "slug": contract.slug,
            "version": contract.version,
            "engine": f"{brought.engine} {brought.engine_version}",
            "steps": brought.steps.replace("|", "/"),
            "trained_with": ", ".join(f"{name} {version}" for name, version in brought.trained_with.items()),
            "notes": "; ".join(brought.notes) or "none",
            "fields": "\n".join(rows),
            "quality": quality or "none, since the sample had no target, or labels that the model does not know",
            "compared": compared,
            "difference": difference + (" (accepted with --accept-difference)" if accepted else ""),
            "cold": f"{speed['cold_milliseconds']} ms, {speed['cold_ratio']} x (bar: {COLD_BARS[brought.engine]} x)",
            "warm": f"{speed['warm_milliseconds']} ms",
            "load": f"load average {speed['load']} on {speed['processors']} processors",
            "to_write": TO_WRITE,
        },
    )
