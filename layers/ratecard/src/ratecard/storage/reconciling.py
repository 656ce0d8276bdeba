"""Reconciling a customer's period: the three counts beside each other, and calls that an operator has approved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ratecard.billing.events import AccessRecord, DamagedLineError, UsageRecord, parse_access
from ratecard.billing.periods import Period
from ratecard.billing.reconciliation import Difference, Reconciliation, reconcile
from ratecard.billing.scope import Scope
from ratecard.storage.lake import ACCESS, read_file
from ratecard.storage.lake_files import LakeFiles, batches
from ratecard.storage.ledger import Ledger
from ratecard.storage.recoveries import NotRecoverableError, make_recovery
from ratecard.storage.third_count import BATCH_BYTES, CountGateway, compare_days, whole_days


@dataclass(frozen=True, slots=True)
class Logs:
    """What the gateway has written.

    Attributes
    ----------
    files : LakeFiles
        The lake, with its access log.
    count_gateway : CountGateway
        The gateway's own counts.
    kept_days : int or None
        For how many days these can be had; None is for ever.
    """

    files: LakeFiles
    count_gateway: CountGateway
    kept_days: int | None = None


class Reconciling:
    """Compares the counts of one customer's period.

    Parameters
    ----------
    ledger : Ledger
        Counts usage lines and access lines.
    logs : Logs
        The access log once more, and the third count.
    """

    def __init__(self, ledger: Ledger, logs: Logs) -> None:
        self._ledger = ledger
        self._logs = logs

    def compare(self, customer: str, period: Period, *, as_of_ms: int) -> Reconciliation:
        """Compare the counts as of an instant.

        Raises
        ------
        DamagedFileError
            If a file of the lake cannot be read to its end.
        """
        scope = self._scope(customer, period, as_of_ms)
        whole = whole_days([period], as_of_ms=as_of_ms, kept_days=self._logs.kept_days)
        days = (
            compare_days(self._logs.count_gateway, self._logs.files, days=whole, directory=scope.directory)
            if whole
            else ()
        )
        own = tuple(each for each in days if each.customer == customer)
        return reconcile(self._ledger.sources.count(scope), own, access_log_complete=self._ledger.access_log_complete)

    def find_recoveries(
        self, found: Reconciliation, ids: Collection[str], *, period: Period, as_of_ms: int
    ) -> list[UsageRecord]:
        """Return what calls whose usage line is lost are charged as, once they are approved.

        Raises
        ------
        NotRecoverableError
            If an id is not one of them.
        """
        lost = {each.id: each for each in found.found if each.difference == Difference.USAGE_LOST.value}
        strangers = [each for each in ids if each not in lost or not lost[each].customer]
        if strangers:
            raise NotRecoverableError(f"no usage line of the customer is missing for: {', '.join(strangers)}")
        customer = lost[next(iter(ids))].customer if ids else ""
        answers = self._read_answers(self._scope(customer, period, as_of_ms), frozenset(ids)) if ids else {}
        return [make_recovery(*answers[each]) for each in ids]

    def _scope(self, customer: str, period: Period, as_of_ms: int) -> Scope:
        sources = self._ledger.sources
        guards = self._ledger.guards([period], as_of_ms)
        return Scope(sources.accounts.assignments(), sources.book, {customer: period}, guards, by_hour=True)

    def _read_answers(self, scope: Scope, ids: frozenset[str]) -> dict[str, tuple[AccessRecord, str]]:
        """Return the access lines of some calls, each with its route."""
        found: dict[str, tuple[AccessRecord, str]] = {}
        for batch in batches(self._logs.files.list_stream(ACCESS, *scope.days_to_scan()), BATCH_BYTES):
            with self._logs.files.lend(batch) as paths:
                for line in (line for path in paths for line in read_file(path)):
                    if line.event is None or line.event.get("extendedRequestId") not in ids:
                        continue
                    try:
                        record = parse_access(line.event)
                    except DamagedLineError:
                        continue
                    found[record.id] = record, str(line.event.get("resourcePath", ""))
        return found
