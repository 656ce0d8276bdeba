"""A month's lake for the ledger's benchmark: many calls, some of whose lines came twice, late, or never.

Everything about a call follows from its number, so that what must be charged is counted while the lines are written, by
arithmetic that shares nothing with the ledger. Files are made by several processes.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

START_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z."""

MONTH_MS = 30 * 86_400_000
HOUR_MS = 3_600_000
CUSTOMERS = 150
COPIED = 7
"""Of a hundred calls the one whose lines come twice."""
RETRIED = 500
"""One call of so many is repeated by its caller."""
MODELS = ("credit-rating", "fraud-screen", "mortgage-pd")
LINES_PER_FILE = 70_000

_USAGE = (
    '{"specversion":"1.0","type":"ratecard.call.v1","id":"%s","source":"/a1b2c3d4e5/prod","time":"%s.%03dZ","subject":"%s",'
    '"data":{"operation":"%s","model":"%s","model_version":"1.0.0","units":%d,"status":200,"billable":true,"api_key_id":"%s",'
    '"lambda_request_id":"%s","client_request_id":"%s","idempotency_key":%s,"req_bytes":812,"resp_bytes":431,'
    '"latency_ms":%d.%d,"input_sha256":"%s"}}\n'
)
_ACCESS = (
    '{"requestId":"%s","extendedRequestId":"%s","apiId":"a1b2c3d4e5","stage":"prod","requestTimeEpoch":"%d",'
    '"httpMethod":"POST","resourcePath":"/v1/models/%s/predict","status":"200","protocol":"HTTP/1.1",'
    '"responseLength":"431","apiKeyId":"%s","sourceIp":"203.0.113.%d","principalId":"-","responseType":"-",'
    '"integrationStatus":"200","integrationLatency":"%d","responseLatency":"%d","lambdaRequestId":"%s","wafResponseCode":"-"}\n'
)


def make_lake(root: Path, calls: int, on_progress: Callable[[int, int], None]) -> dict[str, object]:
    """Make the lake, or find it as it was made; return what a count of it must give.

    Parameters
    ----------
    root : Path
        Folder for the lake.
    calls : int
        How many calls.
    on_progress : callable
        Told how many files are done, and of how many.
    """
    truth = root / "truth.json"
    if truth.is_file():
        known: dict[str, object] = json.loads(truth.read_text())
        if known["calls"] == calls:
            return known
    shutil.rmtree(root, ignore_errors=True)
    files = max(24, calls // LINES_PER_FILE)
    jobs = [(str(root), number, files, calls) for number in range(files)]
    units: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    with multiprocessing.Pool(2) as pool:
        for done, (found_units, found_faults) in enumerate(pool.imap_unordered(_write_file, jobs), start=1):
            units.update(found_units)
            faults.update(found_faults)
            on_progress(done, files)
    known = {"calls": calls, "units": dict(sorted(units.items())), "faults": dict(sorted(faults.items()))}
    truth.write_text(json.dumps(known, indent=1))
    return known


def _write_file(job: tuple[str, int, int, int]) -> tuple[Counter[str], Counter[str]]:
    """Write one file of each stream; return charged units by customer and model, and the faults that are in them."""
    root, number, files, calls = Path(job[0]), *job[1:]
    first, last = calls * number // files, calls * (number + 1) // files
    units: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    used: list[str] = []
    answered: list[str] = []
    # A copy arrives with the next file, in another hour.
    earlier = calls * max(number - 1, 0) // files
    for call in range(earlier + (COPIED - earlier) % 100, first, 100):
        for pile, line in zip((used, answered), _lines_of(call, calls), strict=True):
            pile.append(line)
        faults["duplicate"] += 1
    for call in range(first, last):
        _add_call((call, calls), (used, answered), units, faults)
    hour = number * (MONTH_MS // HOUR_MS) // files
    folder = f"dt=2026-06-{hour // 24 + 1:02d}/hour={hour % 24:02d}"
    for stream, pile in (("usage", used), ("access", answered)):
        path = root / stream / folder / f"{number:06d}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        path.write_bytes(packer.compress("".join(pile).encode()) + packer.flush())
    return units, faults


def _add_call(
    numbers: tuple[int, int], piles: tuple[list[str], list[str]], units: Counter[str], faults: Counter[str]
) -> None:
    """Add the lines of a call that arrive with it, and what must be charged for it."""
    call, calls = numbers
    used, answered = piles
    usage, access = _lines_of(call, calls)
    customer, model, rows = _work_of(_root_of(call))
    fault = fault_of(call, calls)
    if fault == "conflict":
        used.append(usage.replace(f'"units":{rows},', f'"units":{rows + 1},'))
    if fault != "usage_missing":
        used.append(usage)
    if fault != "access_missing":
        answered.append(access)
    if fault in ("access_missing", ""):
        units[f"{customer} {model}"] += rows
    if fault:
        faults[fault] += 1


def fault_of(call: int, calls: int) -> str:
    """Return what is wrong with a call: one of its lines is lost or contradicted, or it repeats another one."""
    if call % max(calls // 20, 1) == 11:
        return "conflict"
    if call % RETRIED == 4:
        return "retry"
    return {13: "usage_missing", 19: "access_missing"}.get(call % 200, "")


def _root_of(call: int) -> int:
    """Return the call that a retry repeats, or the call itself."""
    return call - 1 if call % RETRIED == 4 else call


def _work_of(root: int) -> tuple[int, str, int]:
    """Return the customer, the model and the rows of a call."""
    mixed = root * 2_654_435_761 % 4_294_967_296 >> 7
    return mixed % CUSTOMERS, MODELS[mixed // CUSTOMERS % 3], mixed // 1_000 % 5 + 1


def _lines_of(call: int, calls: int) -> tuple[str, str]:
    """Return the usage line and the access line of a call."""
    root = _root_of(call)
    customer, model, rows = _work_of(root)
    own = hashlib.blake2b(call.to_bytes(8, "big"), digest_size=40).hexdigest()
    body = own if root == call else hashlib.blake2b(root.to_bytes(8, "big"), digest_size=40).hexdigest()
    at_ms = START_MS + call * MONTH_MS // calls
    key_id = f"key{customer * 7_919:07d}"
    call_id, lambda_id = f"{own[:15]}=", f"{own[15:23]}-{own[23:27]}-4{own[27:30]}-8{own[30:33]}-{own[33:45]}"
    idempotency_key = f'"order-{root}"' if root % RETRIED == 3 or root % 20 == 0 else "null"
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms // 1000))
    client_id = f"{own[45:53]}-{own[53:57]}-4{own[57:60]}-9{own[60:63]}-{own[63:75]}"
    subject = key_id
    names = (call_id, second, at_ms % 1000, subject, "predict", model, rows, key_id, lambda_id, client_id)
    usage = _USAGE % (*names, idempotency_key, call % 9 + 1, call % 7 + 1, body[16:80])
    access = _ACCESS % (client_id, call_id, at_ms, model, key_id, call % 250, call % 9 + 2, call % 9 + 3, lambda_id)
    return usage, access
