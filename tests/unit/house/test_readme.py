"""The README leads to the guides and the models, and nowhere else than to what is there."""

import json
import re

PLATFORM = ("call-a-model", "score-a-file", "keys-and-usage", "invoices", "exports", "train-a-model", "deploy")


def test_the_guides_are_linked_and_every_link_leads_somewhere(repository):
    """The platform's guides by name."""
    page = (repository / "README.md").read_text()
    links = set(re.findall(r"\]\(([^)#:]+)\)", page))

    assert {f"docs/guides/{name}.md" for name in PLATFORM} | {"docs/guides"} <= links
    assert all((repository / link).exists() for link in links)


def test_the_models_shown_have_a_guide_that_calls_them_and_a_card(repository):
    """Those of the house; one that is added need not be here."""
    page = (repository / "README.md").read_text()
    shown = re.findall(r"^\| `([a-z-]+)` \|.*\]\((docs/guides/\S+)\) \| \[card\]\((\S+)\)", page, re.MULTILINE)

    assert len(shown) == 6
    for slug, guide, card in shown:
        assert f"models/{slug}/predict" in (repository / guide).read_text()
        assert f"({slug} " in (repository / card).read_text().partition("\n")[0]


def test_the_answer_shown_is_the_answer_given(repository):
    """To the last digit: the prediction that the README shows is the one in the sample event's reply."""
    (shown,) = re.findall(r"^```json\n(.*?)^```$", (repository / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    reply = repository / "functions/models/credit_rating/events/direct_row.reply.json"

    assert json.loads(shown)["predictions"] == json.loads(reply.read_text())["predictions"]
