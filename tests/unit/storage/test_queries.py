"""The query texts: what Athena gets beside duckdb, the format that is read, and the command that shows the cost."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from ratecard.storage.queries import ACCESS_MEMBERS, ATHENA, read_access, read_usage
from ratecard.storage.queries_count import grouped, joined, listed, without_copies
from ratecard_workbench.cli.root import main
from ratecard_workbench.local.access_log import DEFAULT_FORMAT

ROOT = Path(__file__).parents[3]


def test_the_members_that_are_read_are_those_of_the_format():
    """Template, local gateway and reader name the same members in the same order."""
    assert tuple(json.loads(DEFAULT_FORMAT)) == ACCESS_MEMBERS
    (found,) = re.findall(r"^ +(\{.requestId.*\})$", (ROOT / "template.yaml").read_text(), re.MULTILINE)
    assert found == DEFAULT_FORMAT


def test_athenas_text_is_duckdbs_but_for_the_functions_of_the_dialect():
    """No function that only duckdb has is left in it, and counting has none at all."""
    only_duckdb = re.compile(
        r"json_transform|json_valid|strlen|regexp_full_match|epoch_ms|starts_with\(|::|GROUP BY ALL"
    )
    for text in (read_usage("usage", ATHENA, parts=8), read_access("access", ATHENA, parts=8)):
        assert not only_duckdb.search(text)
        assert "json_extract_scalar(line, '$." in text
    for text in (without_copies("usage", 0), joined([1, 2]), grouped("calls"), listed("calls")):
        assert not only_duckdb.search(text)


def test_the_guide_has_the_query_that_is_run():
    """What is documented for Athena is the text itself."""
    guide = (ROOT / "docs" / "athena.md").read_text()
    for text in (
        read_usage("usage_text", ATHENA),
        read_access("access_text", ATHENA),
        without_copies("usage", 0),
        without_copies("access", 0),
        joined([]),
        grouped("calls"),
    ):
        assert text in guide


def test_the_cost_of_a_million_calls():
    """Quantities times dated prices, rounded once, in Decimal."""
    shown = json.loads(CliRunner().invoke(main, ["cost", "--json"], catch_exceptions=False).stdout)
    assert [each["amount"] for each in shown["items"]] == ["0.1625", "0.0189", "0.1485"]
    assert shown["total"] == "0.3299"
    assert shown["prices_read_on"] == "2026-11-22"
    assert "Athena" in CliRunner().invoke(main, ["cost"], catch_exceptions=False).stderr
