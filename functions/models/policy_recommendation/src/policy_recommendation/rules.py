"""The word rules: which stems and pairs of stems speak for an issue, a rule of law and a degree of urgency.

A rule holds where one of its terms is among the text's terms, as `ratecard.engines.words` finds them. Everything here
is written by hand; the recipe measures how far the issues agree with labels where there are any. There are no labels
for the rules of law and for urgency.
"""

from __future__ import annotations

from ratecard.engines.words import find_words, list_terms


def terms_of(*phrases: str) -> frozenset[str]:
    """Return phrases of one or two words that count as the terms that a text would have for them."""
    return frozenset(" ".join(stem for stem, _ in find_words(phrase)) for phrase in phrases)


def find_terms(text: str) -> frozenset[str]:
    """Return the terms of a text, each once."""
    return frozenset(list_terms([stem for stem, _ in find_words(text)]))


ISSUES: dict[str, frozenset[str]] = {
    "incorrect_information": terms_of(
        "incorrect", "inaccurate", "not mine", "not belong", "remove", "deleted", "delete", "identity theft",
        "credit file", "information credit", "specific records", "fraudulent account", "removed", "wrong information",
        "item", "accuracy", "block",
    ),
    "fraud_or_unauthorized_use": terms_of(
        "scam", "scammed", "scammer", "fraud", "fraudulently", "unauthorized", "stolen", "hacked", "never applied",
        "written instructions", "privacy section", "right privacy", "permissible purpose", "without consent",
        "opened name", "not authorize", "not furnish", "federally protected", "phishing", "zelle",
    ),
    "dispute_investigation": terms_of(
        "reinvestigation", "investigation", "unverified", "verified", "validate account", "verify", "disputed",
        "credit bureaus", "erroneous", "transunion", "method verification", "fail validate", "reinvestigate",
    ),
    "debt_not_owed": terms_of(
        "not owe", "validation", "collect debt", "debt not", "alleged debt", "validate debt", "validation debt",
        "original creditor", "proof debt", "never owed", "debt collection", "already paid", "collection agency",
    ),
    "collection_conduct": terms_of(
        "harass", "harassing", "harassment", "threatened", "threatening", "threats", "voicemail", "voicemails",
        "rude", "cease desist", "stop calling", "calling work", "sue", "lawsuit", "arrest", "calls day", "robocalls",
    ),
    "fees_or_interest": terms_of(
        "interest rate", "charged interest", "interest", "fee", "fees", "late fee", "predatory", "finance charge",
        "annual fee", "principal", "interest charges", "apr", "overdraft fees", "overdraft", "high interest",
    ),
    "payment_or_transaction": terms_of(
        "refund", "payment not", "autopay", "make payment", "payoff", "escrow", "charged twice", "transaction",
        "debited", "double payment", "purchase", "merchant", "dispute charge", "payments applied", "wire", "transfer",
        "debit", "payment", "return",
    ),
    "trouble_paying": terms_of(
        "hardship", "modification", "loan modification", "foreclosure", "repossessed", "repossession", "lost job",
        "afford", "bankruptcy", "forbearance", "payment plan", "struggling", "title loan", "unemployed", "deferment",
    ),
    "application_or_opening": terms_of(
        "denied", "denial", "application", "applied", "approved", "adverse action", "refinance", "approval",
        "closing", "underwriting", "denied credit", "applying", "underwriter", "discrimination", "preapproved",
        "apply",
    ),
    "account_servicing": terms_of(
        "closed account", "close account", "checking account", "savings account", "bonus", "promotion", "branch",
        "deposit", "deposited", "access account", "hold", "rewards", "cash", "customer service", "saving",
        "solar panels",
    ),
}  # fmt: skip
"""Terms that speak for an issue; the issue with most of them is named."""

USUAL_ISSUE = {
    "credit_card": "payment_or_transaction",
    "retail_banking": "account_servicing",
    "credit_reporting": "incorrect_information",
    "mortgages_and_loans": "payment_or_transaction",
    "debt_collection": "debt_not_owed",
}
"""The issue that a product's complaints are most often about: it wins a tie, and where no term speaks."""

ELSEWHERE = {
    "incorrect_information": "credit_reporting",
    "dispute_investigation": "credit_reporting",
    "debt_not_owed": "debt_collection",
    "collection_conduct": "debt_collection",
}
"""Issues of one product: for any other, two terms more must speak for them."""

OWN_RULE = {
    "credit_card": "tila_reg_z",
    "retail_banking": "efta_reg_e",
    "credit_reporting": "fcra",
    "mortgages_and_loans": "respa",
    "debt_collection": "fdcpa",
}
"""The rule that comes first if the consumer names several."""

CITED = (
    ("fdcpa", ("1692", "fdcpa", "fair debt collection")),
    ("fcra", ("1681", "fcra", "fair credit reporting")),
    ("ecoa_reg_b", ("1691", "equal credit opportunity")),
    ("respa", ("12 u.s.c. 2605", "12 usc 2605", "respa", "real estate settlement")),
    ("efta_reg_e", ("1693", "regulation e ", "electronic fund transfer act")),
    ("tila_reg_z", ("1666", "truth in lending", "regulation z", "fair credit billing")),
)
"""What a consumer writes who names a law; in lower case. The product's own rule counts before the others."""

