"""A small text model, as a dictionary that tests damage, and the same scores by another way."""

import json
import math
import struct
from typing import Any

from ratecard.engines.words import tokenise

WordFile = dict[str, Any]
COLUMN = "narrative"


def made_words() -> WordFile:
    """Five terms, three classes, numbers that float32 holds exactly."""
    terms = ["bank", "escrow", "escrow account", "fee", "loan"]
    return {
        "header": {"format": 1, "column": COLUMN, "classes": 3, "terms": 5, "intercepts": [0.5, -0.25, -0.25]},
        "terms": terms,
        "idf": [1.0, 2.5, 3.0, 1.5, 1.25],
        "weights": [[place - 2.0, 0.5 * place, 1.0 - place] for place in range(5)],
    }


def encode_words(model: WordFile) -> bytes:
    """Write the file."""
    terms = "\n".join(model["terms"]).encode()
    header = {**model["header"]}
    header.setdefault("bytes", len(terms))
    numbers = [*model["idf"], *(weight for row in model["weights"] for weight in row)]
    return json.dumps(header).encode() + b"\n" + terms + struct.pack(f"<{len(numbers)}f", *numbers)


def score_text(model: WordFile, text: str) -> list[float]:
    """Score by the formula, term by term of the vocabulary."""
    found = tokenise(text)
    values = [
        (1 + math.log(found.count(term))) * idf if term in found else 0.0
        for term, idf in zip(model["terms"], model["idf"], strict=True)
    ]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [
        intercept + sum(value / length * row[place] for value, row in zip(values, model["weights"], strict=True))
        for place, intercept in enumerate(model["header"]["intercepts"])
    ]
