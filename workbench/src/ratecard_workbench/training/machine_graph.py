"""Words and skewed numbers before a radial-basis machine, written as one graph of nine operations.

The usual converter writes Yeo-Johnson's transformation in thirty operations for every group of columns, both of its
branches among them. For one row, each operation costs more than what it computes. Numbers that the contract keeps at 0
or above need one branch, and all columns of numbers can be raised to their powers at once, and to twice their powers:
the length of a row is then a sum of what is there already. What a row's words do to the
kernel is one row of a table by all of its words: between calls the caches are lost, and whatever of the vectors a call
does not read it need not wait for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer
from sklearn.svm import SVC, SVR

from ratecard.contract import ModelContract
from ratecard_workbench.training.artifact import ExportError
from ratecard_workbench.training.kernel_graph import take_turns

LEAST_POWER = 0.01
"""Powers nearer to 0 stand for a logarithm, which float32 cannot compute as a difference of powers."""

OPERATIONS, FORMAT = 13, 8
"""Operator set and version of the file format: old ones, which every runtime reads."""

LARGEST_RAISED = 1e30
"""Numbers raised to twice their powers stay below this at the contract's ends: float32 ends at 3e38."""

ROW, EVENT = "X", "event"

MOST_WORDS = 200
"""Rows of the table, one for each combination of words."""


