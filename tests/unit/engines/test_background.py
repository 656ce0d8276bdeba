"""Background rows are read strictly: what an explanation compares with is part of the model."""

import math
from typing import Any

import pytest

from ratecard.engines.background import MOST_SCORES, Background, parse_background
from ratecard.kernel.errors import ArtifactError

GOOD = {"format": 1, "pairs": 2, "rows": [[1, 2.5], [None, "text"]]}


def test_rows_and_pairs_are_read() -> None:
    """Whole numbers become floats, null is missing, a text stays one."""
    background = parse_background(GOOD, 2)

    assert background == Background(background.rows, 2)
    assert background.rows[0] == [1.0, 2.5]
    assert math.isnan(float(background.rows[1][0]))
    assert background.rows[1][1] == "text"


BAD: dict[str, Any] = {
    "a list": [GOOD],
    "nothing": None,
    "another format": GOOD | {"format": 2},
    "an unknown member": GOOD | {"seed": 1},
    "no pairs": {"format": 1, "rows": [[1, 2]]},
    "one pair": GOOD | {"pairs": 1},
    "half a pair": GOOD | {"pairs": 2.5},
    "a truth value of pairs": GOOD | {"pairs": True},
    "no rows": GOOD | {"rows": []},
    "rows by name": GOOD | {"rows": {}},
    "a row too short": GOOD | {"rows": [[1.0]]},
    "a row too long": GOOD | {"rows": [[1.0, 2.0, 3.0]]},
    "a row that is a text": GOOD | {"rows": ["ab"]},
    "an infinite value": GOOD | {"rows": [[1.0, math.inf]]},
    "a huge value": GOOD | {"rows": [[1.0, 10**400]]},
    "a truth value": GOOD | {"rows": [[1.0, True]]},
    "a list as a value": GOOD | {"rows": [[1.0, []]]},
    "more scores than there is time for": GOOD | {"pairs": MOST_SCORES // 8 + 1},
}


@pytest.mark.parametrize("case", BAD)
def test_what_the_format_does_not_allow_is_refused(case: str) -> None:
    """The function does not start."""
    with pytest.raises(ArtifactError, match=r"background\.json"):
        parse_background(BAD[case], 2)
