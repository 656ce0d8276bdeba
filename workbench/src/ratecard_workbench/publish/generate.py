"""All generated files of the project, in one place: what they hold, and whether they are up to date."""

from __future__ import annotations

from pathlib import Path

from ratecard.billing.pricebook import load_price_book
from ratecard_workbench.publish.catalogue import load_models
from ratecard_workbench.publish.files import is_current, store_text, yaml_text
from ratecard_workbench.publish.gateway import gateway_document
from ratecard_workbench.publish.plans import plans_document
from ratecard_workbench.publish.reference import reference_document

CONTRACTS = "template.yaml and the models' contracts"
RATE_CARD = "infra/ratecard.toml"


def generated_texts(root: Path) -> dict[str, str]:
    """Return the text of every generated file, by path under `root`."""
    models = load_models(root)
    reference = reference_document(tuple(model.contract for model in models))
    return {
        "infra/openapi.yaml": yaml_text(gateway_document(models), CONTRACTS),
        "infra/openapi.public.yaml": yaml_text(reference, CONTRACTS),
        "infra/plans.yaml": yaml_text(plans_document(load_price_book(root / RATE_CARD)), RATE_CARD),
    }


def stale_files(root: Path) -> list[str]:
    """Return the generated files that are missing or not up to date."""
    return [path for path, text in generated_texts(root).items() if not is_current(root / path, text)]


def store_generated(root: Path) -> list[str]:
    """Write the generated files that are not up to date; return which."""
    texts = generated_texts(root)
    stale = [path for path, text in texts.items() if not is_current(root / path, text)]
    for path in stale:
        store_text(root / path, texts[path])
    return stale
