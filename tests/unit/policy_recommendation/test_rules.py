"""Issue, possible violation, urgency and policy: what the words say, and what the tables promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_recommendation import rules
from policy_recommendation.contract import CONTRACT, PRODUCTS, URGENCIES, VIOLATIONS
from policy_recommendation.decision import (
    compute_issue,
    compute_policy,
    compute_urgency,
    compute_violation,
    decide,
    find_cited,
)
from policy_recommendation.policies import POLICIES
from policy_recommendation.rules import find_terms
from ratecard.contract import Scored

OUTPUTS = {output.name: output for output in CONTRACT.outputs}
TERM_SETS = [value for value in vars(rules).values() if isinstance(value, frozenset)] + [*rules.ISSUES.values()]


def judge(product, narrative):
    """Everything that the rules say of one complaint."""
    terms = find_terms(narrative)
    violation = compute_violation(product, narrative, terms)
    return compute_issue(product, terms), violation, compute_urgency(terms), compute_policy(violation, terms)


COMPLAINTS = {
    "identity theft on a report": (
        "credit_reporting",
        "I am a victim of identity theft. Please block and remove these fraudulent accounts from my credit file.",
        ("incorrect_information", "fcra", "urgent", "fcra_identity_theft"),
    ),
    "a dispute that was not answered": (
        "credit_reporting",
        "I disputed an inaccurate late payment with Equifax and the investigation did not correct it.",
        (None, "fcra", "routine", "fcra_dispute"),
    ),
    "an inquiry nobody asked for": (
        "credit_reporting",
        "There is a hard inquiry that I never agreed to.",
        (None, "fcra", "routine", "fcra_permissible_purpose"),
    ),
    "a debt that is not mine": (
        "debt_collection",
        "They say I owe a debt that is not mine. I asked for validation and proof and got nothing.",
        ("debt_not_owed", "fdcpa", "routine", "fdcpa_validation"),
    ),
    "harassing calls": (
        "debt_collection",
        "The collector keeps harassing me, left rude voicemails and threatened to sue.",
        ("collection_conduct", "fdcpa", "elevated", "fdcpa_conduct"),
    ),
    "a purchase that was charged twice": (
        "credit_card",
        "The merchant charged twice and the bank will not dispute the purchase or give me a refund.",
        ("payment_or_transaction", "tila_reg_z", "routine", "reg_z_billing_error"),
    ),
    "a rate that was not promised": (
        "credit_card",
        "The interest rate is much higher than what was promised, with a finance charge each month.",
        ("fees_or_interest", "tila_reg_z", "routine", "reg_z_disclosure"),
    ),
    "money moved without leave": (
        "retail_banking",
        "Someone made an unauthorized transfer with Zelle from my checking account.",
        ("fraud_or_unauthorized_use", "efta_reg_e", "elevated", "reg_e_error"),
    ),
    "overdraft fees": (
        "retail_banking",
        "They took three overdraft fees in one day.",
        ("fees_or_interest", "efta_reg_e", "routine", "reg_e_overdraft"),
    ),
    "locked out": (
        "retail_banking",
        "My account was frozen and I have no access to my salary.",
        (None, "none", "urgent", "general_response"),
    ),
    "foreclosure while asking for help": (
        "mortgages_and_loans",
        "The servicer started foreclosure although I applied for a loan modification.",
        ("trouble_paying", "respa", "urgent", "respa_loss_mitigation"),
    ),
    "escrow": (
        "mortgages_and_loans",
        "My mortgage servicer miscalculated the escrow for property taxes.",
        (None, "respa", "routine", "respa_error"),
    ),
    "discrimination": (
        "mortgages_and_loans",
        "My application was denied and I believe it is discrimination.",
        ("application_or_opening", "ecoa_reg_b", "routine", "ecoa_adverse_action"),
    ),
    "promises": (
        "retail_banking",
        "The branch lied about the bonus; it was misleading.",
        ("account_servicing", "udaap", "routine", "udaap_review"),
    ),
    "an old person under pressure": (
        "debt_collection",
        "They threatened my elderly mother in hospital.",
        (None, "fdcpa", "urgent", "fdcpa_conduct"),
    ),
    "nothing in particular": ("retail_banking", "The line was long.", ("account_servicing", "none", "routine", None)),
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_complaints_are_read_as_a_person_would(case):
    """Made-up complaints, one for each policy and degree of urgency."""
    product, narrative, expected = COMPLAINTS[case]
    found = judge(product, narrative)

    assert [one for one, wanted in zip(found, expected, strict=True) if wanted not in {None, one}] == []


def test_every_policy_can_be_recommended():
    """No policy stands in the contract that no complaint leads to."""
    reached = {judge(product, narrative)[3] for product, narrative, _ in COMPLAINTS.values()}

    assert reached == set(POLICIES)


@pytest.mark.parametrize(
    "narrative",
    [
        "There are unauthorised debits on my account.",
        "I never authorised these charges.",
        "Three debits were taken that I did not authorize.",
        "The transfer was not authorized by me.",
        "I don't recognise two purchases on the statement.",
        "Someone withdrew the money fraudulently.",
        "There were three debit card transactions that I did not make.",
        "I didn't make this withdrawal.",
        CONTRACT.features[0].sample,
    ],
)
def test_money_taken_without_leave_is_never_routine(narrative):
    """However the consumer says and spells it."""
    assert compute_urgency(find_terms(narrative)) == "elevated"


@pytest.mark.parametrize(
    "narrative",
    ["I could not make my payment in time.", "Their letter did not make sense.", "A charge for an extra statement."],
)
def test_what_was_not_made_must_have_moved_money(narrative):
    """Payments that were not made, and sense that was not, are no fraud."""
    assert compute_urgency(find_terms(narrative)) == "routine"


@pytest.mark.parametrize(
    ("product", "narrative", "rule"),
    [
        ("credit_reporting", "In violation of 15 USC 1681 and of 15 U.S.C. 1692g", "fcra"),
        ("debt_collection", "In violation of 15 USC 1681 and of 15 U.S.C. 1692g", "fdcpa"),
        ("credit_card", "In violation of 15 USC 1681 and of 15 U.S.C. 1692g", "fdcpa"),
        ("retail_banking", "the Equal Credit Opportunity Act", "ecoa_reg_b"),
        ("credit_card", "the Truth In Lending act", "tila_reg_z"),
        ("mortgages_and_loans", "RESPA", "respa"),
        ("retail_banking", "under Regulation E they must", "efta_reg_e"),
        ("retail_banking", "call 555 0199", None),
    ],
)
def test_a_law_that_the_consumer_names_counts(product, narrative, rule):
    """By its name or section; the product's own before the others."""
    assert find_cited(product, narrative) == rule


