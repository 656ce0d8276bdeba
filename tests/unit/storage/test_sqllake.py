"""SQL and Python count the same: over lakes that hypothesis thinks up, lines that nobody writes included."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ledger import BOOK, access, at, usage

from ratecard.billing.canonical import canonical
from ratecard.billing.events import parse_usage
from ratecard.billing.invoice import invoice_content
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.billing.statement import Account, Inputs, draft_invoice
from ratecard.kernel.digest import sha256_hex
from ratecard.storage.counting import FolderLake
from ratecard.storage.lake import ACCESS, USAGE, DamagedFileError
from ratecard.storage.lake_files import BucketFiles
from ratecard.storage.queries import ACCESS_MEMBERS
from ratecard.storage.sqllake import Limits, SqlLake

PRICES = parse_price_book(BOOK)
HOUR, DAY = 3_600_000, 86_400_000
CALENDARS = {"acme": BillingCalendar("America/Los_Angeles", 31), "bolt": BillingCalendar("Asia/Kathmandu", 1)}
PERIODS = {name: parse_period(calendar, "2026-06") for name, calendar in CALENDARS.items()}
CHANGE = at("2026-06-15T09:31:07.123")
ASSIGNMENTS = (
    Assignment("k1", "acme", "standard", 0, CHANGE),
    Assignment("k1", "acme", "gold", CHANGE),
    Assignment("k2", "bolt", "gold", at("2026-06-02T00:00:00"), CHANGE),
    Assignment("k2", "acme", "standard", CHANGE),
    Assignment("k3", "cork", "standard", 0),
    Assignment("inbox/acme", "acme", "standard", 0),
)
AS_OF = at("2026-07-20T00:00:00")
EDGES = sorted(
    {
        edge + shift
        for period in PERIODS.values()
        for edge in (period.from_ms - DAY, period.from_ms, period.to_ms, CHANGE, at("2026-06-10T00:00:00"))
        for shift in (-1, 0, 1)
    }
    | {AS_OF + 300_000, AS_OF + 300_001, AS_OF - 100 * DAY - 1, AS_OF - 100 * DAY}
)
MANY_PARTS = Limits(memory_bytes=200_000_000, part_bytes=1_500, batch_bytes=700)


def make_scope(**changes):
    """Two customers' June, in zones of their own."""
    guards = Guards(AS_OF, access_log_complete=changes.pop("complete", False))
    return Scope(ASSIGNMENTS, PRICES, PERIODS, guards, by_hour=True, **changes)


def store(root, stream, files, *, compressed):
    """Write files of raw lines."""
    for number, lines in enumerate(files):
        path = root / stream / "dt=2026-07-05" / "hour=00" / f"{number}.jsonl{'.gz' if compressed else ''}"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = b"\n".join(lines)
        path.write_bytes(gzip.compress(content) if compressed else content)


def written(line):
    """A line as the platform writes it."""
    return json.dumps(line, separators=(",", ":")).encode()


def full_access(*args, **kwargs):
    """An access line with all members of the stage's format, in order."""
    short = access(*args, **kwargs)
    return {name: short.get(name, "-") for name in ACCESS_MEMBERS}


ODD_BYTES = [
    b"",
    b"  ",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"type":"ratecard.call.v1"}',
    b"\x01\x02",
    b"a\rb",
    b'"\x00"',
    "é".encode(),
    b'{"a":1}{"b":2}',
]


def replaced(old, *new):
    """Return what replaces a part of a line by one of some others."""
    return lambda draw, text: text.replace(old, draw(st.sampled_from([each.encode() for each in new])), 1)


def rewritten(change, **options):
    """Return what reads a line, changes it and writes it in a way of its own."""
    return lambda _, text: json.dumps(change(json.loads(text)), **options).encode()


SPOILERS = [
    lambda draw, text: text[: draw(st.integers(0, len(text)))],
    rewritten(dict),
    rewritten(lambda event: dict(reversed(event.items())), separators=(",", ":")),
    lambda _, text: text[:-1] + b",}",
    lambda _, text: text[:-1] + b',"id":"c0","extendedRequestId":"c0"}',
    lambda draw, text: text + draw(st.sampled_from([b" ", b"\r", b"x", b"\t"])),
    replaced(b"200", "200.0", "2e2", "NaN", "nan", "-200", "+200", "0200"),
    replaced(b'"c', '"\\u0063'),
    replaced(b"k1", "k\\\\1", "k\u00e9", "k\\ud800", "k\\u0000", ""),
    replaced(b'"units":1', '"units":1.0', '"units":"1"', '"units":99999999999999999999', '"units":-1'),
    replaced(b"2026-0", "2026-9", "0000-0", "2026-1"),
    replaced(b"1.5", "1.50", "15e-1", "1e9", "inf", "Infinity", "1.7"),
    replaced(b"null", '"x"', "true", "[1e3]", '"\\/"'),
    replaced(b"/", "\\/"),
]
"""What no writer does to a line, and two readers of JSON could understand differently."""


