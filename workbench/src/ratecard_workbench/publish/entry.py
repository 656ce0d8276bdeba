"""A model's entry in template.yaml and its prices in the rate card: one writer, so that all models are deployed alike.

Each text under `entry_texts/` is one part of the entry, with `<slug>`, `<package>`, `<Stem>` and a few more in it. They
are put in and taken out as text: whatever else stands in the two files keeps its comments and its order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard_workbench.publish.blocks import Lines, insert_block, remove_blocks

TEXTS = Path(__file__).parent / "entry_texts"

RULE_WIDTH = 119
"""Columns of a heading in the template."""

PLACES = (
    ("parameters.yaml", "Parameters:", "  KeylessRate:", None),
    ("conditions.yaml", "Conditions:", "  HasAlarmEmail:", None),
    ("online.yaml", "Resources:", "  # -- the gateway ", "online"),
    ("batch.yaml", "Resources:", "  # -- the gateway ", "files in S3"),
    ("methods.yaml", "      MethodSettings:", None, None),
    ("models.yaml", "          - # the models that take files", None, None),
)
"""Text -> section it goes to, the line it goes before if that is there (else to the section's end), and its heading."""

OPERATIONS = {
    "predict": Decimal(1),
    "explain": Decimal(2),
    "batch": Decimal("0.25"),
    "batch_explain": Decimal("0.5"),
}
"""What is sold of every model -> price of a row, as a share of an online row's, where nobody says otherwise."""


class EntryError(RatecardError):
    """The template has no room for this model's entry, or cannot do without it."""

    code = "invalid_entry"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """What is different between the entries of two models.

    Attributes
    ----------
    slug : str
        The model's name in URLs.
    version : str
        Its version, for the routes that name one.
    batch_price, batch_explain_price : str
        Prices of one row of a file with their currency, for example `0.0005 USD`.
    """

    slug: str
    version: str
    batch_price: str
    batch_explain_price: str

    def write_text(self, name: str, heading: str | None) -> str:
        """Return one part of the entry."""
        text = (TEXTS / name).read_text(encoding="utf-8")
        words = {
            "slug": self.slug,
            "package": package_of(self.slug),
            "Stem": stem_of(self.slug),
            "version": self.version,
            "batch_price": self.batch_price,
            "batch_explain_price": self.batch_explain_price,
        }
        for word, value in words.items():
            text = text.replace(f"<{word}>", value)
        return text if heading is None else f"{heading_of(self.slug, heading)}\n{text}\n"


def package_of(slug: str) -> str:
    """Return the folder and package of a model: `credit_rating` of `credit-rating`."""
    return slug.replace("-", "_")


def stem_of(slug: str) -> str:
    """Return what the ids of a model's resources start with: `CreditRating` of `credit-rating`."""
    return "".join(word.capitalize() for word in slug.split("-"))


def heading_of(slug: str, part: str) -> str:
    """Return the comment above one part of a model's resources."""
    return f"  # -- {slug}: {part} ".ljust(RULE_WIDTH, "-")


def insert_entry(template: str, entry: ModelEntry) -> str:
    """Put a model's entry into the template's text.

    Raises
    ------
    EntryError
        If a name of the entry is taken, or the template lacks a section it goes to.
    """
    taken = set(names_in(template)) & set(entry_names(entry.slug))
    if taken:
        raise EntryError(f"template.yaml already has {min(taken)}; choose another slug than {entry.slug}")
    lines = template.splitlines(keepends=True)
    for name, section, before, heading in PLACES:
        block = entry.write_text(name, heading).splitlines(keepends=True)
        try:
            lines = insert_block(lines, section, block, before)
        except LookupError as error:
            raise EntryError(f"template.yaml has no section {error.args[0]} to write the model's entry to") from None
    return "".join(lines)


def remove_entry(template: str, slug: str) -> str:
    """Take a model's entry out of the template's text, also where somebody has changed it.

    Raises
    ------
    EntryError
        If there is none, or something that stays refers to it.
    """
    names = entry_names(slug)
    if not has_entry(template, slug):
        raise EntryError(f"template.yaml has no entry of {slug}")
    firsts = {f"  {name}:" for name in names}
    route = re.compile(rf"\s*- ResourcePath: /~1v\d+~1models~1{re.escape(slug)}~1")
    headings = {f"{heading_of(slug, heading)}\n" for *_, heading in PLACES if heading is not None}
    whole = headings | {(TEXTS / "models.yaml").read_text(encoding="utf-8").replace("<slug>", slug)}
    lines: Lines = remove_blocks(
        template.splitlines(keepends=True),
        lambda line: line.split(":")[0] + ":" in firsts or line in whole or route.match(line) is not None,
    )
    for number, line in enumerate(lines, 1):
        if left := set(re.findall(r"\w+", line.split(" #")[0])) & set(names):
            raise EntryError(f"template.yaml refers to {min(left)} elsewhere, at line {number} without the entry")
    return "".join(lines)


def has_entry(template: str, slug: str) -> bool:
    """Say whether the template has a model's online function; a service of the platform is none."""
    return f"      Handler: {package_of(slug)}.handler.lambda_handler\n" in template


def find_changed_parts(template: str, entry: ModelEntry) -> list[str]:
    """Return which parts of a model's entry are not as the writer writes them."""
    parts = {name: entry.write_text(name, heading).strip("\n") for name, _, _, heading in PLACES}
    # Between line ends: the line of `credit` is no part of that of `credit-rating`.
    return [name for name, text in parts.items() if f"\n{text}\n" not in f"\n{template}\n"]


def names_in(text: str) -> list[str]:
    """Return the names of parameters, conditions and resources in a template's text or in a part of one."""
    return re.findall(r"^  (\w+):", text, re.MULTILINE)


def entry_names(slug: str) -> list[str]:
    """Return the names of everything in a model's entry."""
    entry = ModelEntry(slug, "0.0.0", "0 USD", "0 USD")
    return [found for name, *_ in PLACES for found in names_in(entry.write_text(name, None))]


def remove_overrides(samconfig: str, slug: str) -> str:
    """Take values for a removed model's parameters out of the text of samconfig.toml."""
    names = "|".join(names_in(ModelEntry(slug, "", "", "").write_text("parameters.yaml", None)))
    return re.sub(rf'\s*"(?:{names})=[^"]*",?', "", samconfig)


@dataclass(frozen=True, slots=True)
class StartingPrices:
    """What a row of a new model costs, from a day on.

    Attributes
    ----------
    unit : Decimal
        Price of one online row, above 0; those of other operations follow by `OPERATIONS`.
    effective_on : date
        First day, UTC.
    """

    unit: Decimal
    effective_on: date

    def of(self, operation: str) -> str:
        """Return an operation's price as the rate card writes it, without trailing zeros."""
        return f"{(self.unit * OPERATIONS[operation]).normalize():f}"


def append_prices(rate_card: str, slug: str, prices: StartingPrices) -> str:
    """Put a model's prices at the end of the text of infra/ratecard.toml."""
    part = (TEXTS / "prices.toml").read_text(encoding="utf-8")
    parts = []
    for operation in OPERATIONS:
        words = {"slug": slug, "operation": operation, "day": str(prices.effective_on), "price": prices.of(operation)}
        text = part
        for word, value in words.items():
            text = text.replace(f"<{word}>", value)
        parts.append(text)
    return "\n".join([rate_card.rstrip("\n") + "\n", *parts])


def remove_prices(rate_card: str, slug: str) -> str:
    """Take all prices of a model out of the text of the rate card."""
    tables = re.split(r"(?m)^(?=\[\[)", rate_card)
    kept = [one for one in tables if not (one.startswith("[[prices]]") and re.search(rf'(?m)^model = "{slug}"', one))]
    return "".join(kept).rstrip("\n") + "\n"
