"""Small businesses: the same procedure on loans that the US Small Business Administration guaranteed.

Of the file only what is known when a loan is applied for is used. What is not, and would leak the outcome: Term
(that of a failed loan was cut short), ChgOffDate, ChgOffPrinGr, BalanceGross, DisbursementGross and later
dates; and of the case file RealEstate, daysterm, xx and Recession, which follow from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.binning import BinningPlan
from ratecard_workbench.training.crossval import compute_out_of_fold
from ratecard_workbench.training.folds import Fold, cross_validation
from ratecard_workbench.training.intervals import Interval, compute_delong, compute_resampled, compute_wilson
from ratecard_workbench.training.learner import Learner
from ratecard_workbench.training.platt import fit_platt
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.scorecard import Scorecard, ScorecardPlan, learn_scorecard
from ratecard_workbench.training.table import Table

FIRST_YEAR = 1997
"""The file's older rows are a handful of 1972 to 1981, nearly all charged off: an artefact of how the file was cut."""

LAST_TRAINING_YEAR = 2004
"""Trained on approvals up to this fiscal year, tested on those after it."""

SECTORS = tuple(range(100))
"""Two digits of the North American Industry Classification; 0 is not known."""

COLUMNS = (
    "amount",
    "guaranteed_share",
    "employees",
    "new_business",
    "franchise",
    "revolving_line",
    "low_documentation",
    "bank_in_state",
    "sector",
)
FLAGS = {"Y": 1.0, "N": 0.0}
"""Other codes of RevLineCr and LowDoc are not explained, and count as missing."""


@dataclass(frozen=True, slots=True)
class SmallBusiness:
    """What was measured on one file.

    Attributes
    ----------
    rows : int
        Loans with an outcome, approved in `FIRST_YEAR` or later.
    rate : Interval
        Charged off, with its Wilson interval.
    cross_validated, with_term : Interval
        AUC by stratified 10-fold cross-validation; and if Term were used, which leaks.
    tested : int
        Loans approved after `LAST_TRAINING_YEAR`.
    forward : Interval
        AUC on these, by a card from the years before (DeLong).
    predicted, happened : float
        Mean probability that the older years' calibration gives the tested loans, and how many of them failed.
    """

    rows: int
    rate: Interval
    cross_validated: Interval
    with_term: Interval
    tested: int
    forward: Interval
    predicted: float
    happened: float


def encode_loans(table: Table) -> tuple[Population, NDArray[np.int64]]:
    """Return the file's loans with an outcome, and their fiscal years of approval; Term is the last column."""
    years = np.array([int(str(year)[:4]) for year in table["ApprovalFY"]])
    status = table["MIS_Status"].astype(str)
    kept = (years >= FIRST_YEAR) & np.isin(status, ("CHGOFF", "P I F"))
    loans = {name: values[kept] for name, values in table.items()}
    amount = loans["GrAppv"].astype(np.float64)
    sector = np.array([float(str(code)[:2]) for code in loans["NAICS"]])
    columns = (
        amount,
        loans["SBA_Appv"].astype(np.float64) / amount,
        loans["NoEmp"].astype(np.float64),
        recode(loans["NewExist"], {"1": 0.0, "2": 1.0, "1.0": 0.0, "2.0": 1.0}),
        (loans["FranchiseCode"].astype(np.int64) > 1).astype(np.float64),
        recode(loans["RevLineCr"], FLAGS),
        recode(loans["LowDoc"], FLAGS),
        (loans["BankState"].astype(str) == loans["State"].astype(str)).astype(np.float64),
        np.where(sector > 0, sector, np.nan),
        loans["Term"].astype(np.float64),
    )
    return Population(np.column_stack(columns), (status[kept] == "CHGOFF").astype(np.int8)), years[kept]


def recode(values: NDArray[np.generic], codes: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the number of each code; NaN for one that is not explained."""
    return np.array([codes.get(str(value), np.nan) for value in values])


def make_learner(binning: BinningPlan, *names: str) -> Learner[Scorecard]:
    """Return the model's own procedure for these columns."""
    return learn_scorecard(ScorecardPlan(column_names=names, categories={"sector": len(SECTORS)}, binning=binning))


def measure_loans(table: Table, binning: BinningPlan, seed: int) -> SmallBusiness:
    """Measure the procedure on one file of small-business loans.

    Parameters
    ----------
    table : dict of str to array
        Columns as the file names them.
    binning : BinningPlan
        As fine as the shipped model's bins.
    seed : int
        Of the folds.
    """
    leaking, years = encode_loans(table)
    population = Population(leaking.columns[:, : len(COLUMNS)], leaking.events)
    learner = make_learner(binning, *COLUMNS)
    old, new = np.flatnonzero(years <= LAST_TRAINING_YEAR), np.flatnonzero(years > LAST_TRAINING_YEAR)
    events = population.events
    card = learner.fit(population.columns[old], events[old])
    margins = learner.score(card, population.columns)
    calibrated = fit_platt(margins[old], events[old]).probabilities(margins[new])
    folds = cross_validation(events, 10, 1, seed).folds
    return SmallBusiness(
        rows=len(population),
        rate=compute_wilson(int(events.sum()), events.size),
        cross_validated=cross_validate(learner, population, folds),
        with_term=cross_validate(make_learner(binning, *COLUMNS, "term"), leaking, folds),
        tested=int(new.size),
        forward=compute_delong(margins[new], events[new]),
        predicted=float(calibrated.mean()),
        happened=float(events[new].mean()),
    )


def cross_validate(learner: Learner[Scorecard], population: Population, folds: Sequence[Fold]) -> Interval:
    """Return the mean AUC over the folds with the corrected resampled interval."""
    found = compute_out_of_fold(learner.as_fit(), population, folds)
    return compute_resampled(found.fold_auc, found.test_share)
