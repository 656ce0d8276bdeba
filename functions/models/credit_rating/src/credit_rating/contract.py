"""What the credit-rating model takes and gives, its score scale, its grades and its cut-offs.

Source of the fields' meaning: UCI Machine Learning Repository, data set 350 (Yeh & Lien 2009). Amounts are New Taiwan
dollars. Month 1 is the latest month. Sex, marital status and age are known to the training data and are not inputs.
"""

from __future__ import annotations

from ratecard.contract import (
    Category,
    Choice,
    Integer,
    ModelContract,
    Number,
    Points,
    Probability,
    Ratio,
    Reason,
    ScoreScale,
)

MONTHS = (1, 2, 3, 4, 5, 6)
WHEN = ("in the latest month", *(f"{month - 1} month{'s' * (month > 2)} before the latest" for month in MONTHS[1:]))

SCALE = ScoreScale(points=600.0, odds=50.0, points_to_double=20.0)

LOWEST_SCORE, HIGHEST_SCORE = 300, 700
"""Ends of the published scale; the model's own range lies well inside."""

GRADE_FLOORS = (
    ("A", 575),
    ("B", 553),
    ("C", 544),
    ("D", 530),
    ("E", 520),
    ("F", 509),
    ("G", 495),
    ("H", 476),
    ("I", 459),
)
"""Lowest score of each grade, best first; J is below all of them."""

APPROVE_FROM, REFER_FROM = 530, 495
"""Lowest scores that are approved (grades A to D), and that a person looks at (E to G); below is declined."""

GRADES = (*(grade for grade, _ in GRADE_FLOORS), "J")


def _repayment_status(month: int) -> Integer:
    return Integer(
        f"repayment_status_{month}",
        unit="months of delay",
        minimum=-2,
        maximum=8,
        about=(
            f"State of repayment {WHEN[month - 1]}: -2 no use of the card, -1 paid in full, 0 part of the balance "
            "carried over without delay, 1 to 8 months of delay."
        ),
        sample=-1 if month <= 2 else 0,
    )


def _statement_balance(month: int) -> Number:
    return Number(
        f"statement_balance_{month}",
        unit="TWD",
        minimum=-1_000_000,
        maximum=2_000_000,
        about=f"Balance of the statement {WHEN[month - 1]}; below zero if the account is in credit.",
        sample=24_000.0 + 1_500.0 * month,
        # The engine sees it as a share of the limit: then a higher balance can never raise the score.
        scored=False,
    )


def _payment(month: int) -> Number:
    return Number(
        f"payment_{month}",
        unit="TWD",
        minimum=0,
        maximum=2_000_000,
        about=f"Amount paid {WHEN[month - 1]}.",
        sample=6_000.0,
    )


def _utilisation(month: int) -> Ratio:
    return Ratio(
        f"utilisation_{month}",
        numerator=f"statement_balance_{month}",
        denominator="credit_limit",
        about=f"Share of the credit limit in use {WHEN[month - 1]}.",
    )


def _columns(stem: str, *months: int) -> tuple[str, ...]:
    return tuple(f"{stem}_{month}" for month in months)


CONTRACT = ModelContract(
    slug="credit-rating",
    version="1.0.0",
    title="Consumer credit rating",
    about="The chance that a credit-card holder misses next month's payment, as a score, a grade and a decision.",
    features=(
        Number(
            "credit_limit",
            unit="TWD",
            minimum=10_000,
            maximum=1_000_000,
            about="Credit granted to the person and the family, all lines together.",
            sample=200_000.0,
        ),
        Category(
            "education",
            values=("graduate", "university", "high_school", "other"),
            about="Highest degree; other where it is none of these or not known.",
            sample="university",
        ),
        *(_repayment_status(month) for month in MONTHS),
        *(_statement_balance(month) for month in MONTHS),
        *(_payment(month) for month in MONTHS),
    ),
    derived=tuple(_utilisation(month) for month in MONTHS),
    outputs=(
        Probability("probability_of_default", about="Chance that next month's payment is missed."),
        Points(
            "score",
            minimum=LOWEST_SCORE,
            maximum=HIGHEST_SCORE,
            about="600 points at odds of 50 good to 1 bad; every 20 points double the odds.",
        ),
        Choice("grade", values=GRADES, about="Grade of the master scale, A is best."),
        Choice(
            "decision",
            values=("approve", "refer", "decline"),
            about=f"approve from {APPROVE_FROM} points, refer to a person from {REFER_FROM} points, else decline.",
        ),
    ),
    reasons=(
        Reason(
            "R01",
            _columns("repayment_status", 1),
            "The latest payment is late.",
            "Bring the account up to date, and pay at least the minimum by the due date.",
        ),
        Reason(
            "R02",
            _columns("repayment_status", 2, 3, 4, 5, 6),
            "Payments were late in the months before the latest.",
            "Pay every statement by its due date; the six latest months are what counts.",
        ),
        Reason(
            "R03",
            _columns("utilisation", 1),
            "A large part of the credit limit is in use.",
            "Bring the balance down in relation to the credit limit.",
        ),
        Reason(
            "R04",
            _columns("utilisation", 2, 3, 4, 5, 6),
            "A large part of the credit limit was in use in the months before the latest.",
            "Keep the balance low in relation to the credit limit for several months.",
        ),
        Reason(
            "R05",
            _columns("payment", 1),
            "The latest payment was small or missing.",
            "Pay more than the minimum.",
        ),
        Reason(
            "R06",
            _columns("payment", 2, 3, 4, 5, 6),
            "Payments were small or missing in some of the months before the latest.",
            "Pay more than the minimum, several months in a row.",
        ),
        Reason("R07", ("credit_limit",), "The credit limit granted so far is low."),
        Reason("R08", ("education",), "The level of education stated."),
    ),
    scale=SCALE,
)
