"""LightGBM's small trees as tables: columns are scored by lookups, to the bit as the library scores them row by row.

A column's thresholds, of all trees together, cut it into bins. A tree of few leaves uses a few bins of each column, so
which leaf a row falls into is one number, put together from one lookup for each column or group of columns, and one
more lookup gives the leaf's value. Values are added in the order of the trees, as the library adds them. A row is read
in many short steps without a branch, where the library guesses wrong at every other node.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import product
from math import inf, isfinite, nextafter, prod
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ratecard.serving.batch.treebins import CODE, Bins

ZERO = 1.0000000180025095e-35
"""`kZeroThreshold` of LightGBM: what is no further from zero is zero."""

MOST_CODES = 4096
"""Places of one table, at most: it stays in the processor's cache."""

MOST_PLACES = 1 << 20
"""Places of all trees together, at most: they are filled in by Python."""

NUMERICAL = {"0", "2"}
"""Values of `decision_type` for a number that is compared, and taken as 0 where it is missing."""

UNCHECKED = pc.TakeOptions(boundscheck=False)


class _Tree(NamedTuple):
    """A tree as the model file has it; a child below zero is a leaf."""

    features: list[int]
    thresholds: list[float]
    left: list[int]
    right: list[int]
    values: list[float]


class _Lookups(NamedTuple):
    """A tree as tables: of each group's codes, and of the leaves' values."""

    groups: list[tuple[int, pa.Array]]
    values: pa.Array


class TreeTables:
    """The trees of one model.

    Parameters
    ----------
    trees : list of _Tree
        In their order.
    """

    def __init__(self, trees: list[_Tree]) -> None:
        found: dict[int, set[float]] = {}
        for tree in trees:
            for feature, threshold in zip(tree.features, tree.thresholds, strict=True):
                found.setdefault(feature, set()).add(threshold)
        self._thresholds = {feature: sorted(found[feature]) for feature in found}
        self._bins = {feature: Bins(some) for feature, some in self._thresholds.items()}
        self._groups = group_features({feature: bins.count for feature, bins in self._bins.items()})
        self._trees = [self._tabulate(tree) for tree in trees]
        self._take, self._add = pc.get_function("array_take"), pc.get_function("add")

    def score(self, columns: list[pa.Array]) -> pa.Array:
        """Return the raw score of each row.

        Parameters
        ----------
        columns : list of pa.Array
            The engine's columns, float64 without nulls, at least one row.
        """
        take, add = self._take.call, self._add.call
        codes = [self._codes(group, columns) for group in self._groups]
        total = pa.repeat(pa.scalar(0.0), len(columns[0]))
        for groups, values in self._trees:
            place = pa.scalar(0, CODE)
            for number, (group, table) in enumerate(groups):
                part = take([table, codes[group]], UNCHECKED)
                place = add([place, part]) if number else part
            value = take([values, place], UNCHECKED) if groups else values[0]
            total = add([total, value])
        return total

    def _codes(self, group: list[int], columns: list[pa.Array]) -> pa.Array:
        """Say in one number in which bins of a group's columns each row lies."""
        code: pa.Array | None = None
        for feature in group:
            column = columns[feature]
            if not isfinite(pc.sum(column).as_py()):
                column = pc.if_else(pc.is_nan(column), 0.0, column)
            bins = self._bins[feature]
            place = bins.find(column)
            code = place if code is None else pc.add(pc.multiply(code, pa.scalar(bins.count, CODE)), place)
        return code

    def _tabulate(self, tree: _Tree) -> _Lookups:
        own = own_thresholds(tree)
        stride, steps = 1, {}
        for feature, some in own.items():
            # A bin of all trees' thresholds lies in one bin of this tree's.
            ends = (*self._thresholds[feature], inf)
            steps[feature] = [bisect_left(some, end) * stride for end in ends]
            stride *= len(some) + 1
        groups = []
        for number, group in enumerate(self._groups):
            if not any(feature in own for feature in group):
                continue
            places = [0]
            for feature in group:
                own_steps = steps.get(feature, [0] * self._bins[feature].count)
                places = [place + step for place in places for step in own_steps]
            groups.append((number, pa.array(places, CODE)))
        return _Lookups(groups, pa.array(tabulate_leaves(tree, own), pa.float64()))


