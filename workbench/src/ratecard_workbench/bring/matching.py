"""From the sample as it was read to the sample as the model takes it: its columns in order, its words as texts.

Runs inside the fence.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ratecard_workbench.bring.refusals import Refused
from ratecard_workbench.bring.sample import MISSING, Sample, are_words, listed


def match_columns(sample: Sample, wanted: list[str] | None, count: int, unused: frozenset[str] = frozenset()) -> Sample:
    """Bring the sample's columns into the model's order.

    Parameters
    ----------
    wanted : list of str or None
        Names the model was trained with; None if it knows only how many.
    count : int
        How many columns it takes.
    unused : set of str
        Those of `wanted` that it was trained with and looks away from: the sample may have them, and loses them.

    Raises
    ------
    Refused
        If the sample has not exactly the model's columns; it names what is missing and what is too much.
    """
    found = [str(column) for column in sample.frame.columns]
    if wanted is None:
        if len(found) != count:
            raise Refused(
                f"the sample has {len(found)} columns ({listed(found)}) and the model takes {count}, without names: "
                "leave out what the model was not trained on, and name the target with --target"
            )
        return sample
    wanted = [name for name in wanted if name not in unused]
    # LightGBM and ONNX keep names without blanks.
    written = {re.sub(r"\s", "_", name): name for name in found} | {name: name for name in found}
    missing = [name for name in wanted if name not in written]
    chosen = [written.get(name, name) for name in wanted]
    extra = [name for name in found if name not in chosen and name not in unused]
    if missing or extra:
        problems = [(name, "the model takes it and the sample lacks it") for name in missing]
        problems += [(name, "the sample has it and the model does not take it") for name in extra]
        raise Refused(
            "the sample's columns are not the model's; the target, if it is there, is named with --target",
            tuple(problems),
        )
    return replace(sample, frame=sample.frame[chosen], texts=sample.texts[chosen])


def spell_words(sample: Sample, known: dict[str, list[Any]]) -> Sample:
    """Give the model texts where it knows texts: `0012` and `NA` are words to an encoder that learned them."""
    frame = sample.frame.copy()
    for column, words in known.items():
        if are_words(words):
            texts = sample.texts[column]
            frame[column] = texts.mask(texts.isin(list(MISSING - set(words))))
    return replace(sample, frame=frame)
