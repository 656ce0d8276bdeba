"""What every engine does with calls that are not right, and that it goes on afterwards."""

from pathlib import Path

import pytest
from support import graphs
from support.artifacts import VERSIONS, open_engine, write_model
from support.boosters import COLUMNS, NAMES, train_lightgbm, train_xgboost
from support.cards import encode_card, made_card

from ratecard.engines import Engine
from ratecard.kernel.errors import EngineError

GOOD = [0.5] * COLUMNS
BAD_ROWS = {
    "too few values": [GOOD[:-1]],
    "too many values": [[*GOOD, 0.5]],
    "no values": [[]],
    "a text": [[*GOOD[:-1], "0.5"]],
    "nothing": [[*GOOD[:-1], None]],
    "a list": [[*GOOD[:-1], [0.5]]],
    "a huge integer": [[*GOOD[:-1], 10**400]],
    "one bad row among good ones": [GOOD, GOOD, GOOD[1:], GOOD],
}


MODELS = {
    "lightgbm": lambda: train_lightgbm("binary").model_to_string().encode(),
    "xgboost": lambda: bytes(train_xgboost("binary").save_raw("ubj")),
    "onnx": lambda: graphs.logistic().SerializeToString(),
    "scorecard": lambda: encode_card(made_card()),
}


@pytest.fixture(scope="module", params=MODELS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact for each engine."""
    return write_model(tmp_path_factory.mktemp("calls"), request.param, MODELS[request.param](), NAMES)


@pytest.fixture(scope="module")
def engine(folder: Path, native_dir: Path) -> Engine:
    """Each engine with a model of its own."""
    return open_engine(folder, native_dir)


def test_an_engine_says_what_it_is(engine: Engine) -> None:
    """Name, version of the library, columns and outputs."""
    outputs = 2 if engine.name == "onnx" else 1

    assert (engine.library_version, engine.columns, engine.outputs) == (VERSIONS[engine.name], COLUMNS, outputs)


def test_no_rows_have_no_scores(engine: Engine) -> None:
    """An empty call is answered without the library."""
    assert engine.score([]) == []


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_refused_and_forgotten(engine: Engine, case: str) -> None:
    """A row that is not the model's is an error without the row's values; the next call is answered as before."""
    expected, twice = engine.score([GOOD]), engine.score([GOOD, GOOD])

    with pytest.raises(EngineError) as caught:
        engine.score(BAD_ROWS[case])  # type: ignore[arg-type]

    assert "0.5" not in str(caught.value)
    assert engine.score([GOOD]) == expected
    assert engine.score([GOOD, GOOD]) == twice


def test_answers_do_not_change_later(engine: Engine) -> None:
    """What was answered stays, though the library's memory is used again."""
    first = engine.score([GOOD])
    kept = list(first)
    engine.score([[9.0] * COLUMNS])

    assert first == kept


def test_contributions_of_a_graph_are_refused(engine: Engine) -> None:
    """All other engines explain rows."""
    if engine.name == "onnx":
        with pytest.raises(EngineError, match="no exact contributions"):
            engine.contributions([GOOD])
    else:
        assert len(engine.contributions([GOOD])[0]) == COLUMNS + 1
        assert engine.contributions([]) == []


def test_a_closed_engine_refuses(folder: Path, native_dir: Path) -> None:
    """Closing twice is once; scoring afterwards is an error, not a crash."""
    closed = open_engine(folder, native_dir)
    closed.score([GOOD])
    closed.close()
    closed.close()

    with pytest.raises(EngineError, match="closed"):
        closed.score([GOOD])
