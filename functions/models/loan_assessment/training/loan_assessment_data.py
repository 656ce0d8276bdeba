"""UCI data set 522, South German credit, put into the words of the contract.

Its module name is unique because a recipe's folder is put on the path as it is.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from loan_assessment.contract import CONTRACT
from ratecard_workbench.training.fairness import band_ages
from ratecard_workbench.training.population import Population, encode_records
from ratecard_workbench.training.table import Table

TARGET = "credit_risk"
"""1 where the loan was repaid as agreed, 0 where not."""

WORDS: Mapping[str, tuple[str, Mapping[int, str]]] = {
    "checking_account": ("status", {1: "none", 2: "overdrawn", 3: "below_200", 4: "from_200_or_salary"}),
    "credit_history": (
        "credit_history",
        {
            0: "delay_in_the_past",
            1: "critical_or_elsewhere",
            2: "none_or_all_repaid",
            3: "existing_duly",
            4: "all_here_duly",
        },
    ),
    "purpose": (
        "purpose",
        {
            0: "other",
            1: "car_new",
            2: "car_used",
            3: "furniture",
            4: "radio_television",
            5: "appliances",
            6: "repairs",
            8: "vacation",
            9: "retraining",
            10: "business",
        },
    ),
    "other_debtors": ("other_debtors", {1: "none", 2: "co_applicant", 3: "guarantor"}),
    "other_instalments": ("other_installment_plans", {1: "bank", 2: "stores", 3: "none"}),
}
"""Column of the file for each category, and its corrected codes; code 7 of the purpose, education, does not occur."""

BANDS: Mapping[str, tuple[str, Mapping[int, float | None]]] = {
    "savings": ("savings", {1: None, 2: 0.0, 3: 100.0, 4: 500.0, 5: 1000.0}),
    "employment_years": ("employment_duration", {1: None, 2: 0.0, 3: 1.0, 4: 4.0, 5: 7.0}),
}
"""The file has bands of these numbers; each stands for its lower end, so that bins part numbers where the bands do."""

NUMBERS = {"duration_months": "duration", "amount": "amount"}
"""Column of the file for each plain number."""

GROUPS: Mapping[str, tuple[str, Mapping[int, str]]] = {
    "personal status and sex": (
        "personal_status_sex",
        {
            1: "male, divorced or separated",
            2: "female, not single, or male, single",
            3: "male, married or widowed",
            4: "female, single",
        },
    ),
    "foreign worker": ("foreign_worker", {1: "yes", 2: "no"}),
    "dependants": ("people_liable", {1: "three or more", 2: "none to two"}),
}
"""Protected attributes: for the fairness table only."""


def shuffle_rows(table: Table, seed: int) -> Table:
    """Return the rows in a seeded order: the file has all good loans first, and a sample of it would be of one kind."""
    order = np.random.default_rng(seed).permutation(table[TARGET].size)
    return {name: values[order] for name, values in table.items()}


def encode_table(table: Table) -> Population:
    """Encode the file's rows by the contract; the event is a loan that was not repaid as agreed."""
    groups = {name: name_codes(table[source], words) for name, (source, words) in GROUPS.items()}
    groups["age"] = band_ages(table["age"].astype(np.int64))
    segments = {
        "purpose": name_codes(table["purpose"], WORDS["purpose"][1]),
        "amount": band_amounts(table["amount"].astype(np.float64)),
    }
    events = (1 - table[TARGET].astype(np.int8)).astype(np.int8)
    return Population(encode_records(CONTRACT, list_records(table)), events, groups, segments)


def encode_all_fields(table: Table) -> Population:
    """Return the same rows with all twenty fields of the file as they are: to measure what leaving fields out costs."""
    names = [name for name in table if name != TARGET]
    events = (1 - table[TARGET].astype(np.int8)).astype(np.int8)
    return Population(np.column_stack([table[name].astype(np.float64) for name in names]), events)


def list_records(table: Table) -> list[dict[str, object]]:
    """Return each row as a client of the model would send it."""
    columns: dict[str, list[object]] = {name: table[source].tolist() for name, source in NUMBERS.items()}
    columns |= {name: name_codes(table[source], words).tolist() for name, (source, words) in WORDS.items()}
    for name, (source, ends) in BANDS.items():
        columns[name] = [ends[int(code)] for code in table[source]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def name_codes(codes: NDArray[np.generic], words: Mapping[int, str]) -> NDArray[np.str_]:
    """Name each code; one that the publisher does not explain is a KeyError."""
    return np.array([words[code] for code in codes.astype(np.int64).tolist()])


def band_amounts(amounts: NDArray[np.float64]) -> NDArray[np.str_]:
    """Name the third that an amount lies in, by round borders."""
    names = np.array(["below 1,500 DEM", "from 1,500 to 4,000 DEM", "from 4,000 DEM"])
    return names[np.searchsorted(np.array([1_500.0, 4_000.0]), amounts, side="right")]
