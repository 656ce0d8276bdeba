"""Accuracy and F1 from a probability on, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from ratecard_workbench.training.labels import compute_accuracy_at, compute_f1_at
from ratecard_workbench.training.rules import Rules


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.5, 0.9])
def test_both_are_scikit_learns(cut):
    """On random rows at every cut."""
    random = np.random.default_rng(3)
    chances, events = random.random(500), (random.random(500) < 0.2).astype(np.int8)
    assert compute_accuracy_at(cut, chances, events) == pytest.approx(accuracy_score(events, chances >= cut))
    assert compute_f1_at(cut, chances, events) == pytest.approx(f1_score(events, chances >= cut))


def test_a_row_at_the_cut_is_called_and_none_found_is_zero():
    """The cut belongs to the event; where nothing is found, F1 is 0 and not undefined."""
    chances, events = np.array([0.5, 0.4]), np.array([1, 0], dtype=np.int8)
    assert compute_accuracy_at(0.5, chances, events) == 1.0
    assert compute_f1_at(0.5, chances, events) == 1.0
    assert compute_f1_at(0.9, chances, events) == 0.0


def test_rules_with_a_cut_report_both():
    """Others published accuracy: then the card has it, at the cut the rules state, and else it has not."""
    plain = Rules(decide=lambda found, _: found.astype(str), decisions=("a",), favourable=("a",))
    cut = Rules(decide=plain.decide, decisions=("a",), favourable=("a",), cut=0.5)
    assert "accuracy" not in plain.list_figures()
    assert {"accuracy", "f1"} <= cut.list_figures().keys()
    assert cut.list_figures()["accuracy"](np.array([0.6, 0.4]), np.array([1, 1], dtype=np.int8)) == 0.5
