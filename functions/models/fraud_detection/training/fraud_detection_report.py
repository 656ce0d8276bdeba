"""What the card says beside the common tables: actions by cards and money, frauds by scenario, typical payments."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from fraud_detection_data import Case
from numpy.typing import NDArray

from fraud_detection.contract import CONTRACT
from ratecard_workbench.training.alert_table import ActionRow, AlertRow, Payments, compute_action_rows
from ratecard_workbench.training.card import format_share, format_table

SCENARIOS = {1: "1, large amount", 2: "2, compromised terminal", 3: "3, leaked credentials"}
ACTED = ("step_up", "block", "step_up or block")


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """What the actions catch of one kind of fraud.

    Attributes
    ----------
    scenario : str
        Its number and name.
    frauds : int
        How many.
    stepped_up, blocked : float
        Shares of them.
    """

    scenario: str
    frauds: int
    stepped_up: float
    blocked: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What is measured of the shipped model's actions on the test week."""

    actions: Sequence[ActionRow]
    scenarios: Sequence[ScenarioRow]
    development_cards_a_day: float
    typical: Mapping[str, float]
    procedures: Sequence[AlertRow]

    def describe(self) -> dict[str, object]:
        """Return the members of `measured.json`."""
        return {
            "actions": [asdict(row) for row in self.actions],
            "scenarios": [asdict(row) for row in self.scenarios],
            "development_cards_a_day": self.development_cards_a_day,
            "typical": dict(self.typical),
            "procedures": [asdict(row) for row in self.procedures],
        }


def compute_findings(case: Case, actions: NDArray[np.str_], procedures: Sequence[AlertRow]) -> Findings:
    """Measure actions; `actions` has one for each row, from models that did not see the row."""
    train, test = case.fold.train, case.fold.test
    tested, taken = case.payments.take(test), actions[test]
    genuine = case.population.columns[train][case.population.events[train] == 0]
    medians = np.median(genuine, axis=0).tolist()
    return Findings(
        actions=[*compute_action_rows(ACTED[:2], taken, tested), _sum_up_acted(taken, tested)],
        scenarios=[_count_scenario(number, taken, case.scenarios[test]) for number in SCENARIOS],
        development_cards_a_day=_sum_up_acted(actions[train], case.payments.take(train)).cards_a_day,
        typical={name: round(value, 2) for name, value in zip(CONTRACT.columns, medians, strict=True)},
        procedures=procedures,
    )


def format_scenarios(rows: Sequence[ScenarioRow]) -> str:
    """Write the table of kinds of fraud."""
    return format_table(
        ("scenario", "frauds", "stepped up", "blocked"),
        [(row.scenario, f"{row.frauds:,}", format_share(row.stepped_up), format_share(row.blocked)) for row in rows],
    )


def _sum_up_acted(taken: NDArray[np.str_], payments: Payments) -> ActionRow:
    both = np.where(np.isin(taken, ACTED[:2]), ACTED[2], "allow")
    return compute_action_rows(ACTED[2:], both, payments)[0]


def _count_scenario(number: int, taken: NDArray[np.str_], scenarios: NDArray[np.int8]) -> ScenarioRow:
    theirs = taken[scenarios == number]
    shares = [float((theirs == action).mean()) if theirs.size else 0.0 for action in ACTED[:2]]
    return ScenarioRow(SCENARIOS[number], int(theirs.size), *shares)
