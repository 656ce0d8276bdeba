"""Text models: scores by the formula, words that add up, and files that are none."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.artifacts import load_in_child, open_engine, write_model
from support.wordmodels import COLUMN, WordFile, encode_words, made_words, score_text

from ratecard.engines.text import TextEngine
from ratecard.kernel.errors import ArtifactError, EngineError

NOWHERE = Path("/nowhere")
BY_CLASS = {"output": "log_odds_by_class"}


def write_words(folder: Path, content: bytes, **changes: object) -> Path:
    """Write an artifact whose digests are right."""
    return write_model(folder, "text", content, [COLUMN], **(BY_CLASS | changes))


def open_words(folder: Path) -> TextEngine:
    """Load a text model, without any native layer."""
    engine = open_engine(folder, NOWHERE)
    assert isinstance(engine, TextEngine)
    return engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> TextEngine:
    """The made model."""
    return open_words(write_words(tmp_path_factory.mktemp("words"), encode_words(made_words())))


texts = st.one_of(
    st.text(),
    st.lists(st.sampled_from(["Escrow", "account", "fees!", "bank", "XXXX", "loans", "the", "other"])).map(" ".join),
)


@given(text=texts)
def test_scores_follow_the_formula(engine: TextEngine, text: str) -> None:
    """Against the same formula, written out over the whole vocabulary."""
    (scores,) = engine.score([[text]])

    assert scores == pytest.approx(score_text(made_words(), text), abs=1e-12)


@given(text=texts)
def test_words_and_contributions_add_up(engine: TextEngine, text: str) -> None:
    """Words are the text's contribution, and with the intercept the score, in every class."""
    (scores,), (parts,) = engine.score([[text]]), engine.contributions([[text]])
    words = engine.word_contributions([text])

    for place, score in enumerate(scores):
        added, base = parts[2 * place : 2 * place + 2]
        assert base == made_words()["header"]["intercepts"][place]
        assert added + base == pytest.approx(score, abs=1e-12)
        assert math.fsum(effects[place] for _, effects in words) == pytest.approx(added, abs=1e-12)


def test_words_are_shown_as_they_stand_in_the_text(engine: TextEngine) -> None:
    """The first spelling of a stem, in the order of the text, and pairs as they follow each other."""
    found = [word for word, _ in engine.word_contributions(["Fees on the ESCROW accounts, a fee and loans."])]

    assert found == ["fees", "escrow", "loans", "escrow accounts"]


def test_an_unknown_text_scores_the_intercepts(engine: TextEngine) -> None:
    """Nothing is divided by zero, and nothing is made up."""
    expected = tuple(made_words()["header"]["intercepts"])

    assert engine.score([[""], ["XXXX 123"], ["quite unheard"]]) == [expected] * 3
    assert engine.word_contributions([""]) == []


@pytest.mark.parametrize("row", [[], ["a", "b"], [0.5], [None], [b"loan"]])
def test_what_is_not_one_text_is_refused(engine: TextEngine, row: list[Any]) -> None:
    """A number where the text should be is an error, and never a score."""
    with pytest.raises(EngineError, match="one text"):
        engine.score([row])


def test_a_closed_engine_refuses(tmp_path: Path) -> None:
    """A second close does nothing."""
    engine = open_words(write_words(tmp_path, encode_words(made_words())))
    engine.close()
    engine.close()

    with pytest.raises(EngineError, match="closed"):
        engine.score([["loan"]])


def test_another_column_is_refused(tmp_path: Path) -> None:
    """The file knows which column it reads; a second one, or another, is a mistake."""
    content = encode_words(made_words())
    folders = [write_model(tmp_path / str(len(n)), "text", content, n, **BY_CLASS) for n in (["x"], [COLUMN, "x"])]

    assert {outcome["code"] for outcome in load_in_child(NOWHERE, folders)[1]} == {"invalid_artifact"}


def test_versions_that_may_be_misread_are_refused(tmp_path: Path) -> None:
    """Another tokenisation would be another model: its version is the format's."""
    content = encode_words(made_words())
    folders = [write_words(tmp_path / v, content, engine_version=v) for v in ("1.1.0", "2.0.0", "0.9.9", "1")]

    assert {outcome["code"] for outcome in load_in_child(NOWHERE, folders)[1]} == {"invalid_artifact"}


