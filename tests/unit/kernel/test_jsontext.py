"""JSON in and out: what the shortcuts give is what Python's own encoder and decoder give."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.kernel import jsontext
from ratecard.kernel.errors import InvalidJsonError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_documents_are_written_as_json_writes_them(document):
    """Compact, ASCII, and read back as they were."""
    text = jsontext.encode(document)
    assert text == json.dumps(document, separators=(",", ":"), allow_nan=False)
    assert jsontext.parse_json(text) == document


@given(VALUES)
def test_without_the_writer_in_c_the_text_is_the_same(document):
    """Another Python may have none."""
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json.encoder, "c_make_encoder", None)
        write = jsontext.make_writer(encoder)
        assert "".join(write(document, 0)) == jsontext.encode(document)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}], ids=["nan", "inf", "object", "set"])
def test_what_json_has_not_is_not_written(value):
    """An answer is never half JSON."""
    with pytest.raises((TypeError, ValueError)):
        jsontext.encode({"value": value})


@given(st.text())
def test_one_text_is_written_as_in_a_document(value):
    """Quotes, line ends and all."""
    assert jsontext.quote(value) == json.dumps(value)


@pytest.mark.parametrize("text", [' {"a":1}', '{"a":1}\n', '\t{"a": 1 }\r\n'])
def test_white_space_around_a_document_does_not_matter(text):
    """RFC 8259, section 2."""
    assert jsontext.parse_json(text) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "place"),
    [('{"a":1}}', "column 8"), ('{"a":1}\n{', "line 2, column 1"), ("", "column 1")],
)
def test_a_refusal_says_where(text, place):
    """Something behind the document is refused at its place, too."""
    with pytest.raises(InvalidJsonError, match=place):
        jsontext.parse_json(text)


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"a":NaN}', '{"a":{"b":1,"b":2}} ', "[" * 100_000, "1" * 5000])
def test_what_two_readers_could_read_differently_is_refused(text):
    """Repeated members, NaN, depth and length without end."""
    with pytest.raises(InvalidJsonError):
        jsontext.parse_json(text)
