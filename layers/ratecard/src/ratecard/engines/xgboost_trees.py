"""Small XGBoost models as tables: one row is scored without the library, to the bit as the library scores it.

The library parses two JSON texts and compiles a regular expression for every call, which takes longer than its trees.
Here a column's thresholds, of all trees together, cut it into ranges. For each range a mask says which leaves of all
trees a row in it can still reach, so that the masks of all columns together leave one leaf of each tree. The leaves'
values are added in the order of the trees, in float32, as the library adds them.

Source of the masks: Lucchese et al., "QuickScorer", SIGIR 2015.
"""

from __future__ import annotations

from bisect import bisect_right
from ctypes import CDLL, c_float
from itertools import accumulate
from operator import or_
from struct import Struct, error

from ratecard.engines.xgboost_ubjson import find_arrays, find_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    Integers: TypeAlias = tuple[int, ...]
    Tree: TypeAlias = tuple[Integers, tuple[float, ...], Integers, Integers, Integers]
    Split: TypeAlias = tuple[float, int, int, int]

LARGEST_FILE = 400_000
"""Bytes of a model file, at most: a larger one is not read a second time, and its trees outweigh the call."""

LARGEST_TABLES = 1_000_000
"""Bytes of all masks together, at most."""

MOST_LEAVES = 32
"""Leaves of a tree, at most: bits of its word in a mask."""

#: What a tree says of its nodes, of types in UBJSON and of `struct`; a leaf has its value for a threshold.
NODE = {
    "split_indices": ("l", "i"),
    "split_conditions": ("d", "f"),
    "left_children": ("l", "i"),
    "right_children": ("l", "i"),
    "default_left": ("U", "B"),
}

SUMMED = b"nameSL\0\0\0\0\0\0\0\x06gbtree}L\0\0\0\0\0\0\0\x13learner_model_param{"
"""How the booster of such a model ends; that of DART goes on with its weights."""

MOST_PROBES = 16
"""Rows on which tables and library are compared."""

NAN = float("nan")


class Unfit(Exception):  # noqa: N818 - it says what the model is, and never leaves this module
    """The model is not one that tables are made of."""


def float32(number: float) -> float:
    """Round to the nearest float32."""
    return c_float(number).value


def intercept_of_probability(base: float) -> float:
    """Return the log-odds of a fraction, step by step as `LogisticRegression::ProbToMargin` has them.

    The logarithm is that of C, which the library uses: one from Python's, rounded, may differ in the last bit.
    """
    logf = CDLL(None).logf
    logf.restype, logf.argtypes = c_float, (c_float,)
    return -float(logf(float32(1.0 / base) - 1.0))


#: By objective, from `base_score` to the margin that the sum over the trees starts with.
INTERCEPTS: dict[str, Callable[[float], float]] = {
    "binary:logistic": intercept_of_probability,
    "reg:squarederror": lambda base: base,
}


