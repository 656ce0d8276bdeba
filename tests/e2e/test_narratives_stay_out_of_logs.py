"""What a person writes about themselves is scored and forgotten: no file of the platform holds a word of it."""

import pytest
from support.platform import running_platform

pytestmark = pytest.mark.xdist_group("narratives")

MARKER = "Wilhelmina Canary 078-05-1120"
NARRATIVE = f"My name is {MARKER}. They harass me at work about a debt that is not mine and threaten a lawsuit."
PREDICT = "/v1/models/policy-recommendation/predict"
INFER = "/v2/models/policy-recommendation/infer"


@pytest.mark.usefixtures("native_dir")
def test_no_file_holds_a_word_of_a_narrative(tmp_path):
    """Answered, explained, refused and asked for by the other protocol; the words are in the answer alone."""
    tensor = {"name": "narrative", "shape": [1], "datatype": "BYTES", "data": [NARRATIVE]}
    with running_platform(tmp_path / "home", plan="standard") as platform:
        answered = platform.call("POST", PREDICT, {"narrative": NARRATIVE})
        explained = platform.call("POST", f"{PREDICT}?explain=true", {"narrative": NARRATIVE})
        inferred = platform.call("POST", INFER, {"inputs": [tensor]})
        refused = platform.call("POST", PREDICT, {"narrative": NARRATIVE, MARKER: NARRATIVE})
        too_long = platform.call("POST", PREDICT, {"narrative": NARRATIVE * 1000})
        files = [path for path in platform.home.rglob("*") if path.is_file()]
        found = [path for path in files if b"Canary" in path.read_bytes() or b"078-05" in path.read_bytes()]
        usage = platform.usage_lines()

    assert [each.status for each in (answered, explained, inferred)] == [200, 200, 200]
    assert (refused.status, too_long.status) == (400, 400)
    assert len(usage) == 3
    assert found == []
    assert "Canary" not in (tmp_path / "home.stderr").read_text()
