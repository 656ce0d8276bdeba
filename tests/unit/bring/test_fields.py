"""From a sample to fields: kinds, bounds, words, names; and what is refused with its name."""

import pytest

from ratecard_workbench.bring.fields import bounds_of, field_name, infer_fields, rows_of
from ratecard_workbench.bring.matching import match_columns
from ratecard_workbench.bring.refusals import Refused
from ratecard_workbench.bring.sample import read_sample


@pytest.fixture
def sample(tmp_path):
    """Read a CSV text."""

    def read(text, target=None):
        path = tmp_path / "rows.csv"
        path.write_text(text)
        return read_sample(path, target)

    return read


def test_kinds_are_read_off_the_text_not_off_what_pandas_makes_of_it(sample):
    """Whole numbers stay whole beside a gap; yes and no are words, true and false are not."""
    read = sample("n,gap,x,flag,word\n1,3,0.5,true,yes\n2,,1.5,FALSE,no\n3,5,2.5,True,\n")
    fields = infer_fields(read, {})
    assert [(field.name, field.kind, field.missing) for field in fields] == [
        ("n", "integer", False),
        ("gap", "integer", True),
        ("x", "number", False),
        ("flag", "boolean", False),
        ("word", "category", True),
    ]
    assert rows_of(fields, read.frame)[1] == {"n": 2, "gap": None, "x": 1.5, "flag": False, "word": "no"}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (10, 20, (5, 25)),
        (0, 100, (0, 150)),
        (-5, 5, (-10, 10)),
        (0.1, 0.9, (0, 1)),
        (7, 7, (3.5, 11)),
        (-20, -10, (-25, -5)),
        (0, 0, (0, 1)),
        (1234, 5678, (0, 7900)),
    ],
)
def test_bounds_lie_half_the_range_beyond_the_sample_and_signs_stay(low, high, expected):
    """Rounded outwards to two digits; fractions stay fractions."""
    minimum, maximum = bounds_of(low, high)
    assert minimum <= low <= high <= maximum
    assert (minimum, maximum) == expected


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Credit Amount", "credit_amount"),
        ("PAY_0", "pay_0"),
        ("creditLimit", "credit_limit"),
        ("2nd income", "column_2nd_income"),
        ("class", "class_value"),
        ("explain", "explain_value"),
        ("%", "column"),
    ],
)
def test_headings_become_names_of_fields(heading, name):
    """snake_case, never a word that Python or a request uses for itself."""
    assert field_name(heading) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "no rows"),
        ("", "cannot be read as CSV"),
        ("a,a\n1,2\n", "column 'a' twice"),
        ("a,A\n1,2\n", "would all be called a"),
        ("a,b\n1,\n2,\n", "'b' is empty"),
        ("a\n" + "".join(f"text number {place}\n" for place in range(300)), "300 different texts"),
        ("a\n1\ninf\n", "infinities"),
    ],
)
def test_a_sample_that_says_too_little_is_refused(sample, text, said):
    """The column is named."""
    with pytest.raises(Refused, match=said):
        infer_fields(sample(text), {})


def test_a_target_that_is_not_there_is_named_with_what_is(sample):
    """A slip of the pen is seen at once."""
    with pytest.raises(Refused, match=r"no column 'bda'.*it has: a, bad"):
        sample("a,bad\n1,0\n", "bda")


def test_columns_are_brought_into_the_models_order_or_named_one_by_one(sample):
    """Missing and superfluous columns each have a line."""
    read = sample("b,a b,c\n1,2,3\n")
    assert list(match_columns(sample("b,a b\n1,2\n"), ["a_b", "b"], 2).frame) == ["a b", "b"]
    with pytest.raises(Refused) as refused:
        match_columns(read, ["b", "x"], 2)
    assert [place for place, _ in refused.value.problems] == ["x", "a b", "c"]
    with pytest.raises(Refused, match=r"3 columns .* takes 2"):
        match_columns(read, None, 2)


def test_categories_that_the_model_knows_come_first_and_in_its_order(sample):
    """Codes of a booster are places in its own list; a word of the sample that it does not know comes after."""
    (field,) = infer_fields(sample("w\nb\nz\n"), {"w": ["c", "b", "a"]})
    assert field.values == ["c", "b", "a", "z"]