def spoil(draw, text):
    """Do one of these things to a line."""
    return draw(st.sampled_from(SPOILERS))(draw, text)


KEYS = [None, None, None, "i1", "i2", 'quo"te', "back\\slash"]


def draw_changes(draw):
    """What a call asks for."""
    changes = {
        "operation": draw(st.sampled_from(["predict", "predict", "explain", "batch", "unsold"])),
        "units": draw(st.sampled_from([1, 1, 2, 50])),
        "idempotency_key": draw(st.sampled_from(KEYS)),
        "billable": draw(st.sampled_from([True, True, True, False])),
        "body": draw(st.sampled_from("ab")),
        "status": draw(st.sampled_from([200, 200, 200, 500])),
    }
    return changes | ({"level": "priority"} if draw(st.integers(0, 5)) == 0 else {})


def spread(draw, line):
    """Lose a line, repeat it, spoil it or a copy of it; mostly none of these."""
    fate = draw(st.integers(0, 9))
    if fate == 0:
        return []
    if fate == 1:
        return [line, line]
    if fate == 2:
        return [line, spoil(draw, line)]
    return [spoil(draw, line)] if fate == 3 else [line]


def draw_call(draw, number):
    """Lines of both streams of one call."""
    call_id, key = f"c{number}", draw(st.sampled_from(["k1", "k1", "k2", "k3", "k9", "inbox/acme", "-"]))
    at_ms = draw(st.one_of(st.sampled_from(EDGES), st.integers(PERIODS["acme"].from_ms, PERIODS["bolt"].to_ms)))
    changes = draw_changes(draw)
    status = draw(st.sampled_from([200, 200, 200, 429, 504, 499, 302]))
    other = draw(st.sampled_from([key, key, key, "-", "k1"]))
    method, integration = draw(st.sampled_from([("POST", "200"), ("POST", "200"), ("GET", "200"), ("POST", "-")]))
    path = draw(st.sampled_from(["predict", "predict", "batches"]))
    answer = full_access(call_id, at_ms, other, status=status, method=method, path=path, integration=integration)
    lines = spread(draw, written(usage(call_id, at_ms, key, **changes)))
    if draw(st.integers(0, 9)) == 0:
        shift = draw(st.sampled_from([0, 0, 1]))
        lines.append(written(usage(call_id, at_ms + shift, key, **changes | {"units": 9})))
    return lines, spread(draw, written(answer))


@st.composite
def lakes(draw):
    """Files of both streams, as lists of raw lines."""
    calls = [draw_call(draw, number) for number in range(draw(st.integers(0, 14)))]
    shuffler = draw(st.randoms(use_true_random=False))
    files = []
    for stream in (0, 1):
        pile = [line for call in calls for line in call[stream]]
        pile += draw(st.lists(st.sampled_from(ODD_BYTES), max_size=3))
        shuffler.shuffle(pile)
        cut = draw(st.integers(0, len(pile)))
        files.append([pile[:cut], pile[cut:]])
    return files


def hashes(counted, scope):
    """Hashes of both customers' invoices, as they would be issued from this count."""
    inputs = Inputs(scope, counted, PRICES, {"price_book_sha256": "a" * 64})
    drafts = (draft_invoice(inputs, Account(name, calendar)) for name, calendar in CALENDARS.items())
    return [sha256_hex(canonical(invoice_content(draft))) for draft in drafts]


def prove(root, files, scope, limits, *, compressed=False):
    """Store a lake, count it by both ways, and compare the counts and the invoices."""
    for stream, found in zip((USAGE, ACCESS), files, strict=True):
        store(root, stream, found, compressed=compressed)
    expected, counted = FolderLake(root).count_usage(scope), SqlLake(root, limits).count_usage(scope)
    assert counted == expected
    assert hashes(counted, scope) == hashes(expected, scope)
    return counted


def recoveries(*ids):
    """What an operator has approved."""
    return [parse_usage(usage(each, at("2026-06-20T00:00:00"))) for each in ids]


@pytest.mark.parametrize(("limits", "compressed", "complete"), [(None, False, True), (MANY_PARTS, True, False)])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=lakes(), recovered=st.sampled_from([(), ("c0", "c1")]))
def test_sql_counts_what_python_counts(tmp_path_factory, limits, compressed, complete, files, recovered):
    """The same counts, exceptions, damaged and anonymous lines, and so the same invoices, byte for byte."""
    scope = make_scope(complete=complete, recoveries=recoveries(*recovered))
    prove(tmp_path_factory.mktemp("lake"), files, scope, limits, compressed=compressed)


