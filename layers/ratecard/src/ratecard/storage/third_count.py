"""The third count: requests of each key and day, as the gateway counted them itself and as its access log has them.

What the first two counts say of each call is compared by id. This one has no ids, only days in UTC, and AWS does not
say how late it is or whether it counts what it refuses: differences are shown to a person, and hold nothing up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from ratecard.billing.events import DamagedLineError, parse_access
from ratecard.billing.periods import Period
from ratecard.billing.reconciliation import GatewayDay
from ratecard.billing.segments import DAY_MS, Directory, instant
from ratecard.storage.gateway_counts import GatewayCounts
from ratecard.storage.lake import ACCESS, read_file
from ratecard.storage.lake_files import LakeFiles, batches

REFUSED = frozenset({403, 429})
"""Answers to requests that no plan has let through."""
BATCH_BYTES = 64_000_000
Days = tuple[str, str]
CountGateway = Callable[[str, str], GatewayCounts]
"""Gives the gateway's own counts from a first to a last day (`YYYY-MM-DD`, UTC)."""


def whole_days(periods: Iterable[Period], *, as_of_ms: int, kept_days: int | None = None) -> Days | None:
    """Return the first and last day (`YYYY-MM-DD`, UTC) that lie in the periods' span and can still be asked for.

    Parameters
    ----------
    periods : iterable of Period
        What is looked at.
    as_of_ms : int
        The present; its day is the last one.
    kept_days : int, optional
        For how many days the gateway's counts can be had; for ever if not given.
    """
    found = list(periods)
    if not found:
        return None
    first = -(-min(each.from_ms for each in found) // DAY_MS)
    last = min(max(each.to_ms for each in found) // DAY_MS - 1, as_of_ms // DAY_MS)
    if kept_days is not None:
        first = max(first, as_of_ms // DAY_MS - kept_days + 1)
    if last < first:
        return None
    return instant(first * DAY_MS).date().isoformat(), instant(last * DAY_MS).date().isoformat()


def count_logged(files: LakeFiles, days: Days) -> GatewayCounts:
    """Count the access log's requests that a plan let through, by key and day of the request; a call once."""
    after = (date.fromisoformat(days[1]) + timedelta(days=1)).isoformat()
    seen: set[str] = set()
    found: dict[tuple[str, str], int] = {}
    for batch in batches(files.list_stream(ACCESS, days[0], after), BATCH_BYTES):
        with files.lend(batch) as paths:
            for path in paths:
                for line in read_file(path):
                    try:
                        record = parse_access(line.event)
                    except DamagedLineError:
                        continue
                    day = instant(record.at_ms).date().isoformat()
                    if record.id in seen or record.status in REFUSED or not days[0] <= day <= days[1]:
                        continue
                    seen.add(record.id)
                    found[record.key_id, day] = found.get((record.key_id, day), 0) + 1
    return found


def list_days(counted: GatewayCounts, logged: GatewayCounts, directory: Directory) -> tuple[GatewayDay, ...]:
    """Put both beside each other, for keys that are somebody's."""
    found = []
    for key_id, day in sorted(counted.keys() | logged.keys()):
        # A gateway's key is one customer's for ever: at the day's end it is, if it was during the day.
        owner = directory.find(key_id, ((date.fromisoformat(day) - date(1970, 1, 1)).days + 1) * DAY_MS - 1)
        if owner is not None:
            numbers = counted.get((key_id, day), 0), logged.get((key_id, day), 0)
            found.append(GatewayDay(owner.customer, key_id, day, *numbers))
    return tuple(found)


def compare_days(
    count_gateway: CountGateway, files: LakeFiles, *, days: Days, directory: Directory
) -> tuple[GatewayDay, ...]:
    """Read both counts of some days."""
    return list_days(count_gateway(*days), count_logged(files, days), directory)
