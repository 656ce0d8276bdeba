"""Rows by columns and rows one by one, in a file and online: the same answers, the same refusals, the same digits."""

import csv
import io
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.contracts import EVERY_KIND, any_rows, good_rows
from support.served import proxy_event

from credit_rating.contract import CONTRACT as CREDIT_RATING
from credit_rating.decision import decide
from ratecard.contract import Scored
from ratecard.contract.sample import sample_row
from ratecard.serving.batch import oddlines, segments
from ratecard.serving.batch.csvblocks import CsvBlocks
from ratecard.serving.batch.jsonblocks import JsonBlocks
from ratecard.serving.batch.rowpath import GoodRow, Layout, read_csv_row
from ratecard.serving.batch.scoring import Scorer, probabilities
from ratecard.serving.batch.segments import Segments, find_odd_lines, records_of
from ratecard.serving.batch.writing import csv_lines, decoded, text_of, write_floats
from ratecard.serving.handlers import load_model
from ratecard.serving.rest import answer_http
from ratecard.serving.scores import probability_of

ROOT = Path(__file__).resolve().parents[3]
NAMES = [feature.name for feature in EVERY_KIND.features]
CELLS = (
    "",
    "0",
    "1",
    "-1",
    "+1",
    "1.0",
    "2.5",
    "1.",
    ".5",
    ".",
    "-",
    "1e1",
    "1E+2",
    "1e400",
    "-0",
    "007",
    "1_0",
    "0x1",
    " 1",
    "1 ",
    "1\t",
    "nan",
    "NaN",
    "-inf",
    "Infinity",
    "nan(1)",
    "\u0663",
    "true",
    "false",
    "TRUE",
    "t",
    "own",
    "OWN",
    "rent ",
    "x" * 41,
    "\xe9",
    "a\0b",
    "\ud800",
    'say "hi"',
    '"',
    "a,b",
    "a\nb",
    "a\rb",
    "9007199254740993",
    "1" * 400,
    "5e-324",
)


@pytest.fixture(scope="module")
def credit(native_dir):
    """The real model, which decides by points and whose engine takes columns."""
    folder = ROOT / "functions/models/credit_rating/src/credit_rating/artifact"
    return load_model(CREDIT_RATING, decide, str(folder), str(native_dir))


def blocks_of(contract, content, header, carry=()):
    """Read the lines after a header as the score step does."""
    return list(CsvBlocks(Layout(contract, header, carry)).read(io.BytesIO(content), 2))


def read_fast(contract, content, header, carry=()):
    """Return good rows and rejects of all blocks, as Python values."""
    good, rejects = {}, []
    for block in blocks_of(contract, content, header, carry):
        columns = [column.to_pylist() for column in (block.lines, *block.carried, *block.columns)]
        good |= {line: tuple(values) for line, *values in zip(*columns, strict=True)}
        rejects += block.rejects
    return good, rejects


def read_slowly(contract, content, header, carry=()):
    """Return the same by the row path alone."""
    layout = Layout(contract, header, carry)
    good, rejects = {}, []
    for segment in Segments(io.BytesIO(content), len(header), 2):
        for line, text in zip(*records_of(segment), strict=True):
            row = read_csv_row(layout, line, text)
            if isinstance(row, GoodRow):
                good[line] = (*row.carried, *row.values)
            elif row is not None:
                rejects += row
    return good, rejects