@pytest.mark.slow(20)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=lakes(), recovered=st.sampled_from([(), ("c0", "c1")]), limits=st.sampled_from([None, MANY_PARTS]))
def test_sql_counts_what_python_counts_at_length(tmp_path_factory, limits, files, recovered):
    """The same law over many more lakes."""
    prove(tmp_path_factory.mktemp("lake"), files, make_scope(recoveries=recoveries(*recovered)), limits)


NOON = at("2026-07-05T12:00:00")


@pytest.mark.parametrize("spoiler", SPOILERS[1:5] + SPOILERS[6:])
def test_a_line_beside_its_copy_in_another_spelling(tmp_path, spoiler):
    """Whether two spellings are one line is for Python's reader to say, and SQL asks it."""

    class First:
        """Draws the first of what there is."""

        def __call__(self, strategy):
            return strategy.elements[0]

    line = written(usage("c0", NOON, "k1"))
    answer = written(full_access("c0", NOON, "k1"))
    files = [[[line], [spoiler(First(), line)]], [[answer, spoiler(First(), answer)]]]
    prove(tmp_path, files, make_scope(), None)


def test_bytes_that_are_no_text_lose_nothing_else(tmp_path):
    """A file with a line that is not UTF-8 is read again as bytes; a whole part's files are not counted twice."""
    lines = [written(usage(f"c{number}", NOON, "k1")) for number in range(40)]
    answers = [written(full_access(f"c{number}", NOON, "k1")) for number in range(40)]
    files = [[lines[:20], [b"\xff\xfe\x00", *lines[20:], "\u00e9".encode()]], [answers, [b"\xff"]]]
    for limits in (None, MANY_PARTS):
        counted = prove(tmp_path, files, make_scope(), limits)
        assert (counted.damaged, sum(each.units for each in counted.counts)) == (3, 40)


@pytest.mark.parametrize("limits", [None, MANY_PARTS])
@pytest.mark.parametrize(
    "spoiled", [lambda data: data[:-20], lambda data: data[:20], lambda data: data[:30] + b"x" * 99]
)
def test_a_compressed_file_that_is_cut_off_stops_sql_too(tmp_path, limits, spoiled):
    """No part of a file is billed as if it were the whole."""
    store(tmp_path, USAGE, [[written(usage(f"c{number}", NOON)) for number in range(60)]], compressed=True)
    (path,) = tmp_path.glob("usage/*/*/*")
    path.write_bytes(spoiled(path.read_bytes()))
    with pytest.raises(DamagedFileError):
        SqlLake(tmp_path, limits).count_usage(make_scope())


def test_an_empty_lake_counts_to_nothing(tmp_path):
    """No file at all, and files without a line."""
    scope = make_scope()
    assert SqlLake(tmp_path).count_usage(scope) == FolderLake(tmp_path).count_usage(scope)
    prove(tmp_path, [[[]], [[b""]]], scope, None, compressed=True)


def test_progress_ends_where_it_is_done(tmp_path):
    """Whoever waits sees how far it is, and that it ends."""
    seen = []
    store(tmp_path, USAGE, [[written(usage("c0", NOON))]], compressed=False)
    SqlLake(tmp_path, on_progress=lambda *each: seen.append(each)).count_usage(make_scope())
    assert [each[0] for each in seen] == ["reading", "reading", "counting", "counting", "counting"]
    assert seen[-1] == ("counting", 2, 2)


def test_a_lake_in_a_bucket_is_counted_as_one_in_a_folder(tmp_path, bucket):
    """Objects of all days are listed at once, those of no other day, and brought batch by batch."""
    client, name = bucket
    asked = []
    client.meta.events.register("before-call.s3.ListObjectsV2", lambda **_: asked.append("page"))
    lines = [written(usage(f"c{number}", NOON, "k1")) for number in range(20)]
    answers = [written(full_access(f"c{number}", NOON, "k1")) for number in range(20)]
    for stream, found in ((USAGE, [lines[:9], lines[9:]]), (ACCESS, [answers])):
        store(tmp_path, stream, found, compressed=True)
    for path in tmp_path.glob("*/*/*/*"):
        client.upload_file(str(path), name, f"lake/{path.relative_to(tmp_path)}")
    client.put_object(Bucket=name, Key="lake/usage/dt=2026-07-05/hour=00/note.txt", Body=b"not lines")
    for day in ("2026-05-28", "2026-08-09"):
        client.put_object(Bucket=name, Key=f"lake/usage/dt={day}/hour=00/a.jsonl", Body=written(usage(day, NOON)))
    scope = make_scope()
    counted = SqlLake(BucketFiles(name, "lake/", client), MANY_PARTS).count_usage(scope)
    assert counted == FolderLake(tmp_path).count_usage(scope)
    assert sum(each.units for each in counted.counts) == 20
    assert asked == ["page"] * 2


@pytest.fixture
def bucket(monkeypatch):
    """A bucket and its client, in moto."""
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        yield client, "lake"
