"""`ratecard new`: from a model file and a sample to a staged folder that runs, and from there into the project."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ratecard.contract import ModelContract
from ratecard.engines.manifest import SUFFIXES, VALUE
from ratecard_workbench.bring.brought import Brought, parse_brought
from ratecard_workbench.bring.entries import MODELS, TEMPLATE, SlugTakenError, Written, publish_model
from ratecard_workbench.bring.fidelity import Fidelity, compare_answers
from ratecard_workbench.bring.folder import RECORD, card_text, fill, record_of, store_artifact
from ratecard_workbench.bring.formats import find_model_file
from ratecard_workbench.bring.jail import BringError, read_plain_file, run_fenced
from ratecard_workbench.bring.names import check_slug, name_of
from ratecard_workbench.bring.refusals import Refused
from ratecard_workbench.bring.sources import contract_text, decision_text, handler_text, output_lines
from ratecard_workbench.bring.trial import Speed, measure_speed, native_folder, run_program
from ratecard_workbench.publish.catalogue import load_contract
from ratecard_workbench.publish.entry import StartingPrices, has_entry, package_of
from ratecard_workbench.publish.events import REPLY, json_text, sample_events
from ratecard_workbench.publish.seal import UNZIPPED_BUDGET_BYTES, ZIP_BUDGET_BYTES, size_of, zip_size_of

MAKEFILE = "include $(dir $(lastword $(MAKEFILE_LIST)))../../model.mk\n"
SUSPECTS = {
    "CalibratedClassifierCV": "a calibration by steps (isotonic) is lowered wrongly, by a sigmoid it is not",
    "KNNImputer": "a KNNImputer is lowered only nearly; a SimpleImputer is lowered exactly",
    "IterativeImputer": "an IterativeImputer is lowered only nearly; a SimpleImputer is lowered exactly",
}
"""Steps that are known to be lowered wrongly, and what is not."""

READING_PACKAGES = ("pandas", "sklearn", "skl2onnx", "onnxruntime", "lightgbm", "xgboost", "skops")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for.

    Attributes
    ----------
    slug, title : str
        Names for programs and for people.
    model, data : Path
        The model's file or MLflow directory, and the sample.
    target : str or None
        The sample's column that is predicted.
    trust_pickle, accept_difference : bool
        What they answer for.
    prices : StartingPrices
        What a row costs.
    """

    slug: str
    title: str
    model: Path
    data: Path
    target: str | None
    trust_pickle: bool
    accept_difference: bool
    prices: StartingPrices


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    written: Written
    fidelity: Fidelity
    speed: Speed
    brought: Brought


def bring_model(root: Path, staging: Path, wish: Wish) -> Outcome:
    """Read, lower, try and publish a model; needs the `staging_area`.

    Raises
    ------
    BringError
        If the model or the sample cannot be brought; nothing is written.
    SlugTakenError
        If there is such a model already.
    """
    check_slug(wish.slug)
    package = package_of(wish.slug)
    template = (root / TEMPLATE).read_text(encoding="utf-8")
    if (root / MODELS / package).exists() or has_entry(template, wish.slug):
        raise SlugTakenError(f"there is a model {wish.slug} already; `ratecard remove {wish.slug}` takes it out")
    native_folder(root)
    brought, content = read_brought(staging / "reader", wish)
    folder = staging / package
    write_sources(folder, wish, brought)
    sample_sha256 = digest_of(wish.data)
    store_artifact(folder, wish.slug, brought, content=content, sample_sha256=sample_sha256)
    source = folder / "src"
    refuse_weight(source)
    contract = load_contract(source, package)
    fidelity = try_fidelity(root, source, wish, brought)
    events = sample_events(contract)
    speed = measure_speed(root, source, package, events["rest_row"])
    write_events(root, folder, package, events)
    write_record(folder, wish, brought=brought, contract=contract, measured=(fidelity, speed))
    return Outcome(publish_model(root, staging, contract, wish.prices), fidelity, speed, brought)


def read_brought(work: Path, wish: Wish) -> tuple[Brought, bytes]:
    """Have the fenced process open and lower the model.

    Raises
    ------
    BringError
        If it refuses, or if the file is a pickle and nobody vouches for it.
    """
    missing = [name for name in READING_PACKAGES if find_spec(name) is None]
    if missing:
        raise BringError(f"bringing a model needs {missing[0]}, which `make setup` installs")
    try:
        file = find_model_file(wish.model)
    except Refused as refused:
        raise BringError(refused.detail) from refused
    if file.runs_code and not wish.trust_pickle:
        raise BringError(
            f"{file.path.name} is a pickle: opening it runs whatever its maker put in. If you know who made it and how "
            "it came here, say --trust-pickle; it is then opened in a process without network, secrets or your files. "
            "skops files need no such word"
        )
    work.mkdir()
    # Under their own names, which messages tell, in folders of their own.
    model, sample = Path("model") / wish.model.name, Path("data") / wish.data.name
    for folder in (model.parent, sample.parent):
        (work / folder).mkdir()
    (shutil.copytree if wish.model.is_dir() else shutil.copyfile)(wish.model, work / model)
    shutil.copyfile(wish.data, work / sample)
    request = {"model": str(model), "sample": str(sample), "target": wish.target, "trust_pickle": wish.trust_pickle}
    brought = parse_brought(run_fenced("reader", work, request))
    return brought, read_plain_file(work / f"model{SUFFIXES[brought.engine]}.lowered")


