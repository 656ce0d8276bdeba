"""The call that `ratecard up` shows first."""

from pathlib import Path

from ratecard_workbench.local.application import load_application
from ratecard_workbench.local.demo import find_sample_call
from ratecard_workbench.local.openapi import load_definition

ROOT = Path(__file__).resolve().parents[3]


def test_the_first_call_is_of_the_model_first_in_the_template():
    """It is the one the README shows, whatever the names of the models that were added since."""
    application = load_application(ROOT, {})
    found = find_sample_call(application, load_definition(application.stage.definition))
    assert found is not None
    route, sample = found
    assert route.resource == "/v1/models/credit-rating/predict"
    assert "credit_limit" in sample["instances"][0]
