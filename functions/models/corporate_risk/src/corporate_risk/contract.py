"""What the corporate-risk model takes and gives: sixteen ratios of one annual statement, a score scale and its grades.

Ratios are numbers without a unit (2.0, not 200 %), or days. All come from the balance sheet and the income statement of
one financial year, so currency and size of the company do not matter.
"""

from __future__ import annotations

from ratecard.contract import Choice, ModelContract, Number, Points, Probability, Reason, ScoreScale

SCALE = ScoreScale(points=600.0, odds=50.0, points_to_double=20.0)

LOWEST_SCORE, HIGHEST_SCORE = 300, 700
"""Ends of the published scale; the model's own range lies well inside."""

GRADE_FLOORS = (("A", 613), ("B", 587), ("C", 576), ("D", 558), ("E", 541))
"""Lowest score of each grade, best first; F is below all of them."""

NORMAL_FROM, WATCH_FROM = 558, 541
"""Lowest scores that need no special care (grades A to D), and that go on the watch list (E); below is high risk."""

GRADES = (*(grade for grade, _ in GRADE_FLOORS), "F")

TYPICAL = {
    "current_ratio": 1.64,
    "quick_ratio": 1.09,
    "cash_ratio": 0.204,
    "liabilities_to_assets": 0.457,
    "short_term_liabilities_to_assets": 0.321,
    "return_on_assets": 0.0458,
    "operating_profit_to_assets": 0.0576,
    "operating_margin": 0.0365,
    "net_margin": 0.029,
    "cash_flow_to_liabilities": 0.23,
    "pretax_cash_flow_to_sales": 0.0697,
    "asset_turnover": 1.57,
    "inventory_days": 34.2,
    "receivable_days": 54.4,
    "short_term_liability_days": 69.4,
    "current_assets_to_assets": 0.587,
}
"""Medians of the healthy companies that the model was trained on, to three significant digits."""

BEYOND = "Send the bound where the ratio lies beyond it."


def _ratio(name: str, bounds: tuple[float, float], sample: float, about: str, *, unit: str = "ratio") -> Number:
    lower, upper = bounds
    return Number(name, unit=unit, minimum=lower, maximum=upper, about=f"{about} {BEYOND}", sample=sample)


def _reason(code: str, columns: tuple[str, ...], text: str, advice: str | None = None) -> Reason:
    return Reason(code, columns, text, advice, tuple(TYPICAL[name] for name in columns))


LIQUIDITY = (
    _ratio("current_ratio", (0.0, 100.0), 1.6, "Current assets divided by short-term liabilities."),
    _ratio("quick_ratio", (0.0, 100.0), 1.1, "Current assets less inventories, divided by short-term liabilities."),
    _ratio(
        "cash_ratio",
        (0.0, 100.0),
        0.2,
        "Current assets less inventories and receivables, that is cash and short-term investments, divided by "
        "short-term liabilities.",
    ),
)
LEVERAGE = (
    _ratio("liabilities_to_assets", (0.0, 10.0), 0.46, "Total liabilities divided by total assets."),
    _ratio("short_term_liabilities_to_assets", (0.0, 10.0), 0.33, "Short-term liabilities divided by total assets."),
)
PROFITABILITY = (
    _ratio(
        "return_on_assets", (-5.0, 5.0), 0.045, "Net profit (after tax; a loss is below zero) divided by total assets."
    ),
    _ratio("operating_profit_to_assets", (-5.0, 5.0), 0.055, "Profit on operating activities divided by total assets."),
    _ratio("operating_margin", (-10.0, 10.0), 0.036, "Profit on operating activities divided by sales."),
    _ratio("net_margin", (-10.0, 10.0), 0.029, "Net profit (after tax) divided by sales."),
)
CASH_FLOW = (
    _ratio(
        "cash_flow_to_liabilities",
        (-20.0, 100.0),
        0.23,
        "Net profit plus depreciation and amortisation, divided by total liabilities.",
    ),
    _ratio(
        "pretax_cash_flow_to_sales",
        (-10.0, 10.0),
        0.07,
        "Profit before tax plus depreciation and amortisation, divided by sales.",
    ),
)
ACTIVITY = (
    _ratio("asset_turnover", (0.0, 20.0), 1.5, "Sales divided by total assets."),
    _ratio("inventory_days", (0.0, 3650.0), 34.0, "Inventories times 365, divided by sales.", unit="days"),
    _ratio("receivable_days", (0.0, 3650.0), 54.0, "Receivables times 365, divided by sales.", unit="days"),
    _ratio(
        "short_term_liability_days",
        (0.0, 3650.0),
        70.0,
        "Short-term liabilities times 365, divided by sales.",
        unit="days",
    ),
)
STRUCTURE = (_ratio("current_assets_to_assets", (0.0, 1.0), 0.58, "Current assets divided by total assets."),)


CONTRACT = ModelContract(
    slug="corporate-risk",
    version="1.0.0",
    title="Corporate risk",
    about=(
        "The chance that a company is bankrupt within three years of its annual statement, from sixteen ratios, as a "
        "score, a grade and a place on the watch list."
    ),
    features=(*LIQUIDITY, *LEVERAGE, *PROFITABILITY, *CASH_FLOW, *ACTIVITY, *STRUCTURE),
    outputs=(
        Probability(
            "probability_of_distress",
            about=(
                "Chance of bankruptcy within three years of the statement, at the rate of the training data (1 in 21); "
                "another portfolio has another rate."
            ),
        ),
        Points(
            "score",
            minimum=LOWEST_SCORE,
            maximum=HIGHEST_SCORE,
            about="600 points at odds of 50 sound to 1 bankrupt; every 20 points double the odds.",
        ),
        Choice("grade", values=GRADES, about="Grade of the master scale, A is best."),
        Choice(
            "watch_list",
            values=("normal", "watch", "high_risk"),
            about=f"normal from {NORMAL_FROM} points, watch from {WATCH_FROM}, else high_risk.",
        ),
    ),
    reasons=(
        _reason(
            "C01",
            ("current_ratio", "quick_ratio", "cash_ratio"),
            "Liquidity counts against the company: what it can soon turn into cash, against what is soon due.",
            "Hold more cash against what is due within a year, for example by longer-term funding of lasting assets.",
        ),
        _reason(
            "C02",
            ("liabilities_to_assets", "short_term_liabilities_to_assets"),
            "Debt counts against the company: its liabilities, and those soon due, against its assets.",
            "Bring liabilities down in relation to assets, or strengthen equity.",
        ),
        _reason(
            "C03",
            ("return_on_assets", "operating_profit_to_assets", "operating_margin", "net_margin"),
            "Profitability counts against the company: its profit against its assets and its sales.",
            "Raise the profit of the operating business in relation to sales and to the assets tied up in it.",
        ),
        _reason(
            "C04",
            ("cash_flow_to_liabilities", "pretax_cash_flow_to_sales"),
            "Cash earned counts against the company: profit and depreciation, against its liabilities and its sales.",
            "Earn more cash in relation to what is owed, or owe less.",
        ),
        _reason(
            "C05",
            ("short_term_liability_days",),
            "The time for which short-term liabilities have been running up counts against the company.",
            "Bring short-term liabilities down in relation to sales.",
        ),
        _reason(
            "C06",
            ("asset_turnover", "inventory_days", "receivable_days"),
            "The pace of the business counts against the company: sales against assets, stocks and receivables.",
        ),
        _reason(
            "C07",
            ("current_assets_to_assets",),
            "The make-up of the assets counts against the company: current ones against lasting ones.",
        ),
    ),
    scale=SCALE,
)
