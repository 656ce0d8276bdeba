"""The Python that `ratecard new` writes passes the project's own `make check`."""

import shutil
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from support.brought import ROOT
from support.brought_answer import answer

from ratecard_workbench.bring.bringing import Wish, write_sources
from ratecard_workbench.bring.brought import parse_brought
from ratecard_workbench.publish.entry import StartingPrices

OUTPUTS = {"log_odds": ["0", "1"], "log_odds_by_class": ["low", "mid", "high, very " + 40 * "x"], "value": []}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Brought models of every output, under short and long slugs, with long texts."""
    project = tmp_path_factory.mktemp("project")
    shutil.copyfile(ROOT / "pyproject.toml", project / "pyproject.toml")
    for own in ("layers", "workbench"):
        (project / own).symlink_to(ROOT / own)
    prices = StartingPrices(Decimal("0.01"), date(2026, 11, 1))
    for stem in ("ab", "abcd", "zz-" + 28 * "a"):
        for letter, (output, classes) in zip("xyz", OUTPUTS.items(), strict=True):
            brought = parse_brought(answer(output=output, classes=classes))
            wish = Wish(stem + letter, 60 * "t", Path("m"), Path("s"), 60 * "t", False, False, prices)
            write_sources(project / "functions" / "models" / wish.slug.replace("-", "_"), wish, brought)
    return project


@pytest.mark.parametrize("command", ["format --check", "check"])
def test_what_is_written_passes_format_and_lint(command, written):
    """For slugs of 3 to 32 letters, and headings, words and labels of any length."""
    tool = [sys.executable, "-m", "ruff", *command.split(), "--no-cache", "functions"]
    finished = subprocess.run(tool, cwd=written, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout
