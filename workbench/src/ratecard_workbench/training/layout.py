"""The model card's layout: one order of sections for every model, after what a model-risk inventory asks for.

The model's own sentences lie in `training/card.md`: first `Owner: ...`, `Tier: ...`, `Status: ...`, `Review: ...`, then
sections under `## headings`. A section's tables and figures stand where its text says `$tables`, else at its end. Other
gaps are filled from the study and from the recipe; a gap that is not filled, a missing section and a section that the
layout does not know stop the recipe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from ratecard.contract import ModelContract
from ratecard_workbench.training.blocks import (
    write_alternatives,
    write_budgets,
    write_costs,
    write_data,
    write_decisions,
    write_discrimination,
    write_fairness,
    write_published,
    write_segments,
    write_stability,
)
from ratecard_workbench.training.card import format_interval, format_share
from ratecard_workbench.training.catalogue import DataSet
from ratecard_workbench.training.grades import is_strictly_ordered
from ratecard_workbench.training.learner import Model
from ratecard_workbench.training.study import Measured, Study

REQUIRED = ("Purpose", "Data", "Inputs", "Method", "Decision", "Reasons and advice", "Fairness", "Limits")
"""Sections that only the model's owner can write; governance asks for each of them."""

ORDER = (
    "Purpose",
    "Data",
    "Inputs",
    "Method",
    "How many trees",
    "Discrimination and calibration",
    "Published scores",
    "Alternatives, on the same folds",
    "Decision",
    "Cost of errors",
    "Segments",
    "Reasons and advice",
    "Fairness",
    "Stability and monitoring",
    "Limits",
    "How to reproduce",
)
HEAD = ("Owner", "Tier", "Status", "Review", "Artifact")


class ReportError(RuntimeError):
    """The measurements contradict what the contract promises, or the card's text does not fit the layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """What a model brings to its card.

    Attributes
    ----------
    path : Path
        Its `card.md`.
    data_sets : sequence of (DataSet, tuple of str)
        With those of their files that the model was trained on; empty for data of the project's own simulator.
    values : mapping of str to str
        Fills gaps of the text beside those that `list_values` fills.
    """

    path: Path
    data_sets: Sequence[tuple[DataSet, tuple[str, ...]]]
    values: Mapping[str, str] = field(default_factory=dict)


def render_card(study: Study[Model], measured: Measured, contract: ModelContract, text: CardText) -> str:
    """Return the whole card of a model of one event.

    Raises
    ------
    ReportError
        If the contract's grades do not have strictly ordered event rates, or a section is missing or unknown.
    KeyError
        If the text has a gap that nothing fills.
    """
    if measured.grades and not is_strictly_ordered(measured.grades):
        raise ReportError("the event rates of the contract's grades are not strictly ordered: move their floors")
    tables = {
        "Data": write_data(text.data_sets),
        "How many trees": write_budgets(study),
        "Discrimination and calibration": write_discrimination(study, measured),
        "Published scores": write_published(study, measured),
        "Alternatives, on the same folds": write_alternatives(study),
        "Decision": write_decisions(study, measured),
        "Cost of errors": write_costs(study, measured),
        "Segments": write_segments(measured),
        "Fairness": write_fairness(study, measured),
        "Stability and monitoring": write_stability(study),
    }
    return compose_card(contract, text.path, tables, {**list_values(study, measured, contract), **text.values})


def compose_card(contract: ModelContract, path: Path, tables: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Put a card together from a model's own sentences and from tables, by section.

    Parameters
    ----------
    contract : ModelContract
        Gives title, slug and version.
    path : Path
        The model's `card.md`.
    tables : mapping of str to str
        What was measured, as Markdown by section; empty where a section has none.
    values : mapping of str to str
        Fills the gaps.
    """
    head, own = split_text(path.read_text(encoding="utf-8"))
    own.setdefault("How to reproduce", _reproduce(contract))
    _check(head, own)
    sections = [
        f"# Model card: {contract.title} ({contract.slug} {contract.version})",
        "Written by `training/recipe.py`; edit `training/card.md`, not this file. Intervals are at 95 %.",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {head[name]} |" for name in HEAD)]),
    ]
    filled = {**values, "title": contract.title, "slug": contract.slug, "version": contract.version}
    for name in ORDER:
        body = _place(own.get(name, ""), tables.get(name, ""))
        if body:
            sections += [f"## {name}", body]
    return Template("\n\n".join(sections)).substitute(filled).rstrip() + "\n"


def list_values(study: Study[Model], measured: Measured, contract: ModelContract) -> dict[str, str]:
    """Return what fills the gaps that every card may have."""
    split, calibration = study.trained.split, study.trained.calibration
    auc = measured.cross_validated_auc or measured.pooled_auc
    return {
        "columns": str(len(contract.columns)),
        "rows": f"{len(study.population):,}",
        "development": f"{split.train.size:,}",
        "holdout": f"{split.test.size:,}",
        "event_rate": format_share(float(study.population.events.mean())),
        "slope": f"{calibration.slope:.4f}",
        "intercept": f"{calibration.intercept:.4f}",
        "protocol": study.protocol.about,
        "auc": format_interval(auc, 4),
    }


def split_text(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the head's lines and the sections of a `card.md`, by name."""
    first, *sections = text.split("\n## ")
    head = dict(line.split(": ", 1) for line in first.strip().splitlines() if ": " in line)
    named = (section.split("\n", 1) for section in sections)
    return head, {name.strip(): "".join(body).strip() for name, *body in named}


def _check(head: Mapping[str, str], own: Mapping[str, str]) -> None:
    if missing := [name for name in HEAD if name not in head] + [name for name in REQUIRED if not own.get(name)]:
        raise ReportError(f"card.md lacks: {', '.join(missing)}")
    if unknown := [name for name in own if name not in ORDER]:
        raise ReportError(f"card.md has sections the layout does not know: {', '.join(unknown)}")


def _place(own: str, tables: str) -> str:
    # What was measured has no gaps; a dollar sign in it is one.
    tables = tables.replace("$", "$$")
    if "$tables" in own:
        return own.replace("$tables", tables)
    return "\n\n".join(part for part in (own, tables) if part)


def _reproduce(contract: ModelContract) -> str:
    folder = contract.slug.replace("-", "_")
    return (
        f"`make train`, or `python functions/models/{folder}/training/recipe.py`; all figures above are in "
        "`training/measured.json`."
    )
