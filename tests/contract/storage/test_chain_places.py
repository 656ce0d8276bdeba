"""Chains: the same tests on a folder and on S3."""

import json

import pytest
from support.aws import BUCKET, PREFIX, answer_lost, moto_client
from support.documents import AlreadyIssuedError, encode, invoice, note

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import NotFoundError
from ratecard.storage.chain import NO_DOCUMENT, BrokenChainError, Chain, FaultKind
from ratecard.storage.places import FolderPlaces, S3Places, name_of


class Folder:
    """A chain in a folder, and how to damage it."""

    def __init__(self, root):
        self.root = root / "chain"
        self.places = FolderPlaces(self.root)

    def overwrite(self, number, content):
        path = self.root / name_of(number)
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    def remove(self, number):
        (self.root / name_of(number)).unlink()


class Bucket:
    """A chain in S3, and how to damage it."""

    def __init__(self, s3):
        self.s3 = s3
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="another/000000000001.json", Body=b"{}")
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}README", Body=b"not a document")
        self.places = S3Places(BUCKET, PREFIX, s3)

    def overwrite(self, number, content):
        self.s3.put_object(Bucket=BUCKET, Key=PREFIX + name_of(number), Body=content)

    def remove(self, number):
        self.s3.delete_object(Bucket=BUCKET, Key=PREFIX + name_of(number))


@pytest.fixture(params=["folder", "s3"])
def kept(request, tmp_path):
    if request.param == "folder":
        yield Folder(tmp_path)
        return
    with moto_client("s3") as s3:
        yield Bucket(s3)


@pytest.fixture
def chain(kept):
    return Chain(kept.places)


def fill(chain, count=5):
    return [chain.append(note(f"n{number}")) for number in range(1, count + 1)]


def faults(kept, head=None):
    return [(fault.number, fault.kind) for fault in Chain(kept.places).verify(head)]


def test_documents_are_numbered_and_linked(kept, chain):
    """From 1, without a gap, each with the hash of the one before; another reader sees the same."""
    written = fill(chain)
    read = Chain(kept.places).read()

    assert list(read) == written
    assert [document.number for document in read] == [1, 2, 3, 4, 5]
    previous = [json.loads(document.content)["previous_sha256"] for document in read]
    assert previous == [NO_DOCUMENT, *(sha256_hex(document.content) for document in written[:-1])]
    assert faults(kept, written[-1].sha256) == []


def test_an_empty_chain_is_whole(kept, chain):
    """Nothing is there, nothing is wrong."""
    assert list(chain.read()) == []
    assert faults(kept) == []
    with pytest.raises(NotFoundError):
        kept.places.get(1)


def test_a_place_is_written_once(kept):
    """The second writer of a number is told so and the first document stays."""
    assert kept.places.create(1, b"first") is True
    assert kept.places.create(1, b"second") is False
    assert kept.places.get(1) == b"first"


def test_an_issuer_who_lost_a_number_looks_again(kept, chain):
    """While one builds number 1, others take 1 and 2: it is asked again, sees them, and becomes number 3."""
    asked = []

    def build(number, previous, earlier):
        asked.append((number, [document.number for document in earlier]))
        if len(asked) == 1:
            other = Chain(kept.places)
            other.append(note("quicker"))
            other.append(note("quicker still"))
        return encode(number, previous, text="slow")

    assert chain.append(build).number == 3
    assert asked == [(1, []), (3, [1, 2])]
    assert faults(kept) == []


def test_an_invoice_is_issued_once(kept, chain):
    """Whoever comes second sees the first one, even if it came while building."""
    chain.append(invoice("acme", "2026-10"))
    chain.append(invoice("acme", "2026-11"))

    with pytest.raises(AlreadyIssuedError):
        Chain(kept.places).append(invoice("acme", "2026-10"))
    assert len(chain.read()) == 2


