"""The README leads to every guide, and nowhere else than to what is there."""

import re


def test_every_guide_is_linked_and_every_link_leads_somewhere(repository):
    """A guide that nobody finds is not written."""
    links = set(re.findall(r"\]\(([^)#:]+)\)", (repository / "README.md").read_text()))
    guides = {path.relative_to(repository).as_posix() for path in (repository / "docs/guides").glob("*.md")}

    assert guides <= links
    assert all((repository / link).exists() for link in links)
