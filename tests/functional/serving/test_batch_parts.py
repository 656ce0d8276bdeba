"""How files are cut: whatever is in them, no part takes long, and there are never too many."""

import gzip
import io
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.contracts import EVERY_KIND

from policy_recommendation.contract import CONTRACT as COMPLAINTS
from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.batch import parts
from ratecard.serving.batch.job import LARGEST_PART, MOST_PARTS, Job
from ratecard.serving.batch.plan import plan_object
from ratecard.storage.objects import LocalObjectStore

GOOD = sample_row(EVERY_KIND)
NAMES = [feature.name for feature in EVERY_KIND.features]
LINE = json.dumps(GOOD).encode() + b"\n"


def sized(size, *, explain=False):
    """Describe a file of some size."""
    return Job("b", "a", None, size, "a", "acme", explain, (), 1, "b", "out/x", "work/x")


@pytest.fixture
def plan(tmp_path):
    """Return a function that plans a file."""

    def planned(name, content, **order):
        (tmp_path / name).write_bytes(content)
        job = replace(sized(len(content)), key=name, name=name, **order)
        return plan_object(EVERY_KIND, job, LocalObjectStore(tmp_path))

    return planned


def parquet(rows, group):
    """Write the same row again and again."""
    file = io.BytesIO()
    pq.write_table(pa.table({name: [GOOD[name]] * rows for name in NAMES}), file, row_group_size=group)
    return file.getvalue()


@pytest.fixture
def few_rows(monkeypatch):
    """Parts of a hundred rows, ten with reasons, of any number of bytes."""
    monkeypatch.setattr(parts, "MOST_ROWS", 100)
    monkeypatch.setattr(parts, "MOST_EXPLAINED_ROWS", 10)
    monkeypatch.setattr("ratecard.serving.batch.segments.BLOCK_BYTES", len(LINE))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
@pytest.mark.parametrize(("explain", "rows"), [(False, 100), (True, 10)])
def test_lines_are_cut_by_rows(plan, few_rows, name, explain, rows):
    """A part has so many at most, fewer with reasons; together the parts are the file."""
    content = LINE * 250
    found = plan(name, gzip.compress(content) if name.endswith("gz") else content, explain=explain).parts
    assert [part["line"] for part in found] == list(range(1, 251, rows))
    assert sum(part["size"] for part in found) == len(content)


@pytest.mark.parametrize(("explain", "rows"), [(False, 100), (True, 10)])
def test_row_groups_are_cut_and_joined(plan, few_rows, explain, rows):
    """A group of more rows than a part is cut into equal pieces, small ones are put together, and none is missed."""
    for group in (1, 7, 60, 95, 240, 1000):
        found = plan("a.parquet", parquet(250, group), explain=explain).parts
        assert [part["line"] for part in found] == [
            1 + sum(one["rows"] for one in found[:n]) for n in range(len(found))
        ]
        assert max(part["rows"] for part in found) <= rows
        assert sum(part["rows"] for part in found) == 250
        starts = [part["groups"][0] * group + part["skipped"] + 1 for part in found]
        assert starts == [part["line"] for part in found]


def test_no_file_has_more_parts_than_a_map_runs(plan, few_rows, monkeypatch):
    """At the edge: one part fewer is planned, one more is refused, in lines, compressed lines and row groups."""
    monkeypatch.setattr(parts, "MOST_PARTS", 3)
    for name, write in (
        ("a.jsonl", lambda rows: LINE * rows),
        ("a.jsonl.gz", lambda rows: gzip.compress(LINE * rows)),
        ("a.parquet", lambda rows: parquet(rows, 1000)),
        ("b.parquet", lambda rows: parquet(rows, 50)),
    ):
        assert [part["number"] for part in plan(name, write(300)).parts] == [1, 2, 3]
        with pytest.raises(InvalidRequestError) as refused:
            plan(name, write(301))
        assert [problem.code for problem in refused.value.problems] == ["too_many_parts"]


@pytest.mark.parametrize(("size", "expansion"), [(1 << 20, 100), (5 << 30, 100), (50 << 30, 10)])
def test_what_expands_as_far_as_it_may_is_still_few_parts(size, expansion):
    """A compressed file as large as S3 takes it in one request, or ten times that, expanding as real files do."""
    assert size * expansion / parts.limits_of(EVERY_KIND, sized(size)).bytes <= MOST_PARTS


def test_limits_follow_from_the_order():
    """Parts are small where rows are slow: with reasons, and of texts that may be long."""
    plain, explained = (parts.limits_of(EVERY_KIND, sized(100 << 20, explain=explain)) for explain in (False, True))
    assert (plain.rows, explained.rows) == (parts.MOST_ROWS, parts.MOST_EXPLAINED_ROWS)
    assert (plain.bytes, plain.group_bytes) == (4 << 20, LARGEST_PART)
    assert explained.bytes == explained.group_bytes < plain.bytes
    longest = sum(getattr(feature, "maximum_length", 0) for feature in COMPLAINTS.features)
    for explain in (False, True):
        assert parts.limits_of(COMPLAINTS, sized(1, explain=explain)).rows * longest <= parts.MOST_TEXT_BYTES


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("size", [1, 10**6, 10**9, 10**11])
def test_slow_rows_of_many_bytes_are_cut_by_bytes(size, explain):
    """Rows with reasons are cut finer; no part is over 64 MB in any file that is planned in time."""
    assert parts.limits_of(EVERY_KIND, sized(size, explain=explain)).bytes <= LARGEST_PART


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (";".join(NAMES).encode(), "semicolons"),
        ("\t".join(NAMES).encode(), "tabs"),
        (b"sep=;\n" + ";".join(NAMES).encode(), "sep="),
        (",".join(NAMES).encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_as_spreadsheets_write_it_is_told_what_is_wrong(plan, content, word):
    """Separators and encodings, not a column that is no feature."""
    with pytest.raises(InvalidRequestError, match="the file") as refused:
        plan("a.csv", content + b"\n1\n")
    (problem,) = refused.value.problems
    assert problem.code == "bad_csv"
    assert word in problem.detail


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_column_that_results_have_is_not_carried(plan, name):
    """Else the caller's value would stand where the model's is looked for."""
    content = {"a.csv": ",".join(NAMES).encode() + b"\n", "a.jsonl": LINE, "a.parquet": parquet(1, 1)}[name]
    for carry in (("score",), ("line",), ("reasons",), ("income", "income")):
        with pytest.raises(InvalidRequestError) as refused:
            plan(name, content, carry=carry)
        assert {problem.code for problem in refused.value.problems} == {"repeated"}
