"""A scorecard over the boosters' columns, and its score by another way."""

import json
import math
from typing import Any

from support.boosters import CATEGORIES, CATEGORY, NAMES

Card = dict[str, Any]


def made_card() -> Card:
    """A scorecard with numbers of one, two and many bins, missing values, and a category."""
    columns: list[Card] = []
    for place, name in enumerate(NAMES):
        edges = [float(edge) for edge in range(-place, place, 1)]
        bins = [math.sin(place * 3 + bin_) for bin_ in range(len(edges) + 1)]
        columns.append(
            {"name": name, "edges": edges, "log_odds": bins, "missing": 0.1 * place, "expected": bins[0] / 2}
        )
    codes = [0.5 - code / 10 for code in range(CATEGORIES)]
    columns[CATEGORY] = {
        "name": NAMES[CATEGORY],
        "log_odds": codes,
        "missing": -0.25,
        "unknown": 0.75,
        "expected": 0.125,
    }
    return {"format": 1, "intercept": -1.5, "columns": columns}


def encode_card(card: object) -> bytes:
    """Write the file."""
    return json.dumps(card).encode()


def look_up(column: Card, value: float) -> float:
    """Find a value's log-odds by trying the bins one after another."""
    if math.isnan(value):
        return column["missing"]
    if "edges" not in column:
        bins = dict(enumerate(column["log_odds"]))
        return bins.get(value, column["unknown"])
    place = sum(value >= edge for edge in column["edges"])
    return column["log_odds"][place]