def written(rows):
    """Write rows of cells, with what UTF-8 cannot hold as the bytes it came from."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


@st.composite
def rows_of_cells(draw):
    """Draw rows of which most fit, as text; some cells, or the number of cells, do not."""
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        row = draw(good_rows(EVERY_KIND))
        cells = [draw(st.sampled_from(("", "a-1", "=1", "caf\xe9", "a b", "x" * 129, "a\x07")))]
        cells += ["" if (value := row.get(name)) is None else shown(value) for name in NAMES]
        for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
            cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(CELLS))
        rows.append(cells if draw(st.integers(0, 9)) else cells[:-1])
    return rows


def shown(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(max_examples=50, deadline=None)
@given(rows=rows_of_cells(), crlf=st.booleans(), raw=st.binary(max_size=30), at=st.integers(0, 12))
def test_columns_are_read_as_rows_are(rows, crlf, raw, at):
    """Whatever stands in the cells: the same good rows with the same values, the same rejects in the same places."""
    header = ["row_id", *NAMES]
    lines = written(rows).splitlines(keepends=True)
    if crlf:
        lines = [line.removesuffix(b"\n") + b"\r\n" for line in lines]
    content = b"".join([*lines[:at], raw, b"\n", *lines[at:]])
    for carry, most in product(((), ("income", "employed")), (0, 256)):
        with patch.object(oddlines, "MOST_CUT", most):
            fast = read_fast(EVERY_KIND, content, header, carry)
        assert fast == read_slowly(EVERY_KIND, content, header, carry)


def test_a_column_with_a_wrong_cell_is_looked_at_cell_by_cell():
    """One word among many numbers, one number among truth values: that row is refused, in the first block and later."""
    header = ["row_id", *NAMES]
    sample = sample_row(EVERY_KIND)
    rows = [[f"r{place}", *(shown(sample[name]) for name in NAMES)] for place in range(60_000)]
    rows[777][header.index("income")] = rows[50_000][header.index("children")] = "=1+1"
    rows[30_000][header.index("employed")] = "1"
    good, rejects = read_fast(EVERY_KIND, written(rows), header)
    assert len(good) == len(rows) - 3
    assert [(one.line, one.field) for one in rejects] == [(779, "income"), (30_002, "employed"), (50_002, "children")]


@settings(max_examples=150, deadline=None)
@given(row=any_rows(EVERY_KIND).filter(lambda row: type(row) is not dict or "row_id" not in row))
def test_a_file_and_a_call_refuse_the_same(model, row):
    """JSON Lines and REST give the same codes at the same places, and the same answer digit by digit."""
    body = json.dumps({"instances": [row]})
    online = json.loads(answer_http(model, proxy_event("/v1/models/every-kind/predict", body), "x")["body"])
    layout = Layout(EVERY_KIND, (), ())
    (block,) = JsonBlocks(layout).read(io.BytesIO(json.dumps(row).encode()), 1)
    filed = sorted((f"/instances/0/{one.field}".rstrip("/"), one.code) for one in block.rejects)
    if "predictions" in online:
        outputs = [column.to_pylist() for column in Scorer(model, explain=False).score(block)]
        names = [output.name for output in EVERY_KIND.outputs]
        assert [[online["predictions"][0][name]] for name in names] == outputs
        assert filed == []
    else:
        # A refused call lists every problem, a reject the first five.
        assert set(filed) <= {(one["pointer"], one["code"]) for one in online["errors"]}
        assert len(filed) == min(5, len(online["errors"]))


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(good_rows(CREDIT_RATING), min_size=1, max_size=30))
def test_columns_give_the_online_answer(credit, rows):
    """Encoding, engine, calibration and decision by columns: the answer of the online path, byte for byte."""
    header = [feature.name for feature in CREDIT_RATING.features]
    content = written([[shown(row[name]) for name in header] for row in rows])
    (block,) = blocks_of(CREDIT_RATING, content, header)
    online = credit.predict(CREDIT_RATING.replace(max_rows=99).parse_rows(rows), explain=False, adverse=False)
    by_columns = Scorer(credit, explain=False).score(block)
    by_rows = Scorer(credit, explain=False, by_rows=True).score(block)
    assert [decoded(column) for column in by_columns] == by_rows
    names = [output.name for output in CREDIT_RATING.outputs]
    assert [column.to_pylist() for column in by_columns] == [[one[name] for one in online] for name in names]
    cells = list(csv.reader(io.StringIO(bytes(csv_lines(by_columns)).decode())))
    assert [row[0] for row in cells] == [json.dumps(one["probability_of_default"]) for one in online]


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=100, deadline=None)
@given(margins=st.lists(st.floats(-745, 745) | st.floats(-20, 20), min_size=1, max_size=50))
def test_points_by_columns_are_the_points_of_decide(credit, margins):
    """Also half-way between two points, and beyond the ends of the scale."""
    scale = decide.scale
    halves = [(scale.points - whole - 0.5) / scale.factor for whole in (300, 400, 529, 530, 699)]
    array = pa.array([*margins, *(half - 3.912023005428146 for half in halves)])
    columns = Scorer(credit, explain=False)._columns
    expected = [decide(Scored((), margin, probability_of(margin))).outputs for margin in array.to_pylist()]
    assert columns._points(array).to_pylist() == [outputs[1] for outputs in expected]
    assert probabilities(array).to_pylist() == [outputs[0] for outputs in expected]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(FINITE | st.sampled_from((0.0, -0.0, 1e-4, 9.9e-5, 1e15, 1e16, 123456789012345.6)), min_size=1))
@example([5e-324, 1.7976931348623157e308, 1e22, 0.1, 100.0, 1e-5])
def test_numbers_are_written_as_the_online_answer_writes_them(values):
    """The fewest digits that give the same float64 back, in Python's and JSON's notation."""
    array = pa.array(values, pa.float64())
    assert write_floats(array).to_pylist() == [json.dumps(value) for value in values]
    assert text_of(pa.array([None, 1.5])).to_pylist() == ["", "1.5"]


GOOD = ",".join(shown(sample_row(EVERY_KIND)[name]) for name in NAMES).encode()
"""A row without quotes; its last cell is a note."""


def statuses(content, header=NAMES):
    """Return good lines and rejects' lines."""
    good, rejects = read_fast(EVERY_KIND, content, header)
    return sorted(good), sorted({reject.line for reject in rejects})


