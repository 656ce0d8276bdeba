"""The README leads to the guides, and nowhere else than to what is there."""

import re

PLATFORM = ("call-a-model", "score-a-file", "keys-and-usage", "invoices", "exports", "train-a-model", "deploy")


def test_the_guides_are_linked_and_every_link_leads_somewhere(repository):
    """The platform's guides by name, those of single models by their folder."""
    links = set(re.findall(r"\]\(([^)#:]+)\)", (repository / "README.md").read_text()))

    assert {f"docs/guides/{name}.md" for name in PLATFORM} | {"docs/guides"} <= links
    assert all((repository / link).exists() for link in links)
