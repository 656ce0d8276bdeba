"""From a text to its words: what counts, what does not, and what stays the same in other forms of a text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.engines.words import APOSTROPHES, STOP_WORDS, find_words, list_terms, stem, tokenise


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("The bank didn't CLOSE it.", ["bank", "didnt", "close", "bank didnt", "didnt close"]),
        ("didn\u2019t", ["didnt"]),
        ("XXXX XX/XX/2020 paid $ 300.00", ["paid"]),
        ("fees, fees; charging charged", ["fee", "fee", "charg", "charg", "fee fee", "fee charg", "charg charg"]),
        ("a b c", []),
        ("caf\u00e9 \u4f60\u597d", ["caf"]),
        ("used is us", ["used"]),
    ],
)
def test_the_terms_of_a_text(text: str, terms: list[str]) -> None:
    """Runs of letters but for stop words, masks and single letters; each loses one ending; then pairs of neighbours."""
    assert tokenise(text) == terms


@given(st.text())
def test_any_text_has_words_of_letters(text: str) -> None:
    """Each word stands in the text, each stem begins its word, and the terms are stems and pairs."""
    words = find_words(text)

    assert all(re.fullmatch("[a-z]{2,}", word) and word.startswith(found) for found, word in words)
    assert all(word in text.lower().translate(APOSTROPHES) for _, word in words)
    assert not {word for _, word in words} & STOP_WORDS
    assert len(list_terms([found for found, _ in words])) == max(0, 2 * len(words) - 1)


@given(st.lists(st.sampled_from(["mortgage", "the", "Banks", "XXXX", "refused", "not", "2019", "it's"])))
def test_a_text_stripped_by_somebody_else_has_the_same_words(parts: list[str]) -> None:
    """Lower case, letters only, stop words gone: nothing changes."""
    text = " ".join(parts)
    stripped = " ".join(word for _, word in find_words(text))

    assert tokenise(stripped) == tokenise(text)


def test_short_words_keep_their_ending() -> None:
    """An ending goes only if three letters are left."""
    assert [stem(word) for word in ("ring", "bring", "sues", "fees", "is", "wed", "owed", "owned")] == [
        "ring",
        "bring",
        "sue",
        "fee",
        "is",
        "wed",
        "owed",
        "own",
    ]
