"""Scorecards: every bin, missing and unknown values, contributions that add up, and files that are none."""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.artifacts import open_engine, write_model
from support.boosters import CATEGORIES, CATEGORY, NAMES
from support.cards import Card, encode_card, look_up, made_card

from ratecard.engines import Engine
from ratecard.kernel.errors import ArtifactError, EngineError

NOWHERE = Path("/nowhere")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A scorecard, loaded without any native layer."""
    return open_engine(
        write_model(tmp_path_factory.mktemp("card"), "scorecard", encode_card(made_card()), NAMES), NOWHERE
    )


values = st.one_of(st.floats(-9, 9), st.integers(-9, 9).map(float), st.just(math.nan), st.sampled_from([1e300, -1e300]))
codes = st.one_of(st.integers(0, CATEGORIES + 2).map(float), st.just(math.nan), st.floats(-2, 9))
rows = st.tuples(*[codes if place == CATEGORY else values for place in range(len(NAMES))])


@given(row=rows)
def test_a_score_is_the_intercept_and_one_bin_of_each_column(engine: Engine, row: tuple[float, ...]) -> None:
    """Against a search through the bins, one after another; an edge belongs to the bin above it."""
    card = made_card()
    expected = math.fsum([card["intercept"], *map(look_up, card["columns"], row)])

    assert engine.score([row]) == [(expected,)]


@given(row=rows)
def test_contributions_add_up_to_the_score(engine: Engine, row: tuple[float, ...]) -> None:
    """Base and contributions are the score; a column's contribution is its bin less what is expected of the column."""
    card = made_card()
    ((score,),), (parts,) = engine.score([row]), engine.contributions([row])

    assert math.isclose(math.fsum(parts), score, rel_tol=1e-12, abs_tol=1e-12)
    assert parts[-1] == math.fsum([card["intercept"], *(column["expected"] for column in card["columns"])])
    assert list(parts[:-1]) == [
        look_up(column, value) - column["expected"] for column, value in zip(card["columns"], row, strict=True)
    ]


def test_contributions_are_shapley_values_of_the_population_they_expect(tmp_path: Path) -> None:
    """Where `expected` is the mean over a population, an enumeration of all orders gives the same numbers."""
    population = [(-2.0, 0.0), (0.5, 1.0), (3.0, 1.0), (math.nan, 0.0)]
    columns: list[Card] = [
        {"name": "a", "edges": [0, 1], "log_odds": [0.3, -0.2, 0.9], "missing": 0.05},
        {"name": "b", "log_odds": [0.7, -0.4], "missing": None, "unknown": None},
    ]
    for place, column in enumerate(columns):
        column["expected"] = math.fsum(look_up(column, row[place]) for row in population) / len(population)
    content = encode_card({"format": 1, "intercept": 0.25, "columns": columns})
    engine = open_engine(write_model(tmp_path, "scorecard", content, ["a", "b"]), NOWHERE)

    def mean_score(first: float | None, second: float | None) -> float:
        mixed = [(a if first is None else first, b if second is None else second) for a, b in population]
        return math.fsum(score for (score,) in engine.score(mixed)) / len(mixed)

    for a, b in product([-5.0, 0.0, 1.0, math.nan], [0.0, 1.0]):
        ((first, second, base),) = engine.contributions([(a, b)])
        none, only_a, only_b, both = mean_score(None, None), mean_score(a, None), mean_score(None, b), mean_score(a, b)
        assert base == pytest.approx(none)
        assert first == pytest.approx(((only_a - none) + (both - only_b)) / 2)
        assert second == pytest.approx(((only_b - none) + (both - only_a)) / 2)


@pytest.mark.parametrize(
    ("place", "member", "value"),
    [(0, "missing", math.nan), (CATEGORY, "missing", math.nan), (CATEGORY, "unknown", 99.0)],
)
def test_a_value_without_a_bin_is_refused(place: int, member: str, value: float, tmp_path: Path) -> None:
    """Null says that a column cannot be missing, or have another code: then none is made up."""
    card = made_card()
    card["columns"][place][member] = None
    engine = open_engine(write_model(tmp_path, "scorecard", encode_card(card), NAMES), NOWHERE)
    row = [0.0] * len(NAMES)
    engine.score([row])
    row[place] = value

    with pytest.raises(EngineError, match="no bin"):
        engine.score([row])


Change = Callable[[Card], Any]
DAMAGED: dict[str, Change] = {
    "another format": lambda card: card.update(format=2),
    "no intercept": lambda card: card.pop("intercept"),
    "an infinite intercept": lambda card: card.update(intercept=math.inf),
    "a huge intercept": lambda card: card.update(intercept=10**400),
    "a text for the intercept": lambda card: card.update(intercept="0"),
    "a truth value for the intercept": lambda card: card.update(intercept=True),
    "an unknown member": lambda card: card.update(extra=1),
    "columns by name": lambda card: card.update(columns={}),
    "no columns": lambda card: card.update(columns=[]),
    "a column that is a list": lambda card: card["columns"].__setitem__(0, []),
    "a column without bins": lambda card: card["columns"][0].pop("log_odds"),
    "a column without a mean": lambda card: card["columns"][0].pop("expected"),
    "a column with an unknown member": lambda card: card["columns"][0].update(weight=1),
    "a number with an unknown bin": lambda card: card["columns"][0].update(unknown=1.0),
    "a category that does not say what is unknown": lambda card: card["columns"][CATEGORY].pop("unknown"),
    "a category without codes": lambda card: card["columns"][CATEGORY].update(log_odds=[]),
    "a name that is a number": lambda card: card["columns"][0].update(name=0),
    "a name of another column": lambda card: card["columns"][0].update(name="c1"),
    "a bin too many": lambda card: card["columns"][3]["log_odds"].append(0.5),
    "a bin too few": lambda card: card["columns"][3]["log_odds"].pop(),
    "edges that fall": lambda card: card["columns"][3]["edges"].reverse(),
    "an edge twice": lambda card: card["columns"][3]["edges"].__setitem__(1, -3.0),
    "an edge that is null": lambda card: card["columns"][3]["edges"].__setitem__(1, None),
    "a bin that is a text": lambda card: card["columns"][3]["log_odds"].__setitem__(1, "1"),
    "a bin that is infinite": lambda card: card["columns"][3]["log_odds"].__setitem__(1, math.inf),
    "bins that are a text": lambda card: card["columns"][CATEGORY].update(log_odds="123456"),
    "a mean that is null": lambda card: card["columns"][3].update(expected=None),
    "a missing bin that is a list": lambda card: card["columns"][3].update(missing=[]),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_card_that_is_not_whole_is_refused(case: str, tmp_path: Path) -> None:
    """What the format does not allow stops the function from starting, whatever its digest."""
    card = made_card()
    DAMAGED[case](card)
    folder = write_model(tmp_path, "scorecard", encode_card(card), NAMES)

    with pytest.raises(ArtifactError):
        open_engine(folder, NOWHERE)


@pytest.mark.parametrize(
    "content", [b'{"format":1,"format":1}', b"[" * 100_000, b"\xff", b'{"intercept":1e999}', b"null"]
)
def test_what_is_no_card_is_refused(content: bytes, tmp_path: Path) -> None:
    """Members twice, nesting without end, bytes that are no text, numbers beyond float64."""
    folder = write_model(tmp_path, "scorecard", content, NAMES)

    with pytest.raises(ArtifactError):
        open_engine(folder, NOWHERE)
