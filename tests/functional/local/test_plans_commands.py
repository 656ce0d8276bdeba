"""`ratecard plans`: what is on sale, and a price book checked."""

import json
import subprocess

import pytest
from support.platform import COMMAND

pytestmark = pytest.mark.xdist_group("local-commands")

BOOK = """
format = 1
currency = "USD"

[[plans]]
slug = "standard"
title = "Standard"
about = "For tests."
effective_from = 2026-01-01
rate_per_second = 10
burst = 20
quota = { limit = 5, period = "MONTH" }
minimum_fee = "10.00"

[[prices]]
model = "echo"
operation = "predict"
effective_from = 2026-01-01
mode = "volume"
tiers = [{ up_to = 1000, unit_price = "0.02" }, { unit_price = "0.0000000001" }]

[[prices]]
model = "echo"
operation = "predict"
effective_from = 2099-01-01
unit_price = "0.5"
"""


@pytest.fixture
def run(tmp_path):
    """Run a command on a project with a price book."""
    (tmp_path / "infra").mkdir()

    def ratecard(*arguments, book=BOOK):
        (tmp_path / "infra/ratecard.toml").write_text(book)
        command = [*COMMAND, "plans", *arguments, "--project", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return ratecard


def test_what_is_on_sale_now_is_listed(run):
    """Not what comes later; amounts as decimal strings, never with an exponent."""
    listed = json.loads(run("list", "--json").stdout)

    assert listed["currency"] == "USD"
    assert [(plan["plan"], plan["quota"], plan["minimum_fee"]) for plan in listed["plans"]] == [
        ("standard", {"limit": 5, "period": "MONTH"}, "10.00")
    ]
    assert [price["version"] for price in listed["prices"]] == ["echo/predict@2026-01-01"]
    assert listed["prices"][0]["tiers"] == [
        {"up_to": 1000, "unit_price": "0.02", "flat_fee": "0"},
        {"up_to": None, "unit_price": "0.0000000001", "flat_fee": "0"},
    ]
    assert "up to 1000: 0.02; 0.0000000001" in run("list").stdout


def test_a_volume_cliff_is_a_warning_and_a_gap_a_failure(run):
    """Exit 0 with a line for each warning; 65 for a book that cannot be meant."""
    warned = run("check")
    assert warned.returncode == 0
    assert "volume_cliff" in warned.stdout
    assert "1 warning" in warned.stderr

    refused = run("check", book=BOOK.replace("up_to = 1000, ", ""))
    assert (refused.returncode, refused.stdout) == (65, "")
    assert "Traceback" not in refused.stderr
