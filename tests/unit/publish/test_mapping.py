"""Mapping templates are inert but for the call's id."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ratecard_workbench.publish.mapping import CALL_ID, PLACE, template_of

texts = st.text(max_size=40).filter(lambda text: PLACE not in text)


@given(texts)
def test_a_template_is_the_document_and_holds_no_other_variable(text):
    """Whatever a contract says, the gateway reads one variable and a client reads the same words."""
    template = template_of({"about": text, "call_id": PLACE})
    assert template.count("$") == 1
    assert "#" not in template
    assert json.loads(template.replace(CALL_ID, "id")) == {"about": text, "call_id": "id"}


def test_dollars_and_hashes_survive_as_json_escapes():
    """`$5` and `#if` are text to the gateway."""
    template = template_of({"about": "#if($x) costs $5"})
    assert "$" not in template
    assert json.loads(template) == {"about": "#if($x) costs $5"}