UNAUTHORISED = terms_of(
    "unauthorized", "fraudulent", "fraud", "stolen", "not authorize", "scam", "scammed", "hacked", "not recognize",
    "identity theft", "never authorized", "fraudulently", "not make", "didnt make", "didnt authorize", "dont recognize",
)  # fmt: skip
DISCRIMINATION = terms_of(
    "discriminated",
    "discrimination",
    "discriminate",
    "discriminatory",
    "racist",
    "adverse action",
)
DECEPTION = terms_of(
    "deceptive", "deceived", "misled", "misleading", "lied", "bait switch", "false advertising", "predatory",
    "misrepresented", "false promises",
)  # fmt: skip
MORTGAGE = terms_of(
    "mortgage", "escrow", "foreclosure", "home loan", "refinance", "property taxes", "house", "heloc",
    "loan modification", "homeowners",
)  # fmt: skip
REPORT_WRONG = terms_of(
    "incorrect", "inaccurate", "not mine", "not belong", "disputed", "dispute", "disputes", "erroneous", "unverified",
    "reinvestigation", "investigation", "identity theft", "remove", "removed", "deleted", "delete", "unauthorized",
    "inquiry", "inquiries", "outdated", "not accurate", "written instructions", "permissible purpose",
)  # fmt: skip
DEBT_WRONG = terms_of(
    "not owe", "dont owe", "not mine", "validation", "validate", "validate debt", "proof", "never owed", "harassing",
    "harassment", "harass", "threatened", "threatening", "threats", "cease desist", "stop calling", "paid",
    "identity theft", "dispute", "disputed", "not recognize", "calling work", "family members", "original creditor",
    "never received", "verify",
)  # fmt: skip
BILLING_WRONG = terms_of(
    "dispute", "disputed", "not authorize", "refund", "not received", "never received", "merchant", "billing error",
    "charged twice", "not credited", "returned", "cancelled", "unauthorized", "fraudulent", "fraud", "wrong amount",
)  # fmt: skip
TERMS_WRONG = terms_of(
    "not disclosed", "never disclosed", "not told", "hidden fees", "undisclosed", "terms", "apr", "interest rate",
    "finance charge", "late fee", "annual fee", "promotional", "charged interest",
)  # fmt: skip
ELECTRONIC = terms_of(
    "debit card", "atm", "zelle", "transfer", "transferred", "ach", "wire", "electronic", "withdrawn", "withdrawal",
    "withdrawals", "transaction", "transactions", "debited", "account", "venmo", "paypal",
)  # fmt: skip
OVERDRAFT = terms_of("overdraft", "overdrafts", "overdrawn", "overdraft fee", "nsf")
SERVICING_WRONG = terms_of(
    "escrow", "misapplied", "not applied", "payment not", "late fee", "payoff", "servicer", "not credited",
    "wrong amount", "insurance", "property taxes", "error", "refused", "transferred",
)  # fmt: skip
LOSS_MITIGATION = terms_of(
    "loan modification", "modification", "foreclosure", "forbearance", "short sale", "hardship", "loss mitigation",
    "foreclose",
)  # fmt: skip
CONDUCT = ISSUES["collection_conduct"]
IDENTITY_THEFT = terms_of("identity theft", "identity stolen", "stole identity", "stolen identity", "victim identity")
PURPOSE = terms_of("inquiry", "inquiries", "permissible purpose", "written instructions", "hard pull", "hard inquiry")

AT_STAKE = terms_of(
    "foreclosure", "foreclose", "evicted", "eviction", "evict", "garnish", "garnished", "garnishment", "garnishing",
    "repossess", "repossessed", "repossession", "sheriff sale", "auction", "levy", "levied", "arrest", "arrested",
    "jail", "homeless",
)  # fmt: skip
LOCKED_OUT = terms_of(
    "no access", "not access", "cannot access", "cant access", "account locked", "locked account", "account frozen",
    "froze account", "frozen", "locked out", "account restricted", "restricted account", "hold funds",
    "holding money", "funds held", "restricted",
)  # fmt: skip
VULNERABLE = terms_of(
    "elderly", "senior citizen", "disabled", "disability", "military", "servicemember", "deployed", "deployment",
    "veteran", "hospital", "cancer", "widow", "active duty", "years old", "dementia",
)  # fmt: skip
PRESSING = terms_of(
    "fraud", "fraudulent", "fraudulently", "fraudster", "stolen", "scam", "scammed", "hacked",
    "unauthorized", "not authorize", "not authorized", "never authorized", "didnt authorize", "not recognize",
    "didnt recognize", "dont recognize", "unauthorised", "not authorise", "not authorised", "never authorised",
    "didnt authorise", "not recognise", "didnt recognise", "dont recognise", "harassing", "harassment", "harass",
    "threatened", "threatening", "lawsuit", "sue", "court", "lost job", "unemployed", "bankruptcy", "attorney",
)  # fmt: skip
NOT_MADE = terms_of("not make", "didnt make")
MONEY_MOVED = terms_of("transaction", "charge", "purchase", "withdrawal", "debit")
"""What presses if the consumer did not make it; by itself, "not make" is said of payments and of sense, too."""
