"""What the loan-assessment model takes and gives, its cut-offs and the terms of its price.

Source of the fields' meaning: UCI Machine Learning Repository, data set 522 (Groemping 2019), the corrected codes.
Amounts are German marks (DEM) of 1973 to 1975. Sex, marital status, age, dependants and foreign worker are known to the
training data and are not inputs.
"""

from __future__ import annotations

from ratecard.contract import (
    Amount,
    Category,
    Choice,
    Integer,
    ModelContract,
    Number,
    Points,
    Probability,
    Quantity,
    Reason,
    ScoreScale,
)

SCALE = ScoreScale(points=600.0, odds=50.0, points_to_double=20.0)

LOWEST_SCORE, HIGHEST_SCORE = 300, 700
"""Ends of the published scale; the model's own range lies well inside."""

SMALLEST_AMOUNT, LARGEST_AMOUNT = 250, 20_000
"""Loans that the training data knows, in DEM: from 250 to 18,424."""

APPROVE_BELOW = 1 / 6
"""Approved below this probability: a loan that fails costs 5, a good customer refused 1 (the publisher's matrix)."""

DECLINE_FROM = 1 / 3
"""Declined from this probability; between the two a person decides. The house's choice: twice the other."""

LOSS_GIVEN_DEFAULT, FUNDING_RATE, MARGIN_RATE = 0.45, 0.03, 0.02
"""Assumed where the caller says nothing. The data holds neither losses nor prices: they are nobody's measurement."""

LARGEST_RATE = 1.0
"""The risk-based rate is never given above 100 % a year."""

CONTRACT = ModelContract(
    slug="loan-assessment",
    version="1.0.0",
    title="Consumer loan assessment",
    about="Whether an instalment loan will be repaid as agreed: a decision, expected loss, price and largest amount.",
    features=(
        Category(
            "checking_account",
            values=("none", "overdrawn", "below_200", "from_200_or_salary"),
            about=(
                "Checking account with the lender: none, overdrawn, a balance below 200 DEM, or from 200 DEM or with "
                "the salary paid in for a year or longer."
            ),
            sample="from_200_or_salary",
        ),
        Integer(
            "duration_months",
            unit="months",
            minimum=4,
            maximum=72,
            about="Agreed time to repay, in equal monthly instalments.",
            sample=18,
        ),
        Category(
            "credit_history",
            values=(
                "delay_in_the_past",
                "critical_or_elsewhere",
                "none_or_all_repaid",
                "existing_duly",
                "all_here_duly",
            ),
            about=(
                "Earlier credits: paid late in the past; a critical account or credits elsewhere; none taken or all "
                "repaid; existing ones paid duly until now; all credits at this lender repaid duly."
            ),
            sample="none_or_all_repaid",
        ),
        Category(
            "purpose",
            values=(
                "car_new",
                "car_used",
                "furniture",
                "radio_television",
                "appliances",
                "repairs",
                "vacation",
                "retraining",
                "business",
                "other",
            ),
            about="What the loan is for.",
            sample="furniture",
        ),
        Number(
            "amount",
            unit="DEM",
            minimum=SMALLEST_AMOUNT,
            maximum=LARGEST_AMOUNT,
            about="Amount asked for; it is also the exposure at default.",
            sample=2_500.0,
        ),
        Number(
            "savings",
            unit="DEM",
            minimum=0,
            maximum=1_000_000,
            about="Savings known to the lender; null where there are none or none are known.",
            sample=150.0,
            missing=True,
        ),
        Number(
            "employment_years",
            unit="years",
            minimum=0,
            maximum=60,
            about="Time with the present employer; null where the person is out of work.",
            sample=5.0,
            missing=True,
        ),
        Category(
            "other_debtors",
            values=("none", "co_applicant", "guarantor"),
            about="Who else answers for the loan.",
            sample="none",
        ),
        Category(
            "other_instalments",
            values=("none", "stores", "bank"),
            about="Instalment plans that the person already pays elsewhere: at stores, at a bank, or none.",
            sample="none",
        ),
        Number(
            "loss_given_default",
            unit="fraction",
            minimum=0.0,
            maximum=1.0,
            about=f"Share of the amount that is lost where the loan fails; {LOSS_GIVEN_DEFAULT} if not given.",
            sample=0.45,
            missing=True,
            scored=False,
        ),
        Number(
            "funding_rate",
            unit="fraction a year",
            minimum=0.0,
            maximum=0.5,
            about=f"What the lender pays for the money; {FUNDING_RATE} if not given.",
            sample=0.03,
            missing=True,
            scored=False,
        ),
        Number(
            "margin_rate",
            unit="fraction a year",
            minimum=0.0,
            maximum=0.5,
            about=f"What the lender wants to keep beside funding and losses; {MARGIN_RATE} if not given.",
            sample=0.02,
            missing=True,
            scored=False,
        ),
    ),
    outputs=(
        Choice(
            "decision",
            values=("approve", "refer", "decline"),
            about="approve below a probability of default of 1/6, decline from 1/3, refer to a person between them.",
        ),
        Probability(
            "probability_of_default",
            about="Chance that the loan is not repaid as agreed, over its whole term, where 30 % of loans are not.",
        ),
        Points(
            "score",
            minimum=LOWEST_SCORE,
            maximum=HIGHEST_SCORE,
            about="600 points at odds of 50 good to 1 bad; every 20 points double the odds.",
        ),
        Amount(
            "expected_loss",
            currency="DEM",
            about="Probability of default times loss given default times the amount asked for.",
        ),
        Quantity(
            "risk_based_rate",
            unit="fraction a year",
            minimum=0.0,
            maximum=LARGEST_RATE,
            about="Interest on what is still owed that covers funding, margin and expected loss; 1 at most.",
        ),
        Amount(
            "largest_amount",
            currency="DEM",
            about=(
                "Largest amount that would be approved with all else the same: 0.00 if none would, and at most "
                f"{LARGEST_AMOUNT}.00, the most that may be asked for, which is then no measured limit."
            ),
        ),
    ),
    reasons=(
        Reason(
            "L01",
            ("checking_account",),
            "The checking account with the lender is missing, overdrawn or low.",
            "Keep a checking account with the lender in credit, or have the salary paid in there.",
        ),
        Reason("L02", ("duration_months",), "The time to repay the loan.", "Ask for a shorter term."),
        Reason(
            "L03",
            ("credit_history",),
            "The history of earlier credits.",
            "Pay credits by their due dates; a record of credits repaid to this lender helps.",
        ),
        Reason("L04", ("purpose",), "The purpose of the loan."),
        Reason("L05", ("amount",), "The amount asked for is high.", "Ask for less."),
        Reason(
            "L06",
            ("savings",),
            "Savings are low, or none are known.",
            "Build up savings, or show those held elsewhere.",
        ),
        Reason("L07", ("employment_years",), "The time with the present employer is short, or there is none."),
        Reason(
            "L08",
            ("other_debtors",),
            "Nobody guarantees the loan.",
            "A guarantor makes the loan safer.",
        ),
        Reason(
            "L09",
            ("other_instalments",),
            "Instalments are already owed elsewhere.",
            "Repay what is owed elsewhere first.",
        ),
    ),
    scale=SCALE,
)
