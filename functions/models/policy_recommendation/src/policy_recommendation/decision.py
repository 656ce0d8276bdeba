"""From probabilities by product and the narrative's words to issue, possible violation, urgency and policy."""

from __future__ import annotations

from policy_recommendation import rules
from policy_recommendation.contract import PRODUCTS
from policy_recommendation.policies import POLICIES
from ratecard.contract import Decision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract import Scored

    Terms = frozenset[str]


def compute_issue(product: str, terms: Terms) -> str:
    """Return the issue with the most of its terms in the text; the product's usual issue wins a tie."""
    counts = {issue: len(spoken & terms) for issue, spoken in rules.ISSUES.items()}
    for issue, home in rules.ELSEWHERE.items():
        counts[issue] -= 0 if product == home else 2
    usual = rules.USUAL_ISSUE[product]
    return max(counts, key=lambda issue: (counts[issue], issue == usual))


def find_cited(product: str, narrative: str) -> str | None:
    """Return the rule that the consumer names, the product's own before others; or None."""
    text = narrative.lower()
    named = [rule for rule, marks in rules.CITED if any(mark in text for mark in marks)]
    own = rules.OWN_RULE[product]
    return own if own in named else next(iter(named), None)


def compute_violation(product: str, narrative: str, terms: Terms) -> str:
    """Return the rule whose subject the text touches, or "none".

    A rule that the consumer names comes first, then discrimination in credit, then what the product's rules speak of,
    and deception last.
    """
    cited = find_cited(product, narrative)
    if cited:
        return cited
    if terms & rules.DISCRIMINATION and product != "retail_banking":
        return "ecoa_reg_b"
    return _violation_of_product(product, terms) or ("udaap" if terms & rules.DECEPTION else "none")


def _violation_of_product(product: str, terms: Terms) -> str | None:
    if product == "credit_reporting":
        return "fcra" if terms & rules.REPORT_WRONG else None
    if product == "debt_collection":
        return "fdcpa" if terms & rules.DEBT_WRONG else None
    if product == "credit_card":
        return "tila_reg_z" if terms & (rules.BILLING_WRONG | rules.TERMS_WRONG) else None
    if product == "retail_banking":
        moved = terms & rules.UNAUTHORISED and terms & rules.ELECTRONIC
        return "efta_reg_e" if moved or terms & rules.OVERDRAFT else None
    if terms & rules.MORTGAGE and terms & (rules.SERVICING_WRONG | rules.LOSS_MITIGATION):
        return "respa"
    return "tila_reg_z" if terms & rules.TERMS_WRONG else None


def compute_urgency(terms: Terms) -> str:
    """Return "urgent", "elevated" or "routine" by the contract's words."""
    if terms & (rules.AT_STAKE | rules.IDENTITY_THEFT | rules.LOCKED_OUT):
        return "urgent"
    vulnerable = bool(terms & rules.VULNERABLE)
    pressing = bool(terms & rules.PRESSING or (terms & rules.NOT_MADE and terms & rules.MONEY_MOVED))
    if vulnerable and pressing:
        return "urgent"
    return "elevated" if vulnerable or pressing else "routine"


def compute_policy(violation: str, terms: Terms) -> str:
    """Return the code of the policy that fits a possible violation and the words; within a rule the narrower first."""
    choices = {
        "fcra": (("fcra_identity_theft", rules.IDENTITY_THEFT), ("fcra_permissible_purpose", rules.PURPOSE)),
        "fdcpa": (("fdcpa_conduct", rules.CONDUCT),),
        "tila_reg_z": (("reg_z_billing_error", rules.BILLING_WRONG),),
        "efta_reg_e": (("reg_e_error", rules.UNAUTHORISED), ("reg_e_overdraft", rules.OVERDRAFT)),
        "respa": (("respa_loss_mitigation", rules.LOSS_MITIGATION),),
    }
    usual = {
        "fcra": "fcra_dispute",
        "fdcpa": "fdcpa_validation",
        "tila_reg_z": "reg_z_disclosure",
        "efta_reg_e": "reg_e_error",
        "respa": "respa_error",
        "ecoa_reg_b": "ecoa_adverse_action",
        "udaap": "udaap_review",
        "none": "general_response",
    }
    return next((policy for policy, spoken in choices.get(violation, ()) if terms & spoken), usual[violation])


def decide(scored: Scored) -> Decision:
    """Decide on one complaint.

    Reasons are owed wherever a possible violation is named: what is held against a company must be traceable.
    """
    narrative = str(scored.values[0])
    place = max(range(len(PRODUCTS)), key=scored.classes.__getitem__)
    product, terms = PRODUCTS[place], rules.find_terms(narrative)
    violation = compute_violation(product, narrative, terms)
    policy = compute_policy(violation, terms)
    outputs = (
        product,
        scored.classes[place],
        compute_issue(product, terms),
        violation,
        compute_urgency(terms),
        policy,
        *POLICIES[policy],
    )
    return Decision(outputs, adverse=violation != "none", explained=place)
