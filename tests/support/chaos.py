"""A lake in which everything goes wrong, and an observer who saw it happen: what is owed, and what must be listed.

The observer shares nothing with the ledger: it counts while the lines are made and rates in whole units of a twelfth
decimal, with the tiers of `support.ledger.BOOK` written out again by hand.
"""

import gzip
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.segments import Assignment
from support.ledger import at

CUSTOMERS = 40
BEGIN, END = at("2026-05-31T00:00:00"), at("2026-07-01T12:00:00")
CHANGE = at("2026-06-15T09:31:07.123")
CHEAPER, NEW_STANDARD = at("2026-06-10T00:00:00"), at("2026-06-20T00:00:00")
DAY, NEW_YORK_MS = 86_400_000, 4 * 3_600_000
CONFLICTS = 20
FATES = (
    ("copied", 50),
    ("late", 10),
    ("lost", 5),
    ("unlogged", 5),
    ("forged", 1),
    ("timeout", 5),
    ("retried", 10),
    ("refused", 10),
    ("plain", 904),
)
"""How many of a thousand calls have which fate."""

_USAGE = (
    '{"specversion":"1.0","type":"ratecard.call.v1","id":"%s","source":"/api/prod","time":"%s.%03dZ","subject":"%s",'
    '"data":{"operation":"%s","model":"credit-rating","model_version":"1.0.0","units":%d,"status":200,"billable":true,'
    '"api_key_id":"%s","lambda_request_id":"l-%s","client_request_id":"%s","idempotency_key":%s,"req_bytes":10,'
    '"resp_bytes":10,"latency_ms":1.5,"input_sha256":"%s"}}'
)
_ACCESS = (
    '{"requestId":"%s","extendedRequestId":"%s","apiId":"api","stage":"prod","requestTimeEpoch":"%d",'
    '"httpMethod":"POST","resourcePath":"/v1/models/credit-rating/predict","status":"%d","protocol":"HTTP/1.1",'
    '"responseLength":"1","apiKeyId":"%s","sourceIp":"-","principalId":"-","responseType":"-",'
    '"integrationStatus":"%s","integrationLatency":"1","responseLatency":"1","lambdaRequestId":"l-%s",'
    '"wafResponseCode":"-"}'
)


@dataclass
class Observed:
    """What a count of the lake must give.

    Attributes
    ----------
    units : Counter
        Charged units by (customer, plan version, price version, operation).
    exceptions : set
        (oddity, id, customer).
    free : Counter
        Calls that cost nothing, by (customer, reason).
    torn : int
        Lines without their end.
    """

    units: Counter = field(default_factory=Counter)
    exceptions: set = field(default_factory=set)
    free: Counter = field(default_factory=Counter)
    torn: int = 0


def calendars():
    """Every second customer lives in New York."""
    return {f"c{n:02d}": BillingCalendar("America/New_York" if n % 2 else "UTC") for n in range(CUSTOMERS)}


def periods():
    """June, as each customer has it."""
    return {name: parse_period(calendar, "2026-06") for name, calendar in calendars().items()}


def assignments():
    """Two keys each; every fifth customer goes to the gold plan in mid-June."""
    found = []
    for number in range(CUSTOMERS):
        for key in (f"k{number}a", f"k{number}b"):
            if number % 5:
                found.append(Assignment(key, f"c{number:02d}", "standard", 0))
            else:
                found.append(Assignment(key, f"c{number:02d}", "standard", 0, CHANGE))
                found.append(Assignment(key, f"c{number:02d}", "gold", CHANGE))
    return found


def make_chaos(root, seed, calls):
    """Write the lake under a folder and return what was observed."""
    chance, observed = random.Random(seed), Observed()
    files = defaultdict(list)
    fates = chance.choices([name for name, _ in FATES], [weight for _, weight in FATES], k=calls)
    for number in chance.sample(range(calls), CONFLICTS):
        fates[number] = "conflict"
    for number, fate in enumerate(fates):
        _one_call(chance, observed, files, (number, fate))
    for (stream, day, writer), lines in files.items():
        chance.shuffle(lines)
        if writer == 0:
            lines.append('{"specversion":"1.0","type":"rate')
            observed.torn += 1
        path = root / stream / f"dt={day}" / f"hour={writer:02d}" / "lines.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join(lines).encode(), 1))
    return observed


