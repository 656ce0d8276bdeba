"""What the fraud-detection model takes and gives, and from which probability it acts.

The fields are those of chapter 3 of the fraud detection handbook (Le Borgne et al. 2022). `features.py` computes them
from raw transactions, for training and for callers.
"""

from __future__ import annotations

from ratecard.contract import Boolean, Choice, Integer, ModelContract, Number, Probability, Reason

WINDOWS = (1, 7, 30)
"""Lengths of the windows in days, as in `features.py`, which costs a cold start too much to import here."""

STEP_UP_FROM, BLOCK_FROM = 0.06, 0.5
"""Least probabilities of the two actions."""

LARGEST_AMOUNT = 100_000.0

TYPICAL = {
    "amount": (44.08,),
    "customer_transactions": (3.0, 19.0, 82.0),
    "customer_mean_amount": (48.88, 51.87, 52.55),
    "terminal_transactions": (1.0, 7.0, 30.0),
    "terminal_fraud_share": (0.0, 0.0, 0.0),
}
"""Medians of the genuine payments that the model was trained on, by stem and window: what reasons are shown beside."""


def _days(days: int) -> str:
    return f"{days} day{'s' * (days > 1)}"


def _customer_transactions(days: int) -> Integer:
    return Integer(
        f"customer_transactions_{days}d",
        unit="transactions",
        minimum=1,
        maximum=50_000,
        about=f"The customer's transactions in the {_days(days)} that end with this one, itself included.",
        sample=2 * days,
    )


def _customer_mean_amount(days: int) -> Number:
    return Number(
        f"customer_mean_amount_{days}d",
        unit="EUR",
        minimum=0.0,
        maximum=LARGEST_AMOUNT,
        about=f"Mean amount of the customer's transactions in the {_days(days)} that end with this one, itself too.",
        sample=48.0,
    )


def _terminal_transactions(days: int) -> Integer:
    return Integer(
        f"terminal_transactions_{days}d",
        unit="transactions",
        minimum=0,
        maximum=1_000_000,
        about=f"The terminal's transactions in the {_days(days)} that ended seven days before this one.",
        sample=days,
    )


def _terminal_fraud_share(days: int) -> Number:
    return Number(
        f"terminal_fraud_share_{days}d",
        unit="fraction",
        minimum=0.0,
        maximum=1.0,
        about=(
            f"Share of the terminal's transactions in the {_days(days)} that ended seven days before this one which "
            "turned out fraudulent; 0 if there were none."
        ),
        sample=0.0,
    )


def _columns(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{days}d" for days in WINDOWS)


CONTRACT = ModelContract(
    slug="fraud-detection",
    version="1.0.0",
    title="Card fraud detection",
    about="The chance that a card payment is fraudulent, and what to do with it: allow, step up or block.",
    features=(
        Number(
            "amount",
            unit="EUR",
            minimum=0.0,
            maximum=LARGEST_AMOUNT,
            about="Amount of the transaction.",
            sample=52.5,
        ),
        Boolean("weekend", about="Whether it is Saturday or Sunday where the card is used.", sample=False),
        Boolean("night", about="Whether it is between midnight and seven in the morning there.", sample=False),
        *(_customer_transactions(days) for days in WINDOWS),
        *(_customer_mean_amount(days) for days in WINDOWS),
        *(_terminal_transactions(days) for days in WINDOWS),
        *(_terminal_fraud_share(days) for days in WINDOWS),
    ),
    outputs=(
        Probability("probability_of_fraud", about="Chance that the transaction is fraudulent."),
        Choice(
            "action",
            values=("allow", "step_up", "block"),
            about=(
                f"block from a probability of {BLOCK_FROM}, step_up (ask the card holder to confirm) from "
                f"{STEP_UP_FROM}, else allow."
            ),
        ),
    ),
    reasons=(
        Reason(
            "F01",
            ("amount",),
            "The amount is one at which fraud is more frequent.",
            "Confirm the amount with the card holder before it is released.",
            TYPICAL["amount"],
        ),
        Reason(
            "F02",
            ("weekend", "night"),
            "The hour or the day of the payment.",
        ),
        Reason(
            "F03",
            _columns("customer_transactions"),
            "How often the card was used in the last days.",
            "Look through the card's latest payments for those the holder does not know.",
            TYPICAL["customer_transactions"],
        ),
        Reason(
            "F04",
            _columns("customer_mean_amount"),
            "What the card usually pays does not go with this payment.",
            "Compare the amount with the card's earlier ones; if they jumped lately, ask the holder about those too.",
            TYPICAL["customer_mean_amount"],
        ),
        Reason(
            "F05",
            _columns("terminal_fraud_share"),
            "Earlier payments at this terminal turned out fraudulent.",
            "Have the terminal inspected, and look at the other cards that paid there.",
            TYPICAL["terminal_fraud_share"],
        ),
        Reason(
            "F06",
            _columns("terminal_transactions"),
            "How often the terminal was used in the weeks before.",
            "Ask the merchant's bank whether the terminal's traffic is as expected.",
            TYPICAL["terminal_transactions"],
        ),
    ),
)