def digest_of(path: Path) -> str:
    """Return a file's SHA-256, whatever its size."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def write_sources(folder: Path, wish: Wish, brought: Brought) -> None:
    """Write the Python files, and the recipe that says where the model came from."""
    package = package_of(wish.slug)
    own = folder / "src" / package
    own.mkdir(parents=True)
    (folder / "training").mkdir()
    outputs = output_lines(brought, name_of(wish.target, brought), span_of(brought))
    texts = {
        folder / "src" / "Makefile": MAKEFILE,
        own / "__init__.py": f'"""The {wish.slug} model, brought with `ratecard new`."""\n',
        own / "contract.py": contract_text(brought, wish.slug, wish.title, outputs),
        own / "decision.py": decision_text(brought, wish.slug),
        own / "handler.py": handler_text(wish.slug),
        folder / "training" / "recipe.py": fill("recipe.py.txt", {"slug": wish.slug, "package": package}),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


def span_of(brought: Brought) -> tuple[float, float]:
    """Return the range a value is published with: the sample's answers, and their range again on both sides."""
    if brought.output != VALUE:
        return (0.0, 1.0)
    low, high = min(brought.reference), max(brought.reference)
    reach = (high - low) or max(abs(high), 1.0)
    return float(f"{low - reach:.3g}"), float(f"{high + reach:.3g}")


def refuse_weight(source: Path) -> None:
    """Refuse a model that is too heavy to be deployed.

    Raises
    ------
    BringError
        If it is above the budget, zipped or not.
    """
    weights = {"zipped": (zip_size_of(source), ZIP_BUDGET_BYTES), "unzipped": (size_of(source), UNZIPPED_BUDGET_BYTES)}
    for how, (size, budget) in weights.items():
        if size > budget:
            raise BringError(
                f"the lowered model has {size / 1e6:.1f} MB {how}, and {budget / 1e6:.0f} MB can be deployed: "
                "train it with fewer or shallower trees, or fewer support vectors"
            )


def try_fidelity(root: Path, source: Path, wish: Wish, brought: Brought) -> Fidelity:
    """Answer the sample with the staged model and compare.

    Raises
    ------
    BringError
        If the contract refuses rows of the sample, or the answers differ and nobody accepted that.
    """
    answer = run_program(root, source, {"task": "rows", "package": package_of(wish.slug), "rows": brought.rows})
    if answer["refused"]:
        first = answer["refused"][0]
        raise BringError(f"the inferred contract refuses row {first['row']} of the sample at {first['pointer']}")
    if answer["heavy"]:
        raise BringError(f"the staged model imports {answer['heavy'][0]}, which is not deployed")
    fidelity = compare_answers(brought.output, answer["scored"], brought.reference)
    if not fidelity.holds and not wish.accept_difference:
        raise BringError(
            f"the lowered model does not answer like the trained one: {fidelity.sentence()}. {suspicion(brought.steps)}"
            ". To take it as it is, say --accept-difference"
        )
    return fidelity


def suspicion(steps: str) -> str:
    """Say which of a pipeline's steps is likely to be lowered wrongly."""
    known = [said for name, said in SUSPECTS.items() if name in steps.split(" > ")]
    if known:
        return f"Of its steps, {'; '.join(known)}"
    return f"Take one of its steps ({steps}) after another out to find the one that is lowered wrongly"


def write_events(root: Path, folder: Path, package: str, events: dict[str, dict[str, Any]]) -> None:
    """Write sample events, each beside the reply of the staged model."""
    replies = run_program(root, folder / "src", {"task": "events", "package": package, "events": events})
    (folder / "events").mkdir()
    for name, event in events.items():
        (folder / "events" / f"{name}.json").write_text(json_text(event), encoding="utf-8")
        (folder / "events" / f"{name}{REPLY}").write_text(json_text(replies[name]), encoding="utf-8")


def write_record(
    folder: Path, wish: Wish, *, brought: Brought, contract: ModelContract, measured: tuple[Fidelity, Speed]
) -> None:
    """Write the record of how the model came, and its card."""
    fidelity, speed = measured
    file = find_model_file(wish.model).path
    source = {
        "model_file": file.name,
        "model_sha256": digest_of(file),
        "sample_sha256": digest_of(wish.data),
        "target": wish.target,
        "python": ".".join(map(str, sys.version_info[:2])),
    }
    record = record_of(brought, source, fidelity, speed)
    (folder / "training" / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(
        card_text(contract, brought, record, accepted=not fidelity.holds), encoding="utf-8"
    )
