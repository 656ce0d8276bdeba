"""What the policy-recommendation model takes and gives.

Product names follow the five-class form of the Consumer Complaint Database that is published for text classification.
"""

from __future__ import annotations

from policy_recommendation.policies import POLICIES
from policy_recommendation.rules import ISSUES
from ratecard.contract import Choice, ModelContract, Probability, Reason, Text

PRODUCTS = ("credit_card", "credit_reporting", "debt_collection", "mortgages_and_loans", "retail_banking")
"""In the order of the engine's classes."""

VIOLATIONS = ("fcra", "fdcpa", "tila_reg_z", "efta_reg_e", "respa", "ecoa_reg_b", "udaap", "none")
URGENCIES = ("urgent", "elevated", "routine")

CONTRACT = ModelContract(
    slug="policy-recommendation",
    version="1.0.0",
    title="Complaint handling policy",
    about=(
        "What a consumer's complaint about a US financial company is about, whether its words read as a possible "
        "violation of a named rule, how urgent it is, and which handling policy fits. No legal finding."
    ),
    features=(
        Text(
            "narrative",
            maximum_length=32_000,
            about="The complaint in the consumer's own words, in English.",
            sample=(
                "I called my bank on Monday because there were three debit card transactions on my checking account "
                "that I did not make. They are from a store in a state I have never been to. The bank closed the card "
                "but refused to return the money and says it will take months. I need this money to pay my rent."
            ),
        ),
    ),
    outputs=(
        Choice("product", values=PRODUCTS, about="The product that the complaint is most likely about."),
        Probability(
            "probability", about="Chance that the product is right, for complaints spread evenly over products."
        ),
        Choice(
            "issue",
            values=tuple(ISSUES),
            about="What went wrong, by stated word rules: the issue with most of its words, else the product's usual.",
        ),
        Choice(
            "possible_violation",
            values=VIOLATIONS,
            about=(
                "US rule whose subject the words touch, by stated word rules and the product: a pointer for the reader "
                "of the complaint, not a finding. none where no rule speaks."
            ),
        ),
        Choice(
            "urgency",
            values=URGENCIES,
            about=(
                "urgent: home, wages, vehicle or liberty at stake, identity theft, no access to money, or a vulnerable "
                "person under pressure; elevated: one of fraud, charges that the consumer did not make or allow, "
                "threats, court, lost work, bankruptcy or a vulnerable person; else routine."
            ),
        ),
        Choice("policy", values=tuple(POLICIES), about="The recommended handling policy."),
        Choice(
            "citation",
            values=tuple(citation for citation, _ in POLICIES.values()),
            about="The US rule that the policy follows from.",
        ),
        Choice(
            "handling",
            values=tuple(handling for _, handling in POLICIES.values()),
            about="What the policy asks of the company, with its deadlines.",
        ),
    ),
    reasons=(
        Reason(
            "W01", ("narrative",), "These words of the narrative speak most for the product, against the other four."
        ),
    ),
    max_rows=64,
)
