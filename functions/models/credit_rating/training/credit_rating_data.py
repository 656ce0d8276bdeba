"""UCI data set 350, cleaned and put into the words of the contract.

Its module name is unique because a recipe's folder is put on the path as it is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from credit_rating.contract import CONTRACT, MONTHS
from ratecard_workbench.training.fairness import band_ages
from ratecard_workbench.training.population import Population, encode_records, find_repeated
from ratecard_workbench.training.table import Table

TARGET = "default.payment.next.month"
EDUCATION = {1: "graduate", 2: "university", 3: "high_school", 4: "other"}
"""The documented codes; 0, 5 and 6 also occur, and are other."""

SEX = {1: "male", 2: "female"}
MARITAL_STATUS = {1: "married", 2: "single", 3: "other"}
"""The documented codes; 0 also occurs, and is other."""

SOURCES: Mapping[str, str] = (
    {"credit_limit": "LIMIT_BAL"}
    # The file has no PAY_1: its PAY_0 is the latest month.
    | {f"repayment_status_{month}": f"PAY_{0 if month == 1 else month}" for month in MONTHS}
    | {f"statement_balance_{month}": f"BILL_AMT{month}" for month in MONTHS}
    | {f"payment_{month}": f"PAY_AMT{month}" for month in MONTHS}
)
"""Column of the file for each numeric feature."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What cleaning found.

    Attributes
    ----------
    rows_read : int
        Rows of the file.
    repeated : int
        Rows equal to an earlier one in all columns but the identifier; dropped.
    contradictory : int
        Kept rows that share all inputs and protected attributes with another kept row but not the outcome.
    undocumented_education, undocumented_marital_status, undocumented_repayment_status : int
        Kept rows with a code that the publisher does not explain (in any month, for the repayment status).
    """

    rows_read: int
    repeated: int
    contradictory: int
    undocumented_education: int
    undocumented_marital_status: int
    undocumented_repayment_status: int


def clean_table(table: Table) -> tuple[Population, Cleaning]:
    """Clean the file's rows and encode them by the contract.

    Parameters
    ----------
    table : dict of str to array
        Columns as the file names them.

    Returns
    -------
    tuple of Population and Cleaning
        Rows in the order of the file, and what was found in them.
    """
    keys = np.column_stack([values.astype(np.float64) for name, values in table.items() if name != "ID"])
    repeated = find_repeated(keys)
    kept = {name: values[~repeated] for name, values in table.items()}
    groups = {
        "sex": name_codes(kept["SEX"], SEX),
        "marital status": name_codes(kept["MARRIAGE"], MARITAL_STATUS),
        "age": band_ages(kept["AGE"].astype(np.int64)),
    }
    population = Population(encode_records(CONTRACT, list_records(kept)), kept[TARGET].astype(np.int8), groups)
    return population, Cleaning(repeated.size, int(repeated.sum()), *_count_oddities(kept))


def list_records(table: Table) -> list[dict[str, object]]:
    """Return each row as a client of the model would send it."""
    columns: dict[str, list[object]] = {
        name: table[source].astype(np.float64).tolist() for name, source in SOURCES.items()
    }
    columns["education"] = name_codes(table["EDUCATION"], EDUCATION).tolist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def name_codes(codes: NDArray[np.generic], names: Mapping[int, str]) -> NDArray[np.str_]:
    """Name each code; one without a name is other."""
    return np.array([names.get(int(code), "other") for code in codes.astype(np.int64)])


def _count_oddities(table: Table) -> tuple[int, int, int, int]:
    inputs = np.column_stack(
        [values.astype(np.float64) for name, values in table.items() if name not in ("ID", TARGET)]
    )
    counts = Counter(row.tobytes() for row in inputs)
    statuses = np.column_stack([table[SOURCES[f"repayment_status_{month}"]].astype(np.int64) for month in MONTHS])
    return (
        sum(count for count in counts.values() if count > 1),
        int((~np.isin(table["EDUCATION"].astype(np.int64), list(EDUCATION))).sum()),
        int((~np.isin(table["MARRIAGE"].astype(np.int64), list(MARITAL_STATUS))).sum()),
        # UCI explains -1 (paid duly) and 1 to 9; -2 and 0 are explained by the data's users only.
        int(np.isin(statuses, (-2, 0)).any(axis=1).sum()),
    )