def test_every_term_can_be_met():
    """A phrase of the lists is one term of one or two stems: a longer one would never be found."""
    assert len(TERM_SETS) > 20
    for terms in TERM_SETS:
        assert terms
        assert all(1 <= len(term.split()) <= 2 for term in terms)


def test_tables_hold_what_the_contract_lists():
    """Issues, rules and policies are the contract's choices, in its order; citations and handling go with a policy."""
    assert OUTPUTS["issue"].values == tuple(rules.ISSUES)
    assert OUTPUTS["policy"].values == tuple(POLICIES)
    assert set(rules.USUAL_ISSUE) == set(rules.OWN_RULE) == set(PRODUCTS)
    assert set(rules.USUAL_ISSUE.values()) | set(rules.ELSEWHERE) <= set(rules.ISSUES)
    assert {rule for rule, _ in rules.CITED} | set(rules.OWN_RULE.values()) <= set(VIOLATIONS)
    assert len({citation for citation, _ in POLICIES.values()}) == len(POLICIES)
    assert all(handling.endswith(".") for _, handling in POLICIES.values())
    assert {"credit_card", "retail_banking", "credit_reporting", "mortgages_and_loans", "debt_collection"} == set(
        PRODUCTS
    )


WORDS = st.lists(st.sampled_from(sorted(set().union(*TERM_SETS))), max_size=8).map(". ".join)


@given(text=WORDS, more=WORDS)
def test_more_words_never_make_a_complaint_less_urgent(text, more):
    """Sweeping what is added: urgency only rises."""
    less, plus = compute_urgency(find_terms(text)), compute_urgency(find_terms(text) | find_terms(more))

    assert URGENCIES.index(plus) <= URGENCIES.index(less)


@given(text=WORDS, place=st.integers(0, 4))
def test_a_decision_is_of_the_likeliest_product_and_within_the_contract(text, place):
    """Outputs in the contract's order, each of its choice; reasons are owed where a violation is named."""
    classes = tuple(0.6 if one == place else 0.1 for one in range(5))
    decision = decide(Scored((text,), 0.4, 0.6, classes))
    named = dict(zip(OUTPUTS, decision.outputs, strict=True))

    assert (named["product"], named["probability"], decision.explained) == (PRODUCTS[place], 0.6, place)
    assert all(value in OUTPUTS[name].values for name, value in named.items() if name != "probability")
    assert (named["citation"], named["handling"]) == POLICIES[named["policy"]]
    assert decision.adverse == (named["possible_violation"] != "none")
