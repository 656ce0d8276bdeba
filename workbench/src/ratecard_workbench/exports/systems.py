"""The systems that can be exported to: where they are, which secret they ask for, what they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ratecard.billing.exports.account import SentAccount
from ratecard.billing.exports.planning import Plan, Range, marketplace_oldest_ms, plan_hours, plan_sums
from ratecard.billing.hourly import HourlyUsage
from ratecard.billing.settlement import Settlement
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.exports import batches, stripe
from ratecard.storage.exports.http import HttpClient, InsecureTargetError
from ratecard.storage.exports.marketplace import MarketplaceTarget, marketplace_client
from ratecard.storage.exports.target import Target


class MissingSecretError(RatecardError):
    """The environment does not hold the key of the system."""

    code = "missing_secret"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class System:
    """One system.

    Attributes
    ----------
    url : str
        Where it is unless told otherwise; "" lets the library of that system know.
    secret : str
        Name of the environment variable that holds its key; "" if the system's library finds credentials itself.
    in_hours : bool
        Whether it takes one record for each hour, rather than adding up events.
    """

    url: str
    secret: str
    in_hours: bool = False


SYSTEMS = {
    "stripe": System(stripe.URL, "STRIPE_API_KEY"),
    "openmeter": System(batches.OPENMETER_URL, "OPENMETER_API_KEY"),
    "lago": System(batches.LAGO_URL, "LAGO_API_KEY"),
    "marketplace": System("", "", in_hours=True),
}


def open_target(name: str, settlement: Settlement, *, url: str | None, environ: Mapping[str, str], dry: bool) -> Target:
    """Return the sender to a system.

    Parameters
    ----------
    name : str
        One of `SYSTEMS`.
    settlement : Settlement
        Who our customers and products are there.
    url : str or None
        Another address than the system's own.
    environ : mapping of str to str
        Holds the secret.
    dry : bool
        Whether nothing will be sent, so that no secret is asked for.

    Raises
    ------
    MissingSecretError, InsecureTargetError
        If the secret is not there, or would travel in plain text.
    """
    check_address(url)
    if name == "marketplace":
        client = marketplace_client(url)
        return MarketplaceTarget(settlement.buyers, settlement.marketplace.meters, client)
    system = SYSTEMS[name]
    secret = environ.get(system.secret, "")
    if not secret and not dry:
        raise MissingSecretError(f"set {system.secret} in the environment: it is never an option or in a file")
    http = HttpClient(url or system.url, secret)
    if name == "stripe":
        return stripe.StripeTarget(http, settlement.stripe)
    if name == "openmeter":
        return batches.OpenMeterTarget(http, settlement.openmeter)
    return batches.LagoTarget(http, settlement.lago)


def check_address(url: str | None) -> None:
    """Refuse an address with a password in it; raises InsecureTargetError."""
    if url is not None and "@" in urlsplit(url).netloc:
        raise InsecureTargetError("an address holds no name and password; secrets come from the environment")


def journal_name(name: str, *, url: str | None, environ: Mapping[str, str]) -> str:
    """Name the journal of a system: its test mode and other addresses are systems of their own."""
    parts = [name]
    if "_test_" in environ.get(SYSTEMS[name].secret, ""):
        parts.append("test")
    if url is not None:
        parts.append(sha256_hex(url.rstrip("/").encode())[:12])
    return "-".join(parts) + ".jsonl"


def planner_of(name: str, hourly: tuple[HourlyUsage, ...], span: Range) -> Callable[[SentAccount], Plan]:
    """Return what plans an export to a system; `oldest_ms` of the span is the system's."""
    plan = plan_hours if SYSTEMS[name].in_hours else plan_sums
    return lambda account: plan(hourly, account, span)


def oldest_ms(name: str, now_ms: int) -> int:
    """Return how old a slot may be that a system still takes."""
    if name == "stripe":
        return now_ms - stripe.OLDEST_MS
    return marketplace_oldest_ms(now_ms) if name == "marketplace" else 0
