"""The Consumer Complaint Database's narratives: labelled with the contract's products, and with issues where known.

Its module name is unique because a recipe's folder is put on the path as it is.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from policy_recommendation.contract import PRODUCTS
from ratecard_workbench.training.catalogue import DataSet
from ratecard_workbench.training.duplicates import group_texts
from ratecard_workbench.training.table import Table, load_table
from ratecard_workbench.training.texts import Texts

NARRATIVE = "Consumer complaint narrative"
OLDER, RECENT, PAYDAY, BASE_FORMS = (
    f"cfpb_complaints/{name}.csv.gz"
    for name in (
        "narratives_3947_shahsg",
        "narratives_mixed_recent",
        "payday_personal_loan_2827_full_fields",
        "processed5_1499",
    )
)
FILES = (OLDER, RECENT, PAYDAY, BASE_FORMS)

WEIGHTS = {OLDER: 1.0, RECENT: 1.0, PAYDAY: 0.3, BASE_FORMS: 2.0}
"""One file is of payday loans alone; one has the five classes as they are published, and few texts."""

PRODUCT_NAMES: Mapping[str, str] = {
    "Credit card": "credit_card",
    "Prepaid card": "credit_card",
    "Credit card or prepaid card": "credit_card",
    "Bank account or service": "retail_banking",
    "Checking or savings account": "retail_banking",
    "Money transfers": "retail_banking",
    "Money transfer, virtual currency, or money service": "retail_banking",
    "Credit reporting": "credit_reporting",
    "Credit reporting, credit repair services, or other personal consumer reports": "credit_reporting",
    "Credit reporting or other personal consumer reports": "credit_reporting",
    "Mortgage": "mortgages_and_loans",
    "Student loan": "mortgages_and_loans",
    "Consumer Loan": "mortgages_and_loans",
    "Payday loan": "mortgages_and_loans",
    "Vehicle loan or lease": "mortgages_and_loans",
    "Payday loan, title loan, or personal loan": "mortgages_and_loans",
    "Debt collection": "debt_collection",
}
"""Product labels of the database, old and new; what is none of these is left out."""

ISSUE_NAMES: Mapping[str, Sequence[str]] = {
    "incorrect_information": (
        "Incorrect information on your report",
        "Incorrect information on credit report",
        "Unable to get your credit report or credit score",
        "Unable to get credit report/credit score",
    ),
    "fraud_or_unauthorized_use": (
        "Improper use of your report",
        "Fraud or scam",
        "Received a loan you didn't apply for",
        "Identity theft / Fraud / Embezzlement",
        "Problem with fraud alerts or security freezes",
        "Credit monitoring or identity theft protection services",
        "Problem with a lender or other company charging your account",
        "Unauthorized transactions or other transaction problem",
    ),
    "dispute_investigation": (
        "Problem with a credit reporting company's investigation into an existing problem",
        "Problem with a company's investigation into an existing problem",
        "Problem with a company's investigation into an existing issue",
    ),
    "debt_not_owed": (
        "Attempts to collect debt not owed",
        "Written notification about debt",
        "Disclosure verification of debt",
    ),
    "collection_conduct": (
        "Communication tactics",
        "False statements or representation",
        "Took or threatened to take negative or legal action",
        "Threatened to contact someone or share information improperly",
    ),
    "fees_or_interest": ("Charged fees or interest you didn't expect", "Fees or interest"),
    "payment_or_transaction": (
        "Problem when making payments",
        "Trouble during payment process",
        "Problem with the payoff process at the end of the loan",
        "Can't stop withdrawals from your bank account",
        "Money was taken from your bank account on the wrong day or for the wrong amount",
        "Loan payment wasn't credited to your account",
        "Problem with a purchase shown on your statement",
        "Other transaction problem",
        "Problem with a purchase or transfer",
        "Wrong amount charged or received",
        "Trouble using your card",
        "Trouble using the card",
    ),
    "trouble_paying": (
        "Struggling to pay your loan",
        "Struggling to pay mortgage",
        "Struggling to repay your loan",
        "Struggling to pay your bill",
        "Loan modification,collection,foreclosure",
        "Vehicle was repossessed or sold the vehicle",
    ),
    "application_or_opening": (
        "Getting the loan",
        "Getting a line of credit",
        "Opening an account",
        "Getting a credit card",
        "Closing on a mortgage",
        "Getting a loan or lease",
        "Applying for a mortgage or refinancing an existing mortgage",
        "Was approved for a loan, but didn't receive the money",
    ),
}
"""Labels of the database by the contract's issue; every other label is account_servicing."""

ISSUE_OF = {label: issue for issue, labels in ISSUE_NAMES.items() for label in labels}


@dataclass(frozen=True, slots=True)
class Complaints:
    """Labelled complaints, each once.

    Attributes
    ----------
    texts : Texts
        With their products.
    files : array of str, shape (texts,)
        File each comes from.
    issues : array of str, shape (texts,)
        The contract's issue, empty where the file has no label.
    dropped : int
        Rows without text or product, and copies of earlier ones.
    """

    texts: Texts
    files: NDArray[np.str_]
    issues: NDArray[np.str_]
    dropped: int


def load_complaints(data_set: DataSet, rows: int | None = None) -> Complaints:
    """Load every narrative with a product, each once, from the catalogued files.

    Parameters
    ----------
    data_set : DataSet
        cfpb_complaints.
    rows : int, optional
        Most rows of a file.
    """
    tables = {file: load_table(data_set, file) for file in FILES}
    return gather_complaints({file: {k: v[:rows] for k, v in table.items()} for file, table in tables.items()})


def gather_complaints(tables: Mapping[str, Table]) -> Complaints:
    """Label the rows of the files, and drop copies: the same first 200 letters, whatever is between them."""
    narratives: list[str] = []
    products: list[int] = []
    files: list[str] = []
    issues: list[str] = []
    seen: Counter[str] = Counter()
    for file, table in tables.items():
        for narrative, product, issue in list_rows(table):
            key = re.sub("[^a-z]", "", str(narrative).lower())[:200]
            if narrative is None or product not in PRODUCTS or seen[key]:
                continue
            seen[key] += 1
            narratives.append(str(narrative))
            products.append(PRODUCTS.index(product))
            files.append(file)
            issues.append(issue)
    weights = np.array([WEIGHTS[file] for file in files])
    texts = Texts(narratives, np.array(products), PRODUCTS, group_texts(narratives), weights)
    read = sum(len(next(iter(table.values()))) for table in tables.values())
    return Complaints(texts, np.array(files), np.array(issues), read - len(texts))


def list_rows(table: Table) -> list[tuple[object, str, str]]:
    """Return narrative, product and issue of each row; the last two empty where there is none."""
    if "narrative" in table:
        return [(text, str(product), "") for text, product in zip(table["narrative"], table["product"], strict=True)]
    labels = table.get("Issue", np.full(len(table[NARRATIVE]), None))
    return [
        (
            text,
            PRODUCT_NAMES.get(str(product), ""),
            "" if label is None else ISSUE_OF.get(str(label), "account_servicing"),
        )
        for text, product, label in zip(table[NARRATIVE], table["Product"], labels, strict=True)
    ]


def strip_form(text: str) -> str:
    """Return a text as published sets of complaints often have it: lower case, letters only, no short or stop words."""
    words = re.findall("[a-z]+", text.lower().replace("'", ""))
    return " ".join(word for word in words if word not in ENGLISH_STOP_WORDS and not re.fullmatch("x+", word))