@dataclass(frozen=True, slots=True)
class Words:
    """An encoded column of words.

    Attributes
    ----------
    column : int
        Its place in a row.
    codes : array of float64
        Those the encoder has seen; any other is none of them.
    places : list of int
        Of its parts among the machine's columns.
    weight : float
        What the machine is given for a word that a row has.
    """

    column: int
    codes: NDArray[np.float64]
    places: list[int]
    weight: float

    def encode(self, code: int) -> NDArray[np.float64]:
        """Return what the machine is given for a code."""
        return np.where(self.codes == code, self.weight, 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a row before the kernel.

    Attributes
    ----------
    columns : list of int
        Of a row, that become numbers of the machine.
    powers : array of float64, shape (numbers,)
        Each of these columns plus 1 is raised to its own.
    scale : array of float64, shape (numbers,)
        By what each is then multiplied.
    shift : array of float64, shape (numbers,)
        What is added to them.
    numbers : list of int
        Their places among the machine's columns.
    words : list of Words
        All encoded columns.
    """

    columns: list[int]
    powers: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    numbers: list[int]
    words: list[Words]


def lower_machine(pipeline: Pipeline, contract: ModelContract) -> tuple[bytes, str]:
    """Return the graph of a fitted pipeline, and what its one output is: "log_odds".

    Parameters
    ----------
    pipeline : Pipeline
        A `ColumnTransformer` of `OneHotEncoder` and standardizing Yeo-Johnson `PowerTransformer`, then a radial `SVC`
        of two classes, or a radial `SVR` of margins.
    contract : ModelContract
        Its numbers must lie at 0 or above, its words be categories, and none may be missing.

    Raises
    ------
    ExportError
        If a step is of another kind, a number may be negative, missing or too large, a power is too near 0, or words
        have more than `MOST_WORDS` combinations.
    """
    columns, machine = pipeline[0], pipeline[-1]
    if len(pipeline) != 2 or not isinstance(columns, ColumnTransformer) or not isinstance(machine, SVC | SVR):
        raise ExportError("only a column transformer before a support vector machine is written as a small graph")
    classes = 2 if isinstance(machine, SVR) else len(machine.classes_)
    if machine.kernel != "rbf" or classes != 2 or isinstance(machine.gamma, str):
        raise ExportError("only a radial machine of two classes with a gamma in figures is written as a small graph")
    plan = _plan_columns(columns)
    _refuse_unfit_numbers(plan, contract)
    constants = _list_constants(plan, machine, contract)
    graph = helper.make_graph(
        _list_nodes(),
        "machine",
        [helper.make_tensor_value_info(ROW, TensorProto.FLOAT, [None, len(contract.columns)])],
        [helper.make_tensor_value_info(EVENT, TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPERATIONS)], ir_version=FORMAT)
    content: bytes = model.SerializeToString()
    return content, "log_odds"


def _plan_columns(columns: ColumnTransformer) -> Plan:
    """Read the fitted steps, in the order in which the machine has their columns."""
    weights = columns.transformer_weights or {}
    powers, scales, shifts = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    raised: list[int] = []
    numbers: list[int] = []
    words: list[Words] = []
    place = 0
    for name, step, chosen in columns.transformers_:
        weight = float(weights.get(name, 1.0))
        if _is_encoder(step):
            for column, codes in zip(chosen, step.categories_, strict=True):
                words.append(Words(column, codes, list(range(place, place + len(codes))), weight))
                place += len(codes)
        elif _is_power(step):
            if np.abs(step.lambdas_).min() < LEAST_POWER:
                raise ExportError(f"a power of the step {name} is too near 0 for the small graph")
            # A line in (x + 1)^power, whose two numbers are read off at 0 and 1.
            at_zero, at_one = step.transform(np.array([[0.0], [1.0]]) * np.ones(len(chosen)))
            slope = (at_one - at_zero) / (2.0**step.lambdas_ - 1)
            powers.append(step.lambdas_)
            scales.append(weight * slope)
            shifts.append(weight * (at_zero - slope))
            raised.extend(chosen)
            numbers.extend(range(place, place + len(chosen)))
            place += len(chosen)
        elif step != "drop":
            raise ExportError(f"the step {name} is neither one-hot encoding nor Yeo-Johnson with standardizing")
    return Plan(raised, np.concatenate(powers), np.concatenate(scales), np.concatenate(shifts), numbers, words)


def _is_encoder(step: object) -> bool:
    whole = ("drop", "min_frequency", "max_categories")
    return isinstance(step, OneHotEncoder) and all(getattr(step, name) is None for name in whole)


def _is_power(step: object) -> bool:
    return isinstance(step, PowerTransformer) and step.method == "yeo-johnson" and bool(step.standardize)


def _refuse_unfit_numbers(plan: Plan, contract: ModelContract) -> None:
    for place, power in zip(plan.columns, plan.powers, strict=True):
        feature = contract.features[place]
        if getattr(feature, "missing", False) or getattr(feature, "minimum", 0) < 0:
            raise ExportError(f"{feature.name} may be negative or missing, and the small graph has no branch for it")
        if 2 * power * np.log1p(getattr(feature, "maximum", 1)) > np.log(LARGEST_RAISED):
            raise ExportError(f"{feature.name} may be too large for the power it is raised to in the small graph")


def _list_constants(plan: Plan, machine: SVC, contract: ModelContract) -> dict[str, NDArray[np.generic]]:
    """Return the constants by name.

    The kernel's exponent is -gamma (|x|^2 + |s|^2 - 2 x.s): one matrix product, if |x|^2 of the numbers goes with the
    row as one more column. A number is a line in a power, x = a r + b, and x^2 is a^2 r^2 + 2 a b r + b^2, of which
    r^2 is the column raised to twice the power. The part that words have in the exponent is in the table, with |s|^2
    of the numbers.
    """
    turns = take_turns(machine.n_support_)
    vectors, gamma = machine.support_vectors_[turns], float(machine.gamma)
    sizes = [_count_words(contract, words) for words in plan.words]
    if prod(sizes) > MOST_WORDS:
        raise ExportError(f"{prod(sizes)} combinations of words are too many for the small graph's table")
    strides = np.zeros(len(contract.columns))
    for place, words in enumerate(plan.words):
        strides[words.column] = prod(sizes[place + 1 :])
    numbers = vectors[:, plan.numbers]
    twice = [*plan.columns, *plan.columns]
    length = np.concatenate([2 * plan.scale * plan.shift, plan.scale**2])
    lines = np.vstack([np.diag(plan.scale), np.zeros((len(plan.scale), len(plan.scale)))])
    constants: dict[str, NDArray[np.float64]] = {
        "strides": strides,
        "table": -gamma * ((numbers**2).sum(axis=1) + np.stack(list(_list_distances(plan.words, sizes, vectors)))),
        "twice": np.eye(len(contract.columns))[:, twice],
        "one": np.ones(1),
        "powers": np.concatenate([plan.powers, 2 * plan.powers]),
        "scale": np.column_stack([lines, length]),
        "shift": np.append(plan.shift, (plan.shift**2).sum()),
        "vectors": np.vstack([2 * gamma * numbers.T, np.full((1, len(vectors)), -gamma)]),
        "coefficients": machine.dual_coef_.T[turns],
        "constant": machine.intercept_,
    }
    return {name: value.astype(np.float32) for name, value in constants.items()}


def _count_words(contract: ModelContract, words: Words) -> int:
    feature = contract.features[words.column]
    values: tuple[str, ...] = getattr(feature, "values", ())
    if not values or getattr(feature, "missing", False):
        raise ExportError(f"{feature.name} is no category, or may be missing, and has no place in the table of words")
    return len(values)


def _list_distances(
    words: list[Words], sizes: list[int], vectors: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """Give the squared distance from each combination of words to the words of each vector."""
    for combination in product(*map(range, sizes)):
        distance = np.zeros(len(vectors))
        for one, code in zip(words, combination, strict=True):
            distance += ((one.encode(code) - vectors[:, one.places]) ** 2).sum(axis=1)
        yield distance


def _list_nodes() -> list[NodeProto]:
    return [
        helper.make_node("MatMul", [ROW, "strides"], ["place"]),
        helper.make_node("Cast", ["place"], ["words"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "words"], ["lengths"], axis=0),
        helper.make_node("Gemm", [ROW, "twice", "one"], ["above"]),
        helper.make_node("Pow", ["above", "powers"], ["raised"]),
        helper.make_node("Gemm", ["raised", "scale", "shift"], ["row"]),
        helper.make_node("Gemm", ["row", "vectors", "lengths"], ["exponents"]),
        helper.make_node("Exp", ["exponents"], ["kernel"]),
        helper.make_node("Gemm", ["kernel", "coefficients", "constant"], [EVENT]),
    ]