def test_what_the_builder_raises_leaves_nothing(kept, chain):
    """The next document takes the same number."""
    fill(chain, 1)
    with pytest.raises(ZeroDivisionError):
        chain.append(lambda number, previous, earlier: encode(number, previous, text=1 // 0))

    assert chain.append(note("next")).number == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda number, previous, _: encode(number + 1, previous),
        lambda number, _previous, _: encode(number, "f" * 64),
        lambda number, previous, _: encode(number, previous)[:-1],
        lambda number, previous, _: b"[]",
    ],
    ids=["number", "hash", "torn", "list"],
)
def test_a_document_without_its_link_is_refused(kept, chain, build):
    """A builder that forgets number or hash is a fault of the program; nothing is written."""
    with pytest.raises(ValueError, match="must carry"):
        chain.append(build)
    assert kept.places.list_numbers(0) == []


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_changed_document_is_found(kept, chain, number):
    """One byte of any document but the last."""
    documents = fill(chain)
    kept.overwrite(number, documents[number - 1].content.replace(b"n%d" % number, b"m%d" % number))

    assert faults(kept) == [(number, FaultKind.TAMPERED)]


def test_the_last_document_needs_a_witness(kept, chain):
    """A change or removal of the end shows against a hash noted elsewhere, and only there."""
    documents = fill(chain)
    kept.overwrite(5, documents[4].content.replace(b"n5", b"m5"))
    assert faults(kept) == []
    assert faults(kept, documents[4].sha256) == [(5, FaultKind.WRONG_HEAD)]

    kept.remove(5)
    assert faults(kept, documents[4].sha256) == [(4, FaultKind.WRONG_HEAD)]
    assert faults(kept, documents[3].sha256) == []


def test_a_removed_document_is_found_and_its_number_not_given_again(kept, chain):
    """Nothing is appended to a chain with a gap, by a reader who looks for the first time."""
    fill(chain)
    kept.remove(3)

    assert faults(kept) == [(3, FaultKind.GAP)]
    with pytest.raises(BrokenChainError):
        Chain(kept.places).append(note("x"))


def test_a_torn_document_is_found(kept, chain):
    """Half a document is no document, and nothing is written after it."""
    documents = fill(chain)
    kept.overwrite(5, documents[4].content[:20])

    assert faults(kept) == [(5, FaultKind.TORN)]
    with pytest.raises(BrokenChainError, match="5 is damaged"):
        Chain(kept.places).append(note("x"))


def test_a_document_in_another_place_is_found(kept, chain):
    """A copy of number 2 at number 4."""
    documents = fill(chain)
    kept.overwrite(4, documents[1].content)

    assert faults(kept) == [(4, FaultKind.MISNUMBERED), (4, FaultKind.TAMPERED)]


def test_more_documents_than_a_page_of_s3(kept):
    """A listing of S3 ends after 1,000 keys; number 1,001 and later are seen, and added to."""
    for number in range(1, 1004):
        kept.places.create(number, encode(number, "0" * 64))

    assert kept.places.list_numbers(0) == list(range(1, 1004))
    assert kept.places.list_numbers(1001) == [1002, 1003]
    assert Chain(kept.places).append(note("x")).number == 1004


def test_a_lost_answer_of_s3_does_not_add_twice():
    """The client repeats a put whose answer got lost and is refused because of its own document: that is success."""
    with moto_client("s3") as s3:
        chain = Chain(Bucket(s3).places)
        puts = answer_lost(s3)
        assert [chain.append(note("a")).number, chain.append(note("a")).number] == [1, 2]
        assert puts() == 2
        assert len(chain.read()) == 2
        assert chain.verify() == ()


def test_other_refusals_of_s3_are_raised():
    """A missing bucket is not a taken number."""
    with moto_client("s3") as s3:
        chain = Chain(S3Places(BUCKET, PREFIX, s3))
        with pytest.raises(s3.exceptions.NoSuchBucket):
            chain.append(note("a"))