Change = Callable[[WordFile], Any]
DAMAGED: dict[str, Change] = {
    "another format": lambda model: model["header"].update(format=2),
    "an unknown member": lambda model: model["header"].update(extra=1),
    "no column": lambda model: model["header"].pop("column"),
    "classes that are a text": lambda model: model["header"].update(classes="3"),
    "classes that are true": lambda model: model["header"].update(classes=True),
    "one class": lambda model: model["header"].update(classes=1, intercepts=[0.5]),
    "more classes than weights": lambda model: model["header"].update(classes=4, intercepts=[0.5] * 4),
    "too few intercepts": lambda model: model["header"].update(intercepts=[0.5]),
    "an intercept that is a whole number": lambda model: model["header"].update(intercepts=[0.5, 1, 0.5]),
    "an intercept that is null": lambda model: model["header"].update(intercepts=[0.5, None, 0.5]),
    "a huge count of terms": lambda model: model["header"].update(terms=10**18),
    "a count below nothing": lambda model: model["header"].update(terms=-5),
    "fewer terms than it says": lambda model: model["header"].update(terms=6),
    "bytes beyond the file": lambda model: model["header"].update(bytes=10**12),
    "bytes below nothing": lambda model: model["header"].update(bytes=-1),
    "bytes that cut a term": lambda model: model["header"].update(bytes=7),
    "a term twice": lambda model: model["terms"].__setitem__(1, "bank"),
    "a term that is empty": lambda model: model["terms"].__setitem__(1, ""),
    "a term of two lines": lambda model: model["terms"].__setitem__(1, "es\ncrow"),
    "a term in another alphabet": lambda model: model["terms"].__setitem__(1, "\u00e9scrow"),
    "a weight that is infinite": lambda model: model["weights"][2].__setitem__(1, math.inf),
    "a weight that is no number": lambda model: model["weights"][2].__setitem__(1, math.nan),
    "two infinities that cancel": lambda model: model["weights"].__setitem__(2, [math.inf, -math.inf, 0.0]),
    "an idf of nothing": lambda model: model["idf"].__setitem__(3, 0.0),
    "an idf below nothing": lambda model: model["idf"].__setitem__(3, -1.0),
    "a number too many": lambda model: model["idf"].append(1.0),
    "a number too few": lambda model: model["idf"].pop(),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_file_that_is_not_whole_is_refused(case: str, tmp_path: Path) -> None:
    """What the format does not allow stops the function from starting, whatever its digest."""
    model = made_words()
    DAMAGED[case](model)
    folder = write_words(tmp_path, encode_words(model))

    with pytest.raises(ArtifactError):
        open_engine(folder, NOWHERE)


def test_cut_and_foreign_files_are_refused_without_harm(tmp_path: Path) -> None:
    """Cut short anywhere, bytes appended, JSON without end, noise and nothing: an error each, in one living process."""
    whole = encode_words(made_words())
    contents = [whole[:end] for end in range(len(whole))] + [whole + b"\0", whole + bytes(4), b"\n" + whole]
    contents += [b"{}", b"{}\n", b"[" * 100_000, b"\x89PNG\r\n\x1a\n" * 50, b"\xff" * 5000, bytes(5000)]
    contents += [json.dumps({"format": 1, "column": "c" * 10_000}).encode() + b"\n"]
    folders = [write_words(tmp_path / str(place), content) for place, content in enumerate(contents)]

    status, outcomes = load_in_child(NOWHERE, folders)

    assert status == 0
    assert [outcome.get("code") for outcome in outcomes] == ["invalid_artifact"] * len(contents)


def test_a_text_model_ends_in_no_fractions(tmp_path: Path) -> None:
    """Its scores are margins: a manifest that says otherwise is refused."""
    folder = write_words(tmp_path, encode_words(made_words()), output="probability_by_class")

    with pytest.raises(ArtifactError, match="margins"):
        open_engine(folder, NOWHERE)
