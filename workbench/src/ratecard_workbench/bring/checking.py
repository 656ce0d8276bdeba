"""`ratecard check`: what a model still lacks, or what no longer fits together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ratecard.billing.plans import Operation, PriceBook
from ratecard.billing.pricebook import load_price_book
from ratecard.engines.manifest import load_manifest
from ratecard.kernel.errors import ArtifactError, ErrorKind, RatecardError
from ratecard_workbench.bring.entries import MODELS, UnknownModelError, entry_of, load_own_contract
from ratecard_workbench.bring.folder import TO_WRITE
from ratecard_workbench.bring.jail import BringError
from ratecard_workbench.bring.sources import EXCUSE, MARK
from ratecard_workbench.bring.trial import run_program
from ratecard_workbench.publish.entry import find_changed_parts, has_entry, package_of
from ratecard_workbench.publish.events import REPLY, json_text, sample_events
from ratecard_workbench.publish.generate import RATE_CARD

PARTS = ("MODEL_CARD.md", "training/recipe.py", "src/Makefile")


class UnfinishedError(RatecardError):
    """A model lacks something."""

    code = "unfinished_model"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing to do.

    Attributes
    ----------
    slug : str
        The model.
    place : str
        File, with the line where there is one.
    detail : str
        What is wrong, and what to do where that is not plain.
    """

    slug: str
    place: str
    detail: str


def published_slugs(root: Path) -> list[str]:
    """Return the slugs of all models that have a folder."""
    folders = sorted(path for path in (root / MODELS).iterdir() if (path / "src" / path.name).is_dir())
    return [folder.name.replace("_", "-") for folder in folders]


def find_missing(root: Path, slug: str) -> list[Missing]:
    """Look a model over.

    Raises
    ------
    UnknownModelError
        If there is no folder of it.
    """
    folder = root / MODELS / package_of(slug)
    if not folder.is_dir():
        raise UnknownModelError(f"there is no folder {MODELS / package_of(slug)}")
    found = [(part, "the file is missing") for part in PARTS if not (folder / part).is_file()]
    found += find_marks(folder)
    found += find_artifact_faults(root, slug)
    found += find_entry_faults(root, slug)
    return [Missing(slug, place, detail) for place, detail in found]


def find_marks(folder: Path) -> list[tuple[str, str]]:
    """Return what `ratecard new` inferred or left open and nobody has confirmed."""
    found = []
    for path in (*sorted((folder / "src").glob("*/*.py")), folder / "MODEL_CARD.md"):
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        for number, line in enumerate(lines, 1):
            place = f"{path.relative_to(folder)}:{number}"
            if f"  {MARK}" in line:
                said, _, why = line.replace(EXCUSE, "").strip().partition(MARK)
                found.append((place, f"inferred, not confirmed: {said.strip()} {why.strip(': ')}".strip()))
            elif TO_WRITE in line and "lists the marks" not in line:
                found.append((place, f"to be written: {line.replace(TO_WRITE, '').strip(' |')}"))
    return found


def find_artifact_faults(root: Path, slug: str) -> list[tuple[str, str]]:
    """Return where artifact, contract and events do not fit together: the model is started and asked."""
    package = package_of(slug)
    folder = root / MODELS / package
    artifact = f"src/{package}/artifact"
    try:
        manifest = load_manifest(folder / artifact)
        contract = load_own_contract(root, slug)
    except (ArtifactError, UnknownModelError) as error:
        return [(artifact, error.detail)]
    except Exception as error:
        # A contract that somebody is editing can fail in any way that Python can.
        return [(f"src/{package}/contract.py", f"it cannot be imported: {type(error).__name__}: {error}")]
    if manifest.columns != contract.columns:
        return [(artifact, "the artifact's columns are not the contract's, or in another order")]
    events = sample_events(contract)
    try:
        replies = run_program(root, folder / "src", {"task": "events", "package": package, "events": events})
    except BringError as error:
        return [(f"src/{package}", error.detail)]
    texts = {f"{name}.json": json_text(event) for name, event in events.items()}
    texts |= {f"{name}{REPLY}": json_text(reply) for name, reply in replies.items()}
    stale = [name for name, text in texts.items() if not _holds(folder / "events" / name, text)]
    return [(f"events/{name}", "not what the model answers today; run `ratecard events`") for name in stale]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def find_entry_faults(root: Path, slug: str) -> list[tuple[str, str]]:
    """Return what template and rate card lack of a model."""
    book = load_price_book(root / RATE_CARD)
    unpriced = [operation.value for operation in Operation if not _has_price(book, slug, operation)]
    if unpriced:
        return [(RATE_CARD, f"no price for {', '.join(unpriced)}: its calls could not be invoiced")]
    template = (root / "template.yaml").read_text(encoding="utf-8")
    if not has_entry(template, slug):
        return [("template.yaml", f"no entry; run `ratecard new {slug} --entry-only`")]
    try:
        entry = entry_of(load_own_contract(root, slug), book)
    except UnknownModelError:
        return []
    parts = find_changed_parts(template, entry)
    return [("template.yaml", f"{part} is not as the writer writes it for version {entry.version}") for part in parts]


def _has_price(book: PriceBook, slug: str, operation: Operation) -> bool:
    return book.find_price(slug, operation, datetime.now(UTC)) is not None
