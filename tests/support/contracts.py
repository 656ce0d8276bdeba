"""A contract with every kind of feature, and strategies that make rows for any contract."""

from hypothesis import strategies as st

from ratecard.contract import (
    Amount,
    Boolean,
    Category,
    Choice,
    Feature,
    Integer,
    ModelContract,
    Number,
    Points,
    Probability,
    Quantity,
    Ratio,
    Reason,
    ScoreScale,
    Text,
)

EVERY_KIND = ModelContract(
    slug="every-kind",
    version="1.2.3",
    title="Every kind",
    about="A contract with each kind of feature, required and optional.",
    features=(
        Number("income", unit="EUR", minimum=0, maximum=1_000_000, about="Yearly income.", sample=42_000.0),
        Number("debt", unit="EUR", minimum=-10.5, maximum=10.5, about="Debt.", sample=1.5, missing=True),
        Integer("children", unit="persons", minimum=0, maximum=20, about="Children.", sample=2),
        Integer("visits", unit="visits", minimum=-5, maximum=5, about="Visits.", sample=0, missing=True),
        Category("housing", values=("rent", "own", "free"), about="Housing.", sample="own"),
        Category("channel", values=("web", "branch"), about="Channel.", sample="web", missing=True),
        Boolean("employed", about="In work.", sample=True),
        Boolean("married", about="Not used by the engine.", sample=False, missing=True, scored=False),
        Text("note", maximum_length=40, about="A note.", sample="hello", missing=True, scored=False),
    ),
    derived=(Ratio("debt_to_income", numerator="debt", denominator="income", about="Debt over income."),),
    outputs=(
        Probability("probability", about="Chance."),
        Points("score", minimum=0, maximum=1000, about="Score."),
        Choice("decision", values=("yes", "no"), about="Decision."),
        Quantity("rate", unit="fraction", minimum=0.0, maximum=0.5, about="Yearly rate."),
        Amount("expected_loss", currency="EUR", about="Expected loss."),
    ),
    reasons=(
        Reason("R01", ("income",), "Income is low.", "Earn more.", typical=(48_000.0,)),
        Reason("R02", ("debt", "debt_to_income"), "Debt is high."),
    ),
    scale=ScoreScale(),
    max_rows=5,
)


def good_values(feature: Feature) -> st.SearchStrategy[object]:
    """Return a strategy for the JSON values that a feature takes."""
    if isinstance(feature, Integer):
        whole = st.integers(feature.minimum, feature.maximum)
        values: st.SearchStrategy[object] = st.one_of(whole, whole.map(float))
    elif isinstance(feature, Number):
        values = st.one_of(
            st.floats(feature.minimum, feature.maximum, allow_nan=False, allow_infinity=False),
            st.integers(int(feature.minimum), int(feature.maximum)),
        )
    elif isinstance(feature, Category):
        values = st.sampled_from(feature.values)
    elif isinstance(feature, Boolean):
        values = st.booleans()
    else:
        letters = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
        values = st.text(letters, max_size=feature.maximum_length)
    return st.one_of(values, st.none()) if feature.missing else values


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=50),
        st.sampled_from(["", "1", "own", "web", "true", "nan", "=1+1"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def good_rows(contract: ModelContract) -> st.SearchStrategy[dict[str, object]]:
    """Return a strategy for rows that fit a contract; optional features may be absent."""
    required = {feature.name: good_values(feature) for feature in contract.features if not feature.missing}
    optional = {feature.name: good_values(feature) for feature in contract.features if feature.missing}
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def any_rows(draw: st.DrawFn, contract: ModelContract) -> object:
    """Draw a row that fits, or one that was broken in up to three places."""
    row = draw(good_rows(contract))
    names = [feature.name for feature in contract.features]
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from(("set", "drop", "add")))
        if change == "set":
            row[draw(st.sampled_from(names))] = draw(JSON_VALUES)
        elif change == "drop":
            row.pop(draw(st.sampled_from(names)), None)
        else:
            row[draw(st.text(min_size=1, max_size=8))] = draw(JSON_VALUES)
    return draw(st.sampled_from((row, row, row, row, row, row, row, [row], None, 3)))
