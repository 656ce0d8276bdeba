"""Bringing a model without the fence and the project around it: read, lower, run, compare."""

from datetime import date
from decimal import Decimal

import pytest
from support.brought import ROOT, make_portfolio, make_project

from ratecard_workbench.bring.bringing import Wish, try_fidelity, write_sources
from ratecard_workbench.bring.brought import parse_brought
from ratecard_workbench.bring.folder import store_artifact
from ratecard_workbench.bring.reader import SUFFIXES, read_model
from ratecard_workbench.publish.entry import StartingPrices


@pytest.fixture(scope="session")
def portfolio():
    """Five hundred borrowers."""
    return make_portfolio()


@pytest.fixture
def project(tmp_path, native_dir):
    """A project with the repository's models, to be changed."""
    return make_project(tmp_path / "project")


@pytest.fixture
def lower(tmp_path, native_dir):
    """Lower a model file and answer its sample with the real engine: (what came back, how true it is)."""

    def run(model, sample, target, *, accept=True, trust=True):
        work, folder = tmp_path / "work", tmp_path / "late_payers"
        work.mkdir()
        (work / "sample.csv").write_bytes(sample.read_bytes())
        request = {"model": str(model), "target": target, "trust_pickle": trust}
        brought = parse_brought(read_model(work, request))
        prices = StartingPrices(Decimal("0.01"), date(2026, 11, 1))
        wish = Wish("late-payers", "Late payers", model, sample, target, trust, accept, prices)
        write_sources(folder, wish, brought)
        content = (work / f"{SUFFIXES[brought.engine]}.lowered").read_bytes()
        store_artifact(folder, "late-payers", brought, content=content, sample_sha256="0" * 64)
        return brought, try_fidelity(ROOT, folder / "src", wish, brought)

    return run
