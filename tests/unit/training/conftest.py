"""A small population whose risk is known."""

import numpy as np
import pytest

from ratecard_workbench.training.population import Population


@pytest.fixture(scope="session")
def population():
    """1,500 rows: risk rises with the first column, falls with the second, and ignores the third."""
    random = np.random.default_rng(11)
    columns = np.column_stack([random.normal(size=1500), random.normal(size=1500), random.integers(0, 4, 1500)])
    chance = 1 / (1 + np.exp(1.0 - 1.5 * columns[:, 0] + columns[:, 1]))
    groups = {"group": np.where(random.random(1500) < 0.5, "x", "y")}
    return Population(columns, (random.random(1500) < chance).astype(np.int8), groups)
