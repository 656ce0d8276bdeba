"""What an engine's scores mean: log-odds, fractions, classes or a value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, logit
from scipy.special import softmax as reference_softmax

from ratecard.engines.manifest import OUTPUTS, Calibration
from ratecard.kernel.errors import EngineError
from ratecard.serving.scores import centred, log_odds_of, probability_of, score_reader, softmax

CALIBRATION = Calibration(0.8, -0.3)
TEMPERATURE = Calibration(0.8, 0.0)
ROW = (1.0, "own")

margins = st.floats(-60, 60)
by_class = st.lists(st.floats(-700, 700), min_size=2, max_size=8)


@given(margins)
def test_log_odds_are_calibrated_by_a_straight_line(margin: float) -> None:
    """Platt's line, and the logistic function of it (SciPy's is the second implementation)."""
    scored = score_reader("log_odds", CALIBRATION)(ROW, (margin,))

    assert scored.margin == 0.8 * margin - 0.3
    assert math.isclose(scored.probability, expit(scored.margin), rel_tol=1e-12)
    assert (scored.values, scored.classes) == (ROW, ())


@given(st.floats(1e-9, 1 - 1e-9))
def test_a_fraction_is_calibrated_on_its_log_odds(fraction: float) -> None:
    """The margin of a fraction is its log-odds."""
    scored = score_reader("probability", CALIBRATION)(ROW, (fraction,))

    assert math.isclose(scored.margin, 0.8 * logit(fraction) - 0.3, rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(scored.probability, expit(scored.margin), rel_tol=1e-12)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1e-7, 1.0000001])
def test_the_ends_of_the_scale_have_finite_log_odds(fraction: float) -> None:
    """A forest is certain at times, and float32 overshoots: clipped at 1e-12."""
    assert math.isclose(abs(log_odds_of(fraction)), -math.log(1e-12), rel_tol=1e-5)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, 7.0, math.inf, math.nan])
def test_what_is_no_fraction_is_an_engines_error(fraction: float) -> None:
    """An artifact whose output is not what its manifest says must not answer."""
    with pytest.raises(EngineError, match="fraction"):
        score_reader("probability", CALIBRATION)(ROW, (fraction,))


@given(by_class)
def test_scores_by_class_become_their_softmax(scores: list[float]) -> None:
    """Slope is the inverse temperature; the likeliest class gives probability and margin."""
    scored = score_reader("log_odds_by_class", TEMPERATURE)(ROW, scores)

    assert scored.classes == pytest.approx(reference_softmax([0.8 * score for score in scores]), rel=1e-9, abs=1e-300)
    assert math.isclose(math.fsum(scored.classes), 1.0, rel_tol=1e-12)
    assert scored.probability == max(scored.classes)
    assert math.isclose(probability_of(scored.margin), scored.probability, rel_tol=1e-9)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8))
def test_fractions_by_class_keep_their_value_without_calibration(weights: list[float]) -> None:
    """At slope 1 the probabilities are the graph's own."""
    fractions = [weight / math.fsum(weights) for weight in weights]

    assert score_reader("probability_by_class", Calibration(1.0, 0.0))(ROW, fractions).classes == pytest.approx(
        fractions
    )


@pytest.mark.parametrize("fractions", [(0.2, 0.3), (0.9, 0.9), (1.2, -0.2), (math.nan, 0.5)])
def test_fractions_that_do_not_sum_to_one_are_an_engines_error(fractions: tuple[float, ...]) -> None:
    """Then they are no probabilities by class."""
    with pytest.raises(EngineError):
        score_reader("probability_by_class", TEMPERATURE)(ROW, fractions)


def test_a_value_is_given_as_it_is() -> None:
    """It is no chance, so the probability is nil; nothing is calibrated."""
    scored = score_reader("value", Calibration(1.0, 0.0))(ROW, (1234.5,))

    assert (scored.margin, scored.probability, scored.classes) == (1234.5, 0.0, ())


@given(by_class, st.floats(-100, 100))
def test_what_all_classes_have_in_common_decides_nothing(scores: list[float], shift: float) -> None:
    """Centred scores are the logarithms of the probabilities against their mean, whatever is added to all scores."""
    logs = log_softmax(scores)

    assert centred(scores) == pytest.approx(logs - logs.mean(), abs=1e-9)
    assert centred([score + shift for score in scores]) == pytest.approx(centred(scores), abs=1e-9)


def test_every_output_of_a_manifest_has_a_reading() -> None:
    """None falls through to another's."""
    scores = {"log_odds": (2.0,), "probability": (0.9,), "value": (2.0,)}
    readings = {
        output: score_reader(output, Calibration(1.0, 0.0))(ROW, scores.get(output, (0.3, 0.7))) for output in OUTPUTS
    }

    assert readings["log_odds"].margin == readings["value"].margin == 2.0
    assert readings["log_odds"].probability == pytest.approx(expit(2.0))
    assert readings["probability"].probability == pytest.approx(0.9)
    assert readings["probability_by_class"].classes == pytest.approx((0.3, 0.7))
    assert readings["log_odds_by_class"].classes == pytest.approx(softmax((0.3, 0.7), 1.0))
