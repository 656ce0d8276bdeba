"""What the purchase-intent model takes and gives, and its intent bands.

Source of the fields' meaning: UCI Machine Learning Repository, data set 468 (Sakar & Kastro 2018). Page value, bounce
rate and exit rate are Google Analytics' figures of pages, averaged over the pages that the session has seen. Operating
system, browser, region and traffic source are in the data as numbers whose meaning was never published; no client could
fill them, and they are not inputs.
"""

from __future__ import annotations

from ratecard.contract import Boolean, Category, Choice, Integer, ModelContract, Number, Probability, Reason

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

BANDS = (("high", 0.4), ("medium", 0.05))
"""Lowest probability of purchase of each band, best first; low is below all of them."""

LOWEST_BAND = "low"

HIGHEST_RATE = 0.2
"""No session of the data has a mean bounce or exit rate above it: what lies beyond, the model has never seen."""

LONGEST_SECONDS = 86_400
"""A day."""


def _pages(kind: str, most: int, about: str, sample: int) -> Integer:
    return Integer(f"{kind}_pages", unit="pages", minimum=0, maximum=most, about=about, sample=sample)


def _seconds(kind: str, about: str, sample: float) -> Number:
    return Number(f"{kind}_seconds", unit="seconds", minimum=0, maximum=LONGEST_SECONDS, about=about, sample=sample)


CONTRACT = ModelContract(
    slug="purchase-intent",
    version="1.0.0",
    title="Purchase intent",
    about="The chance that a visit to an online shop ends in a purchase, as a probability and a band.",
    features=(
        _pages("administrative", 100, "Pages about the visitor's account seen so far, such as login and address.", 2),
        _seconds("administrative", "Time spent on account pages; 0 if it was not measured.", 60.0),
        _pages("informational", 100, "Pages about the shop seen so far, such as contact and delivery.", 0),
        _seconds("informational", "Time spent on pages about the shop; 0 if it was not measured.", 0.0),
        _pages("product", 2_000, "Pages of products and product lists seen so far.", 24),
        _seconds("product", "Time spent on pages of products; 0 if it was not measured.", 900.0),
        Number(
            "bounce_rate",
            unit="fraction",
            minimum=0,
            maximum=HIGHEST_RATE,
            about=(
                "Share of visits that see one page and leave, of the pages this visit has seen, averaged; the model "
                f"knows none above {HIGHEST_RATE}."
            ),
            sample=0.005,
        ),
        Number(
            "exit_rate",
            unit="fraction",
            minimum=0,
            maximum=HIGHEST_RATE,
            about=(
                "Share of page views that were the last of their visit, of the pages this visit has seen, averaged; "
                f"the model knows none above {HIGHEST_RATE}."
            ),
            sample=0.02,
        ),
        Number(
            "page_value",
            unit="currency unit of the shop",
            minimum=0,
            maximum=1_000,
            about=(
                "Google Analytics' page value of the pages this visit has seen, averaged: what visits that saw a page "
                "before buying spent, for each unique view of it; 0 if none has a value."
            ),
            sample=12.0,
        ),
        Number(
            "special_day",
            unit="fraction",
            minimum=0,
            maximum=1,
            about=(
                "Nearness of a day of gifts, such as Mother's Day or Valentine's Day, with delivery in mind: 1 on the "
                "best days to order for it, falling to 0 outside its weeks."
            ),
            sample=0.0,
        ),
        Category(
            "month",
            values=MONTHS,
            about="Month of the visit. The data has no visits in january and april: they count as no month it knows.",
            sample="november",
        ),
        Category(
            "visitor",
            values=("new", "returning", "other"),
            about="Whether the visitor has been in the shop before; other where that is not known.",
            sample="returning",
        ),
        Boolean("weekend", about="Whether the visit is on a Saturday or Sunday.", sample=False),
    ),
    outputs=(
        Probability("probability_of_purchase", about="Chance that the visit ends in a purchase."),
        Choice(
            "intent",
            values=(*(band for band, _ in BANDS), LOWEST_BAND),
            about=(
                f"high from a probability of {BANDS[0][1]}, medium from {BANDS[1][1]}, else low. It is a forecast for "
                "the shop, and refuses the visitor nothing."
            ),
        ),
    ),
    reasons=(
        Reason(
            "R01",
            ("page_value",),
            "The pages seen so far are seldom on the way to a sale.",
            "Link these pages to products that sell and to the basket.",
            typical=(16.7,),
        ),
        Reason(
            "R02",
            ("bounce_rate", "exit_rate"),
            "How often visitors leave the shop from the pages seen is more typical of visits without a purchase.",
            "Find out why visitors leave from these pages: slow loading, dead ends, no next step.",
            typical=(0.0, 0.016),
        ),
        Reason(
            "R03",
            ("product_pages", "product_seconds"),
            "The number of product pages seen and the time on them are more typical of visits without a purchase.",
            "Make products easier to find and to compare: search, filters, related products.",
            typical=(29.0, 1110.0),
        ),
        Reason(
            "R04",
            ("administrative_pages", "administrative_seconds"),
            "The use of account pages is more typical of visits without a purchase.",
            "Let visitors order without an account, or keep what they have typed.",
            typical=(2.0, 52.0),
        ),
        Reason(
            "R05",
            ("informational_pages", "informational_seconds"),
            "The use of pages about the shop is more typical of visits without a purchase.",
            # No typical values: half of the visits with a purchase see none of these pages, as do most without.
            "Say delivery, returns and contact on the product's own page.",
        ),
        Reason("R06", ("month",), "Visits in this month are more typically without a purchase."),
        Reason("R07", ("special_day",), "The time before a special day is more typical of visits without a purchase."),
        Reason("R08", ("visitor",), "Visitors of this kind, new or returning, buy less often."),
        Reason("R09", ("weekend",), "The day of the week is more typical of visits without a purchase."),
    ),
    sampled_reasons=True,
    higher_is_better=True,
)