class TreeTables:
    """The trees of one model.

    Parameters
    ----------
    content : bytes
        The model file, whose frame is sound.

    Attributes
    ----------
    probes : list of tuple
        Rows at and between thresholds from the lowest to the highest, and one of missing values, each with its margin:
        what is to be compared with the library before the tables are used.

    Raises
    ------
    Unfit
        If they have another kind of tree or objective, more than one output, too large a tree, or too many.
    ValueError, LookupError, ArithmeticError, struct.error
        If the file does not hold what XGBoost writes.
    """

    def __init__(self, content: bytes) -> None:
        self._start = find_intercept(content)
        splits, self._leaves, reachable = lay_out(find_trees(content))
        self._words = Struct(f"<{len(self._leaves)}I")
        if sum(map(len, splits.values())) * self._words.size > LARGEST_TABLES:
            raise Unfit
        self._columns = [(feature, *tabulate(found, reachable)) for feature, found in sorted(splits.items())]
        self._reachable = reachable
        self._row = Struct(f"{int(find_text(content, 'num_feature'))}f")
        self._total = c_float()
        self.probes = [(row, self.score(row)) for row in self._draw_probes()]

    def score(self, row: Sequence[float | int | str]) -> float | None:
        """Return a row's margin; None for one that is not so many numbers."""
        try:
            values = self._row.unpack(self._row.pack(*row))
        except (error, OverflowError):
            return None
        reached = self._reachable
        for feature, thresholds, masks, missing in self._columns:
            value = values[feature]
            reached &= masks[bisect_right(thresholds, value)] if value == value else missing  # noqa: PLR0124 - NaN
        total = self._total
        total.value = self._start
        words = self._words.unpack(reached.to_bytes(self._words.size, "little"))
        for leaves, word in zip(self._leaves, words, strict=True):
            total.value += leaves[word]
        return total.value

    def _draw_probes(self) -> list[list[float]]:
        columns = self._row.size // 4
        rows = [[NAN] * columns]
        for number in range(MOST_PROBES - 1):
            row = [0.0] * columns
            for feature, thresholds, _, _ in self._columns:
                row[feature] = thresholds[number * len(thresholds) // (MOST_PROBES - 1)]
            rows.append(row)
        return rows


def find_tables(content: bytes) -> TreeTables | None:
    """Return the tables of a model file whose frame is sound; None where the library alone knows how to score it."""
    if len(content) > LARGEST_FILE:
        return None
    try:
        return TreeTables(content)
    except (Unfit, ValueError, LookupError, ArithmeticError, AttributeError, error):
        return None


def find_trees(content: bytes) -> list[Tree]:
    """Return the trees of a model that adds one leaf of each: no weights by tree, no classes, no categories.

    Raises
    ------
    Unfit
        If it is another model.
    """
    arrays = [find_arrays(content, name, *kind) for name, kind in NODE.items()]
    trees = list(zip(*arrays, strict=True))
    plain = find_text(content, "num_class") == "0" and find_text(content, "num_target") == "1"
    categories = any(map(any, find_arrays(content, "split_type", "U", "B")))
    if not trees or not plain or categories or SUMMED not in content:
        raise Unfit
    return trees


def find_intercept(content: bytes) -> float:
    """Return the margin that the sum over the trees starts with.

    Raises
    ------
    Unfit
        If the objective is not one of `INTERCEPTS`.
    """
    objective = find_text(content, "name")
    if objective not in INTERCEPTS:
        raise Unfit
    return INTERCEPTS[objective](float32(float(find_text(content, "base_score").strip("[]"))))


def lay_out(trees: list[Tree]) -> tuple[dict[int, list[Split]], list[dict[int, float]], int]:
    """Give every leaf a bit, in one word for each tree.

    Returns
    -------
    tuple
        Splits by column: threshold, bits of the leaves on the left and on the right, and whether missing values go
        left. For each tree, the leaves' values by bit. All bits together.

    Raises
    ------
    Unfit
        If a tree has more than `MOST_LEAVES`, or a node before its parent.
    """
    splits: dict[int, list[Split]] = {}
    leaves: list[dict[int, float]] = []
    reachable = 0
    for number, (features, values, lefts, rights, defaults) in enumerate(trees):
        shift = MOST_LEAVES * number
        found: dict[int, float] = {}
        below = [0] * len(values)
        for node in range(len(values) - 1, -1, -1):
            left, right = lefts[node], rights[node]
            if left < 0:
                below[node] = bit = 1 << len(found)
                found[bit] = values[node]
                continue
            if left <= node or right <= node:
                raise Unfit
            below[node] = below[left] | below[right]
            split = values[node], below[left] << shift, below[right] << shift, defaults[node]
            splits.setdefault(features[node], []).append(split)
        if len(found) > MOST_LEAVES:
            raise Unfit
        leaves.append(found)
        reachable |= below[0] << shift
    return splits, leaves, reachable


def tabulate(splits: list[Split], reachable: int) -> tuple[list[float], list[int], int]:
    """Return a column's thresholds, what a value can reach in each range between them, and what a missing one can.

    A value below a threshold goes left, and reaches none of the leaves on the right; any other goes right.
    """
    lost_below: dict[float, int] = {}
    lost_above: dict[float, int] = {}
    lost_missing = 0
    for threshold, left, right, default_left in splits:
        lost_below[threshold] = lost_below.get(threshold, 0) | right
        lost_above[threshold] = lost_above.get(threshold, 0) | left
        lost_missing |= right if default_left else left
    thresholds = sorted(lost_below)
    below = [*accumulate((lost_below[one] for one in reversed(thresholds)), or_, initial=0)]
    above = accumulate((lost_above[one] for one in thresholds), or_, initial=0)
    masks = [reachable & ~(low | high) for low, high in zip(reversed(below), above, strict=True)]
    return thresholds, masks, reachable & ~lost_missing
