"""Verifying: the chain as a whole, one document in its place, and an invoice against the lake it came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ratecard.billing.invoice import INVOICE, invoice_content
from ratecard.billing.verification import Flaw, verify_documents, verify_invoice
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import NotFoundError
from ratecard.storage.chain import NO_DOCUMENT, Chain
from ratecard.storage.ledger import Ledger

_EXPLAINED = {
    "counts_sha256": "the lake holds other calls for it now; what came late is adjusted on the next invoice",
    "rates_sha256": "the price book has other prices under the versions it names",
}


@dataclass(frozen=True, slots=True, order=True)
class VerificationFinding:
    """One thing that is wrong with a document.

    Attributes
    ----------
    number : int
        The document.
    code : str
        A kind of fault of the chain, a code of `Flaw`, `foreign` or `recompute`.
    detail : str
        One sentence.
    """

    number: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what is wrong.

    Attributes
    ----------
    documents, recomputed : int
        How many were read, and how many were rated again with the same hash.
    head_sha256 : str
        Hash of the last document that was read.
    findings : tuple of VerificationFinding
        Empty if all is as issued.
    """

    documents: int
    recomputed: int
    head_sha256: str
    findings: tuple[VerificationFinding, ...]

    @classmethod
    def of_flaws(cls, flaws: Iterable[Flaw], content: bytes) -> Report:
        """Report on a document by itself."""
        findings = (VerificationFinding(flaw.place, flaw.code, flaw.detail) for flaw in flaws)
        return cls(1, 0, sha256_hex(content), tuple(findings))

    def with_finding(self, number: int, code: str, detail: str) -> Report:
        """Return the report with one more finding."""
        return replace(self, findings=(*self.findings, VerificationFinding(number, code, detail)))


def verify_chain(chain: Chain, *, head_sha256: str | None = None, ledger: Ledger | None = None) -> Report:
    """Check every document in its place.

    Parameters
    ----------
    chain : Chain
        The documents.
    head_sha256 : str, optional
        Hash of the last one, noted elsewhere; see `Chain.verify`.
    ledger : Ledger, optional
        Rates every invoice again, if nothing else is wrong.
    """
    faults = chain.verify(head_sha256)
    findings = [VerificationFinding(each.number, each.kind.value, each.detail) for each in faults]
    if findings:
        return Report(0, 0, NO_DOCUMENT, tuple(findings))
    contents = [document.content for document in chain.read()]
    findings = [VerificationFinding(flaw.place, flaw.code, flaw.detail) for flaw in verify_documents(contents)]
    last = sha256_hex(contents[-1]) if contents else NO_DOCUMENT
    report = Report(len(contents), 0, last, tuple(findings))
    if ledger is None or findings:
        return report
    return _recomputed(report, contents, range(1, len(contents) + 1), ledger)


def verify_one(chain: Chain, number: int, *, ledger: Ledger | None = None) -> Report:
    """Check one document: by itself, and that its neighbours vouch for it.

    Raises
    ------
    NotFoundError
        If there is no such document.
    """
    whole = verify_chain(chain)
    near = tuple(each for each in whole.findings if each.number == number)
    if near:
        return replace(whole, documents=1, findings=near)
    documents = chain.read()
    if not 1 <= number <= len(documents):
        raise NotFoundError(f"there is no document {number}")
    content = documents[number - 1].content
    report = Report.of_flaws(verify_invoice(content), content)
    if ledger is None or report.findings:
        return report
    contents = [document.content for document in documents]
    return _recomputed(report, contents, range(number, number + 1), ledger)


def _recomputed(report: Report, contents: list[bytes], numbers: Iterable[int], ledger: Ledger) -> Report:
    same, findings = 0, []
    for number in numbers:
        said = json.loads(contents[number - 1])
        if said["kind"] == INVOICE:
            differing = list(_differences(said, ledger, number))
            findings += [VerificationFinding(number, "recompute", detail) for detail in differing]
            same += not differing
    return replace(report, recomputed=same, findings=(*report.findings, *findings))


def _differences(said: dict[str, object], ledger: Ledger, number: int) -> Iterator[str]:
    again = invoice_content(ledger.assess_again(number).draft)
    basis, basis_again = said["basis"], again["basis"]
    assert isinstance(basis, dict)
    assert isinstance(basis_again, dict)
    for name, why in _EXPLAINED.items():
        if basis.get(name) != basis_again.get(name):
            yield why
    members = [name for name in again if name != "basis" and said.get(name) != again[name]]
    if members:
        yield f"rated again it differs in {', '.join(members)}"