def _one_call(chance, observed, files, call):
    number, fate = call
    owner, at_ms = chance.randrange(CUSTOMERS), chance.randrange(BEGIN, END)
    if fate in ("conflict", "retried"):
        # Well inside everybody's June.
        at_ms = chance.randrange(at("2026-06-02T00:00:00"), at("2026-06-28T00:00:00"))
    key = f"k{owner}{chance.choice('ab')}"
    operation, rows = chance.choice(("predict", "predict", "explain")), chance.randint(1, 9)
    sent = _Sent(f"{chance.getrandbits(60):015x}{number:07d}=", at_ms, key, operation=operation, rows=rows)
    sent.request = "11111111-1111-4111-8111-111111111111" if fate == "forged" else sent.id[:22]
    late = DAY if fate == "late" else 0
    usage, access = sent.usage(), sent.access(504 if fate == "timeout" else 200)
    if fate == "retried":
        _retry(chance, observed, files, sent)
        return
    if fate == "refused":
        _put(chance, files, ("access", at_ms), sent.access(429, "-"))
        _free(observed, owner, at_ms, "refused: 429")
        return
    for stream, line, missing in (("usage", usage, "lost"), ("access", access, "unlogged")):
        copied = fate == "copied" and (stream == "usage" or number % 2)
        for copy in range((fate != missing) + copied * chance.randint(1, 3)):
            _put(chance, files, (stream, at_ms + late + (chance.choice((0, DAY)) if copy else 0)), line)
    if fate == "conflict":
        _put(chance, files, ("usage", at_ms), usage.replace(f'"units":{rows},', f'"units":{rows + 1},'))
    _observe(observed, (owner, fate), sent)


def _observe(observed, whose, sent):
    owner, fate = whose
    if not _is_june(owner, sent.at_ms):
        return
    listed = {"copied": "duplicate", "lost": "usage_missing", "unlogged": "access_missing", "conflict": "conflict"}
    if fate in listed:
        observed.exceptions.add((listed[fate], sent.id, f"c{owner:02d}"))
    if fate == "timeout":
        _free(observed, owner, sent.at_ms, "not delivered: 504")
    elif fate not in ("lost", "conflict"):
        observed.units[(f"c{owner:02d}", *versions(owner, sent), sent.operation)] += sent.rows


def _retry(chance, observed, files, first):
    """Send a call four times within 24 hours and once after: two are charged, three are not."""
    owner = int(first.key[1:-1])
    key = f'"{first.id}"'
    for again, shift in enumerate((0, 1, 60_000, DAY - 1, DAY)):
        sent = _Sent(f"{again}{first.id}", first.at_ms + shift, first.key, operation=first.operation, rows=first.rows)
        sent.request, sent.idempotency_key = sent.id[:22], key
        _put(chance, files, ("usage", sent.at_ms), sent.usage())
        _put(chance, files, ("access", sent.at_ms), sent.access(200))
        if shift in (0, DAY):
            _observe(observed, (owner, "plain"), sent)
        else:
            _free(observed, owner, sent.at_ms, "retry")


class _Sent:
    """One call and its lines."""

    def __init__(self, call_id, at_ms, key, *, operation, rows):
        self.id, self.at_ms, self.key, self.operation, self.rows = call_id, at_ms, key, operation, rows
        self.request, self.idempotency_key = "", "null"

    def usage(self):
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.at_ms // 1000))
        names = (self.id, second, self.at_ms % 1000, self.key, self.operation, self.rows, self.key, self.id)
        return _USAGE % (*names, self.request, self.idempotency_key, "b" * 64)

    def access(self, status, integration="200"):
        return _ACCESS % (self.request, self.id, self.at_ms, status, self.key, integration, self.id)


def _put(chance, files, place, line):
    stream, arrived_ms = place
    day = time.strftime("%Y-%m-%d", time.gmtime(arrived_ms // 1000))
    files[stream, day, chance.randrange(3)].append(line)


def _free(observed, owner, at_ms, reason):
    if _is_june(owner, at_ms):
        observed.free[f"c{owner:02d}", reason] += 1


def _is_june(owner, at_ms):
    shift = NEW_YORK_MS if owner % 2 else 0
    return at("2026-06-01T00:00:00") + shift <= at_ms < at("2026-07-01T00:00:00") + shift


def versions(owner, sent):
    """Plan version and price version of a call."""
    if owner % 5 == 0 and sent.at_ms >= CHANGE:
        plan, own = "gold@2026-01-01", ";plan=gold"
    else:
        plan, own = f"standard@{'2026-06-20' if sent.at_ms >= NEW_STANDARD else '2026-01-01'}", ""
    if sent.operation == "explain":
        return plan, "credit-rating/explain@2026-01-01"
    since = "2026-06-10" if not own and sent.at_ms >= CHEAPER else "2026-01-01"
    return plan, f"credit-rating/predict{own}@{since}"


def owed_cents(observed, customer):
    """What a customer owes for June, in cents, without minimum fees: each line rounded half up once."""
    total = 0
    for (name, _, price, operation), units in observed.units.items():
        if name != customer:
            continue
        if operation == "explain":
            tenths = units * (10_000 if units <= 15 else 5_000)
        elif ";plan=gold" in price:
            tenths = units * 1
        elif price.endswith("2026-06-10"):
            tenths = units * 5
        else:
            tenths = min(units, 10) * 20 + max(0, min(units, 100) - 10) * 15 + max(0, units - 100) * 10
        total += (tenths + 5) // 10
    return total
