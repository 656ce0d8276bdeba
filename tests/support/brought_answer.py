"""What the fenced process answers, with texts in it that try to be more than text."""

HOSTILE = '"""\n, about=__import__("os").system("true")) #\\'


def answer(**changes):
    """What the fenced process could write."""
    field = {
        "column": HOSTILE,
        "name": "a",
        "kind": "category",
        "missing": True,
        "values": [HOSTILE, "b'\"", "é", "5\u20139 \xd7"],
    }
    field |= dict.fromkeys(("smallest", "largest", "minimum", "maximum")) | {"sample": HOSTILE}
    number = field | {"name": "b", "kind": "number", "minimum": -1.0, "maximum": 1e6, "smallest": 0.0, "largest": 1.0}
    found = {"engine": "lightgbm", "engine_version": "4.7.0", "output": "log_odds", "slope": 1.0, "intercept": 0.0}
    found |= {"classes": ["0", HOSTILE], "fields": [field, number | {"sample": 0.5, "values": None}], "rows": []}
    found |= {"reference": [1.0, 3.0], "sampled": 2, "steps": "x", "notes": [], "trained_with": {}, "quality": {}}
    return found | changes
