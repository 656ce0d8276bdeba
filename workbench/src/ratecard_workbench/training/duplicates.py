"""Texts that repeat each other: they must not lie on both sides of a split."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE = 16
"""Words in a row that two texts must share to count as copies: form letters share more, chance far fewer."""

WORD = re.compile(r"[a-z]+")
MASK = re.compile(r"x{2,}")
"""What the publisher writes over personal data, for example XXXX."""


def group_texts(texts: Sequence[str], shingle: int = SHINGLE) -> NDArray[np.int64]:
    """Give texts that share a run of words one group: copies, form letters and follow-ups.

    Parameters
    ----------
    texts : sequence of str
        Case, digits, punctuation and masks do not count.
    shingle : int
        Words in a row that must be the same. A shorter text is compared whole.

    Returns
    -------
    array of int, shape (texts,)
        Group of each text: the place of its group's first text.
    """
    leader = list(range(len(texts)))
    first: dict[tuple[str, ...], int] = {}
    for place, text in enumerate(texts):
        for run in _list_runs(text, shingle):
            earlier = first.setdefault(run, place)
            one, two = sorted((_find(leader, earlier), _find(leader, place)))
            leader[two] = one
    return np.array([_find(leader, place) for place in range(len(texts))], dtype=np.int64)


def _list_runs(text: str, shingle: int) -> list[tuple[str, ...]]:
    words = [word for word in WORD.findall(text.lower()) if not MASK.fullmatch(word)]
    if len(words) <= shingle:
        return [tuple(words)]
    return [tuple(words[start : start + shingle]) for start in range(len(words) - shingle + 1)]


def _find(leader: list[int], place: int) -> int:
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = leader[place]
    return place