def test_a_record_goes_on_where_its_quotes_close():
    """A note over three lines is one record; the lines after it keep their numbers."""
    note = GOOD.rsplit(b",", 1)[0] + b',"one\ntwo\nthree"\n'
    assert statuses(note + GOOD + b"\n" + GOOD) == ([2, 5, 6], [])


def test_a_quote_that_is_never_closed_costs_its_own_line_only():
    """Reading goes on at the next line, also where another such line follows, and where the file ends."""
    bad = b'"' + GOOD
    assert statuses(b"\n".join([GOOD, bad, GOOD, GOOD, bad, GOOD, GOOD, bad])) == ([2, 4, 5, 7, 8], [3, 6, 9])


def test_two_open_quotes_swallow_what_is_between_only_if_that_is_a_record():
    """The one case in which a good row is lost: between two lines that together are a well-formed record."""
    head, tail = GOOD.rsplit(b",", 1)[0] + b',"note', b'end"'
    assert statuses(b"\n".join([head, GOOD, tail, GOOD])) == ([5], [2])
    beyond = b"\n".join([head, *[GOOD] * (segments.MAX_RECORD_LINES - 1), tail, GOOD])
    assert statuses(beyond)[1] == [2, segments.MAX_RECORD_LINES + 2]


def test_the_record_limit_is_just_what_it_says():
    """A line of 999,999 bytes is read, one of a million is too long, and so is a huge one; the next one is fine."""
    for length, code in ((999_999, "too_long"), (1_000_000, "too_long"), (30_000_000, "too_long")):
        content = GOOD + b"\n" + b"x" * length + b"\n" + GOOD + b"\n" + GOOD
        good, rejects = read_fast(EVERY_KIND, content, NAMES)
        assert sorted(good) == [2, 4, 5]
        assert [(reject.line, reject.code) for reject in rejects] == [(3, "bad_csv" if length < 1_000_000 else code)]


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from((GOOD, b'"' + GOOD, GOOD + b'"', b'a"b', b'"a', b'a"', b'""', b"", b"x" * 90)), max_size=25
    ),
    cut=st.integers(0, 30),
)
def test_segments_do_not_depend_on_how_the_stream_is_read_or_cut(lines, cut):
    """Records are the same in one read and in many, and a part that begins where a segment ends goes on alike."""
    content = b"\n".join(lines)
    whole = list(records(content, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "BLOCK_BYTES", 64)
        assert list(records(content, 1)) == whole
        ends = [0, *(one.end for one in Segments(io.BytesIO(content), len(NAMES)))]
        end = ends[min(cut, len(ends) - 1)]
    line = content[:end].count(b"\n") + 1
    later = list(records(content[end:], line))
    assert later == [one for one in whole if one[0] >= line and end < len(content)]


def records(content, line):
    """Return line and text of each record."""
    for segment in Segments(io.BytesIO(content), len(NAMES), line):
        yield from zip(*records_of(segment), strict=True)


def test_odd_lines_are_found():
    """By the number of quotes in each line."""
    assert find_odd_lines(b'a\n"b\n""\n"""c\nd"') == [(2, 5), (8, 13), (13, 15)]


def test_arrow_is_enough(tmp_path):
    """The file path runs with Arrow beside the library, and nothing else installed: no numpy."""
    arrow = Path(pa.__file__).parent
    (tmp_path / "pyarrow").symlink_to(arrow)
    code = "import sys, ratecard.serving.batch.steps; print(any('numpy' in path for path in sys.modules))"
    paths = f"{tmp_path}:{ROOT / 'layers/ratecard/src'}"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
