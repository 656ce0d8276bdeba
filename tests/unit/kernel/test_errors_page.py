"""docs/errors.md names every code, and no other."""

import re

from ratecard.kernel.problems import PROBLEMS


def test_the_page_lists_every_problem_with_its_status(repository):
    """A client who reads the page knows every refusal."""
    page = (repository / "docs" / "errors.md").read_text()
    table = page.partition("## Codes of a refusal")[2].partition("## Codes of a place")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", table, re.MULTILINE))
    assert listed == {code: str(problem.status) for code, problem in PROBLEMS.items()}


def test_the_page_lists_every_place_code_of_the_source(repository):
    """Each code that the source gives to a place is explained."""
    page = (repository / "docs" / "errors.md").read_text().partition("## Codes of a place")[2]
    source = "\n".join(
        path.read_text()
        for part in ("contract", "serving", "metering")
        for path in (repository / "layers/ratecard/src/ratecard" / part).rglob("*.py")
    )
    used = set(re.findall(r'(?:Problem\([^"\n]*(?:"[^"\n]*")?, |Refusal\()"(\w+)"', source))
    assert {"wrong_type", "out_of_range", "bad_csv", "binary_tensors"} <= used
    assert used <= set(re.findall(r"`(\w+)`", page))


def test_the_page_lists_every_code_of_an_upload(repository):
    """What the gateway of one machine refuses of a file by itself."""
    page = (repository / "docs" / "errors.md").read_text()
    sources = (repository / "workbench/src/ratecard_workbench/local").glob("upload*.py")
    used = set(re.findall(r'InvalidUploadError\(\s*"(\w+)"', "\n".join(path.read_text() for path in sources)))
    assert {"wrong_size", "unknown_model"} <= used
    assert used <= set(re.findall(r"`(\w+)`", page))