def own_thresholds(tree: _Tree) -> dict[int, list[float]]:
    """Return the thresholds of one tree by feature, ascending."""
    found: dict[int, set[float]] = {}
    for feature, threshold in zip(tree.features, tree.thresholds, strict=True):
        found.setdefault(feature, set()).add(threshold)
    return {feature: sorted(some) for feature, some in found.items()}


def tabulate_leaves(tree: _Tree, own: dict[int, list[float]]) -> list[float]:
    """Return the leaf's value for each combination of a tree's own bins; the first feature's bins vary fastest."""
    table = [0.0] * prod(len(some) + 1 for some in own.values())
    features = list(own)
    strides = [prod(len(own[feature]) + 1 for feature in features[:place]) for place in range(len(features))]
    todo = [(0 if tree.features else -1, {feature: (0, len(own[feature]) + 1) for feature in features})]
    while todo:
        node, bins = todo.pop()
        if node < 0:
            ranges = [[b * s for b in range(*bins[f])] for f, s in zip(features, strides, strict=True)]
            for places in product(*ranges):
                table[sum(places)] = tree.values[~node]
            continue
        feature = tree.features[node]
        first, last = bins[feature]
        split = own[feature].index(tree.thresholds[node]) + 1
        todo.append((tree.left[node], bins | {feature: (first, min(last, split))}))
        todo.append((tree.right[node], bins | {feature: (max(first, split), last)}))
    return table


def group_features(bins: dict[int, int]) -> list[list[int]]:
    """Put features together, the ones of few bins first, as long as all combinations of their bins fit one table."""
    groups: list[list[int]] = []
    codes = MOST_CODES
    for feature in sorted(bins, key=lambda feature: (bins[feature], feature)):
        if codes * bins[feature] > MOST_CODES:
            groups.append([])
            codes = 1
        groups[-1].append(feature)
        codes *= bins[feature]
    return groups


@lru_cache(maxsize=4)
def find_tables(text: bytes) -> TreeTables | None:
    """Make tables of a LightGBM model; None if its trees do not fit them: the library then scores as ever.

    Parameters
    ----------
    text : bytes
        The model file.
    """
    head, *sections = text.decode().partition("\nend of trees")[0].split("\nTree=")
    if "\naverage_output" in head or "\nnum_tree_per_iteration=1\n" not in head:
        return None
    trees = [_parse_tree(section) for section in sections]
    if any(tree is None for tree in trees):
        return None
    whole = [tree for tree in trees if tree is not None]
    sizes = [prod(len(some) + 1 for some in own_thresholds(tree).values()) for tree in whole]
    if not sizes or max(sizes) > MOST_CODES or sum(sizes) > MOST_PLACES:
        return None
    return TreeTables(whole)


def _parse_tree(section: str) -> _Tree | None:
    """Read a tree; None if it has another kind of nodes than comparisons of numbers."""
    fields = dict(line.split("=", 1) for line in section.splitlines()[1:] if "=" in line)
    kinds = set(fields.get("decision_type", "").split())
    if fields.get("num_cat") != "0" or fields.get("is_linear", "0") != "0" or not kinds <= NUMERICAL:
        return None
    return _Tree(
        [int(word) for word in fields.get("split_feature", "").split()],
        [effective(float(word)) for word in fields.get("threshold", "").split()],
        [int(word) for word in fields.get("left_child", "").split()],
        [int(word) for word in fields.get("right_child", "").split()],
        [float(word) for word in fields["leaf_value"].split()],
    )


def effective(threshold: float) -> float:
    """Move a threshold that lies as near to zero as what the library takes for zero, so that the answers stay alike."""
    if -ZERO <= threshold < 0.0:
        return nextafter(-ZERO, -inf)
    return ZERO if 0.0 <= threshold < ZERO else threshold
