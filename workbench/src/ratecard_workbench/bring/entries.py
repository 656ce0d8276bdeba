"""Putting a model's folder into the platform and taking it out: template, rate card and the files made from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ratecard.billing.plans import Operation, PriceBook, UnknownPriceError
from ratecard.billing.pricebook import parse_price_book
from ratecard.contract import ModelContract
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard_workbench.bring.tree import change_tree
from ratecard_workbench.publish.catalogue import load_contract
from ratecard_workbench.publish.entry import (
    EntryError,
    ModelEntry,
    StartingPrices,
    append_prices,
    has_entry,
    insert_entry,
    package_of,
    remove_entry,
    remove_overrides,
    remove_prices,
)
from ratecard_workbench.publish.generate import RATE_CARD, generated_texts

TEMPLATE = "template.yaml"
SAMCONFIG = "samconfig.toml"
MODELS = Path("functions") / "models"
UNLINKED = ("functions", str(MODELS), "infra", "build")
"""Folders of the project that a shadow of it has for itself."""


class UnknownModelError(RatecardError):
    """There is no such model in the project."""

    code = "unknown_model"
    kind = ErrorKind.NOT_FOUND


class SlugTakenError(RatecardError):
    """A model of this name is there already."""

    code = "slug_taken"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Written:
    """What a change of the project wrote, moved or took away, by path under its folder."""

    paths: tuple[str, ...]


def publish_model(root: Path, staging: Path, contract: ModelContract, prices: StartingPrices) -> Written:
    """Write template entry, prices and generated files of a model; its folder may still lie in `staging`.

    Prices that the rate card already has for the model stay as they are.

    Raises
    ------
    SlugTakenError
        If the template has the model already.
    EntryError
        If the template has no room for it.
    """
    slug, package = contract.slug, package_of(contract.slug)
    template = (root / TEMPLATE).read_text(encoding="utf-8")
    if has_entry(template, slug):
        raise SlugTakenError(f"{slug} is in {TEMPLATE} already")
    rate_card = (root / RATE_CARD).read_text(encoding="utf-8")
    if not any(price.model == slug for price in parse_price_book(rate_card).prices):
        rate_card = append_prices(rate_card, slug, prices)
    entry = entry_of(contract, parse_price_book(rate_card))
    sources = {RATE_CARD: rate_card, TEMPLATE: insert_entry(template, entry)}
    staged = staging / package
    return _change(root, staging, sources, {staged: root / MODELS / package} if staged.is_dir() else {})


def withdraw_model(root: Path, staging: Path, slug: str, *, with_prices: bool) -> Written:
    """Take a model out: its folder (to `staging`, which is emptied), template entry, values for its parameters.

    Raises
    ------
    UnknownModelError
        If neither the template nor functions/models has it.
    EntryError
        If something else in the template refers to it.
    """
    template = (root / TEMPLATE).read_text(encoding="utf-8")
    folder = root / MODELS / package_of(slug)
    if not has_entry(template, slug) and not folder.is_dir():
        raise UnknownModelError(f"there is no model {slug}")
    sources = {}
    if with_prices:
        sources[RATE_CARD] = remove_prices((root / RATE_CARD).read_text(encoding="utf-8"), slug)
    if (root / SAMCONFIG).is_file():
        sources[SAMCONFIG] = remove_overrides((root / SAMCONFIG).read_text(encoding="utf-8"), slug)
    sources[TEMPLATE] = remove_entry(template, slug) if has_entry(template, slug) else template
    return _change(root, staging, sources, {folder: staging / folder.name} if folder.is_dir() else {})


def entry_of(contract: ModelContract, book: PriceBook) -> ModelEntry:
    """Return what the template says of a model, with the prices of today or the first ones to come.

    Raises
    ------
    UnknownPriceError
        If a file's rows have no price.
    """
    return ModelEntry(
        slug=contract.slug,
        version=contract.version,
        batch_price=price_text(book, contract.slug, Operation.BATCH),
        batch_explain_price=price_text(book, contract.slug, Operation.BATCH_EXPLAIN),
    )


def price_text(book: PriceBook, slug: str, operation: Operation) -> str:
    """Return a price as the batch function is told it, for example `0.0005 USD`."""
    now = datetime.now(UTC)
    try:
        price = book.get_price(slug, operation, now)
    except UnknownPriceError:
        offered = [one for one in book.prices if (one.model, one.operation, one.plan) == (slug, operation, None)]
        if not offered:
            raise
        price = min(offered, key=lambda one: one.effective_on)
    return f"{price.unit_price:f} {book.currency}"


def _change(root: Path, staging: Path, sources: dict[str, str], moves: dict[Path, Path]) -> Written:
    """Change sources and what is made from them, the template last, so that no reader meets a half-made model."""
    derived = _derived_texts(root, staging / "project", sources, moves)
    texts = {path: text for path, text in {**derived, **sources}.items() if _differs(root / path, text)}
    by_path = {str(source.relative_to(root)): str(target.relative_to(root)) for source, target in moves.items()}
    change_tree(root, by_path, texts)
    folders = [str(path.relative_to(root)) for path in (*moves, *moves.values()) if path.parent == root / MODELS]
    return Written((*texts, *folders))


def _derived_texts(root: Path, shadow: Path, sources: dict[str, str], moves: dict[Path, Path]) -> dict[str, str]:
    """Generate in a shadow of the project: the new sources, and links to everything else."""
    places = {target: source for source, target in moves.items() if target.parent == root / MODELS}
    kept = [folder for folder in (root / MODELS).iterdir() if folder not in moves]
    links = places | {folder: folder for folder in kept}
    for folder in (root / "functions", root / "infra", root):
        links |= {one: one for one in folder.iterdir() if str(one.relative_to(root)) not in (*sources, *UNLINKED)}
    for target, source in links.items():
        link = shadow / target.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
    for path, text in sources.items():
        (shadow / path).write_text(text, encoding="utf-8")
    try:
        return generated_texts(shadow)
    except ValueError as error:  # a project without models has no gateway to generate
        raise EntryError(str(error)) from error


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


def load_own_contract(root: Path, slug: str) -> ModelContract:
    """Read the contract of a model whose folder is in the project.

    Raises
    ------
    UnknownModelError
        If there is no such folder with a contract in it.
    """
    package = package_of(slug)
    source = root / MODELS / package / "src"
    if not (source / package / "contract.py").is_file():
        raise UnknownModelError(f"there is no {MODELS / package}/src/{package}/contract.py")
    contract = load_contract(source, package)
    if contract.slug != slug:
        raise UnknownModelError(f"the contract of {package} is that of {contract.slug}")
    return contract
