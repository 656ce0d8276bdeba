"""Engine rows that go where trained models and real data do not."""

from math import inf, isnan

from hypothesis import strategies as st

#: Largest number that float32 holds.
FLOAT32_LARGEST = 3.4028234663852886e38

#: The edges of float64 and float32, signed zeros, the missing value and infinities.
EDGES = (
    *(0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 1.1754943508222875e-38, 1e-45, 2.220446049250313e-16),
    *(FLOAT32_LARGEST, -FLOAT32_LARGEST, 3.5e38, 1e300, 1.7976931348623157e308, -1.7976931348623157e308),
    *(float("nan"), inf, -inf, 16777217.0, 2147483648.0, -2147483649.0, 9007199254740993.0),
)

#: Codes of a categorical column: in training, beyond it, negative, fractional, missing.
CODES = (0.0, 1.0, 5.0, 6.0, 31.0, 32.0, 63.0, 64.0, 1e6, -1.0, -0.5, 2.5, float("nan"))


def numbers(largest: float = inf) -> st.SearchStrategy[float]:
    """Any float64 that may be missing, up to a size: the edges, the usual, anything."""
    edges = [edge for edge in EDGES if isnan(edge) or abs(edge) <= largest]
    anything = st.floats(-largest, largest) if largest < inf else st.floats()
    return st.one_of(st.sampled_from(edges), st.floats(-10, 10), anything)


def engine_rows(columns: int, largest: float = inf) -> st.SearchStrategy[list[list[float]]]:
    """One to twenty rows, the last column a category's code half of the time."""
    value = numbers(largest)
    row = st.tuples(*[value] * (columns - 1), st.sampled_from(CODES) | value).map(list)
    return st.lists(row, min_size=1, max_size=20)
