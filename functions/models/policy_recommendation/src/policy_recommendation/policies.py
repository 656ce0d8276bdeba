"""Handling policies, each with the US rule it follows from and what the rule asks of the company.

Deadlines are those of the rules as codified; a company's own policy may be stricter. None of this is legal advice.
"""

from __future__ import annotations

POLICIES: dict[str, tuple[str, str]] = {
    "fcra_dispute": (
        "15 U.S.C. 1681i(a), 1681s-2(b)",
        (
            "Reinvestigate the disputed information within 30 days of the dispute, 45 if the consumer adds relevant "
            "information meanwhile; correct or delete what cannot be verified, and send the results."
        ),
    ),
    "fcra_identity_theft": (
        "15 U.S.C. 1681c-2",
        (
            "On proof of identity and an identity theft report, block the information within 4 business days and tell "
            "the furnisher."
        ),
    ),
    "fcra_permissible_purpose": (
        "15 U.S.C. 1681b",
        "Establish who obtained or used the report and for which permissible purpose; remove inquiries without one.",
    ),
    "fdcpa_validation": (
        "15 U.S.C. 1692g; 12 CFR 1006.34, 1006.38",
        (
            "Send the validation information if it was not sent; on a written dispute within the 30-day validation "
            "period, cease collection until verification has been sent."
        ),
    ),
    "fdcpa_conduct": (
        "15 U.S.C. 1692c-1692e; 12 CFR 1006.6, 1006.14, 1006.18",
        (
            "Review calls, letters and statements to the consumer and to others; honour a written request to cease "
            "contact, and stop contact at inconvenient times or places."
        ),
    ),
    "reg_z_billing_error": (
        "12 CFR 1026.13, 1026.12(b)",
        (
            "Treat a written notice within 60 days of the statement as a billing error: acknowledge it within 30 days, "
            "resolve it within two billing cycles and at most 90 days, and do not collect what is disputed meanwhile."
        ),
    ),
    "reg_z_disclosure": (
        "12 CFR part 1026",
        "Compare the rates, fees and terms that were charged with those that were disclosed; correct what differs.",
    ),
    "reg_e_error": (
        "12 CFR 1005.11, 1005.6",
        (
            "Investigate within 10 business days of the notice, or credit the amount provisionally within them and "
            "take up to 45 days (20 business days and 90 in special cases); report within 3 business days of the end."
        ),
    ),
    "reg_e_overdraft": (
        "12 CFR 1005.17",
        (
            "Check that the consumer had opted in before a fee for an overdraft by cash machine or one-time debit card "
            "transaction was charged; refund it if not."
        ),
    ),
    "respa_error": (
        "12 CFR 1024.35",
        (
            "Treat a written notice as a notice of error: acknowledge it within 5 business days and correct or explain "
            "within 30 business days, 7 for a payoff balance."
        ),
    ),
    "respa_loss_mitigation": (
        "12 CFR 1024.41",
        (
            "Acknowledge an application for help within 5 business days; evaluate a complete one received more than 37 "
            "days before a sale within 30 days, and do not move for foreclosure while it is pending."
        ),
    ),
    "ecoa_adverse_action": (
        "12 CFR 1002.9, 1002.4",
        (
            "Check that notice of action with specific reasons was given within 30 days of a complete application, and "
            "that the reasons were those of the decision."
        ),
    ),
    "udaap_review": (
        "12 U.S.C. 5531, 5536",
        (
            "Compare what was promised with what was done; refer to compliance for a review of unfair, deceptive or "
            "abusive practices."
        ),
    ),
    "general_response": (
        "12 U.S.C. 5534",
        "Answer in a timely manner with the steps taken; nothing in the words asks for a special procedure.",
    ),
}
"""By code: the citation and the handling."""
