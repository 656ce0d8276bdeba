"""Parquet as it comes: texts of any length in bounded memory, every way of writing, some rows of a group."""

import io
import json
import random
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.contracts import EVERY_KIND

from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.batch import parquetblocks, parquetpages
from ratecard.serving.batch.jsonblocks import JsonBlocks
from ratecard.serving.batch.parquetblocks import ParquetBlocks
from ratecard.serving.batch.parquetpages import weigh_pages
from ratecard.serving.batch.parquetschema import check_schema, open_parquet
from ratecard.serving.batch.rowpath import Layout
from ratecard.serving.batch.table import joined

GOOD = sample_row(EVERY_KIND)
NAMES = [feature.name for feature in EVERY_KIND.features]
ROOT = Path(__file__).resolve().parents[3]
WAYS = (
    {},
    {"use_dictionary": False},
    {"use_dictionary": False, "column_encoding": {"housing": "DELTA_BYTE_ARRAY", "note": "DELTA_LENGTH_BYTE_ARRAY"}},
    {"data_page_version": "2.0", "compression": "zstd", "data_page_size": 50, "write_batch_size": 3},
    {"dictionary_pagesize_limit": 20, "write_batch_size": 2, "compression": "gzip", "store_schema": False},
)


def written(columns, **way):
    """Write columns to a file."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **way)
    return file


def columns_of(rows, **others):
    """Turn rows into columns."""
    return {name: [row.get(name) for row in rows] for name in NAMES} | others


def read(file, carry=(), **part):
    """Read a file, or a part of it, as one block."""
    parquet = open_parquet(file)
    layout = Layout(EVERY_KIND, parquet.schema_arrow.names, carry)
    check_schema(layout, parquet.schema_arrow, carry)
    groups = [0, parquet.num_row_groups]
    whole = {"groups": groups, "skipped": 0, "rows": parquet.metadata.num_rows, "line": 1}
    return joined(list(ParquetBlocks(layout, parquet, file).read(whole | part)))


def values(block):
    """Return good rows by line."""
    columns = [column.to_pylist() for column in (block.lines, *block.carried, *block.columns)]
    return list(zip(*columns, strict=True))


def refusals(block):
    """Return line, field and code of each reject."""
    return [(one.line, one.field, one.code) for one in block.rejects]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_is_read_alike(way):
    """Dictionaries, plain values, differences, tiny pages: the rows are those of JSON Lines, with the same refusals."""
    chance = random.Random(2)
    rows = [
        {
            **GOOD,
            "income": chance.choice([1.0, -1.0]),
            "housing": chance.choice(["own", "rent", "palace", "é" * 30]),
            "note": chance.choice(["", "a", None, "n" * 40, "n" * 41, "a\0b"]),
        }
        for _ in range(200)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    expected = joined(list(JsonBlocks(Layout(EVERY_KIND, (), ())).read(io.BytesIO(lines), 1)))
    found = read(written(columns_of(rows), row_group_size=70, **way))
    assert [row[2:] for row in values(found)] == [row[2:] for row in values(expected)]
    assert found.lines == expected.lines
    assert refusals(found) == refusals(expected)


def test_a_part_of_a_group_is_just_its_rows():
    """Whatever is passed over and wherever it ends, also over groups."""
    rows = [{**GOOD, "income": float(place)} for place in range(100)]
    file = written(columns_of(rows), row_group_size=40)
    for first, count in ((0, 40), (3, 30), (39, 1), (0, 1), (17, 83)):
        block = read(file, skipped=first, rows=count, line=first + 1)
        place = [*(f"{name}" for name in NAMES)].index("income")
        assert block.lines.to_pylist() == list(range(first + 1, first + 1 + count))
        assert block.columns[place].to_pylist() == [float(n) for n in range(first, first + count)]
    with pytest.raises(InvalidRequestError, match="not a sound Parquet file"):
        read(file, skipped=90, rows=20)


@pytest.mark.parametrize("length", [200, 100_000, 900_000])
def test_a_text_of_any_length_in_every_row_costs_its_rows_only(monkeypatch, length):
    """Written once and repeated by a dictionary: each row is refused as online, and the good ones are read."""
    monkeypatch.setattr(parquetblocks, "BATCH_BYTES", 100_000)
    long = "é" * length
    rows = [GOOD, GOOD, {**GOOD, "housing": long}, {**GOOD, "note": long}, GOOD] * 100
    block = read(written(columns_of(rows, row_id=["a", long, "b", "c", "d"] * 100)))
    assert block.lines.to_pylist() == [line for line in range(1, 501) if line % 5 in {1, 0}]
    codes = {2: ("row_id", "bad_text"), 3: ("housing", "not_a_choice"), 4: ("note", "too_long")}
    assert refusals(block) == [(line, *codes[line % 5]) for line in range(1, 501) if line % 5 in codes]


def test_bytes_that_are_no_text_are_refused():
    """Parquet says text, and nobody looked: each such row is a reject, whatever the column."""
    odd = pa.array([b"own", b"o\xffn", b"own", b"own"], pa.binary()).view(pa.string())
    note = pa.array([b"n", b"n", b"\xff", "é".encode()], pa.binary()).view(pa.string())
    names = pa.array([b"a", b"b", b"c", b"\xfe"], pa.binary()).view(pa.string())
    columns = columns_of([{**GOOD, "housing": "own"}] * 4) | {"housing": odd, "note": note, "row_id": names}
    block = read(written(columns))
    assert refusals(block) == [(2, "housing", "not_a_choice"), (3, "note", "bad_text"), (4, "row_id", "bad_text")]
    assert block.lines.to_pylist() == [1]


def test_what_is_carried_is_short_text_or_has_a_few_bytes():
    """Numbers, times, decimals with their types, texts of up to 128 printable characters; nothing else."""
    others = {
        "row_id": pa.array([7, 8, None], pa.int64()),
        "at": pa.array([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)] * 3, pa.timestamp("ns", "UTC")),
        "on": pa.array([date(2026, 1, 2)] * 3),
        "owed": pa.array([Decimal("1.20")] * 3, pa.decimal128(9, 2)),
        "text": pa.array(["t" * 128, "a\0b", None], pa.large_string()),
    }
    carry = tuple(name for name in others if name != "row_id")
    rows = [GOOD, GOOD, {**GOOD, "employed": None, "note": "é"}]
    block = read(written(columns_of(rows, **others)), carry)
    kinds = [column.type for column in others.values()]
    assert [column.type for column in block.carried] == [*kinds[:-1], pa.string()]
    assert block.lines.to_pylist()[0] == 1
    assert (2, "text", "bad_text") in refusals(block)
    assert block.carried[0].to_pylist()[0] == 7
    rejected = read(written(columns_of([{**GOOD, "income": -1.0}], row_id=pa.array([7]))))
    assert [(one.row_id, one.code) for one in rejected.rejects] == [("7", "out_of_range")]


@pytest.mark.parametrize("kind", [pa.binary(), pa.list_(pa.int64()), pa.struct({"a": pa.int64()})])
def test_what_has_no_bound_is_not_carried(kind):
    """The file fails, as nothing of it could be written to the results."""
    with pytest.raises(InvalidRequestError, match="cannot be carried"):
        read(written(columns_of([GOOD], blob=pa.nulls(1, kind))), ("blob",))


def test_pages_are_weighed_before_they_are_expanded(monkeypatch):
    """As pyarrow says of the whole column, and refused where together they are too large."""
    text = [f"{place}" * 20 for place in range(1000)]
    file = written({"text": text, "number": [1.5] * 1000}, use_dictionary=False, data_page_size=1 << 20)
    metadata = pq.read_metadata(file)
    weight = weigh_pages(file, metadata, 0, rows=1000, written_out=())
    columns = [metadata.row_group(0).column(place) for place in (0, 1)]
    whole = sum(one.total_uncompressed_size * times for one, times in zip(columns, (4, 1), strict=True))
    assert 0.9 * whole < weight.pages <= whole
    assert 50 < weight.row < 100
    monkeypatch.setattr(parquetpages, "MOST_PAGE_BYTES", weight.pages - 1)
    with pytest.raises(InvalidRequestError, match="pages of over"):
        weigh_pages(file, metadata, 0, rows=1000, written_out=())


@settings(max_examples=150, deadline=None)
@given(noise=st.binary(min_size=1, max_size=60), place=st.floats(0, 1))
def test_a_damaged_file_is_read_or_refused(noise, place):
    """Whatever bytes stand in its pages: rows, or a refusal of the whole file."""
    content = bytearray(written(columns_of([GOOD] * 20)).getvalue())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    begun = 4 + int(place * (footer - 4 - len(noise)))
    content[begun : begun + len(noise)] = noise
    with suppress(InvalidRequestError):
        assert len(read(io.BytesIO(content)).lines) <= 20


BOMB = """
import io, resource, sys
import pyarrow as pa, pyarrow.parquet as pq
from support.contracts import EVERY_KIND
from ratecard.contract.sample import sample_row
from ratecard.serving.batch.parquetblocks import ParquetBlocks
from ratecard.serving.batch.parquetschema import open_parquet
from ratecard.serving.batch.rowpath import Layout
row = sample_row(EVERY_KIND)
columns = {name: pa.array([value] * 20_000) for name, value in row.items()}
columns["housing"] = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))
file = io.BytesIO()
pq.write_table(pa.table(columns), file, compression="zstd", store_schema=False)
print(file.getbuffer().nbytes)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
parquet = open_parquet(file)
part = {"groups": [0, 1], "skipped": 0, "rows": 20_000, "line": 1}
blocks = ParquetBlocks(Layout(EVERY_KIND, list(columns), ()), parquet, file).read(part)
print(sum(block.rejected for block in blocks))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_is_rejects_in_little_memory():
    """Six kilobytes that would be twenty gigabytes written out."""
    environment = {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'layers/ratecard/src'}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", BOMB], env=environment, capture_output=True, text=True, check=True)
    size, rejected, kilobytes = map(int, done.stdout.split())
    assert size < 10_000
    assert rejected == 20_000
    assert kilobytes < 300_000
