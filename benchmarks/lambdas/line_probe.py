"""Write usage lines to stdout, a pipe that the bench reads, and tell on stderr what each took and how long it is."""

import json
import sys
import time

from ratecard.kernel.digest import sha256_hex
from ratecard.metering.usage import MAX_IDEMPOTENCY_KEY, Caller, Work, record_usage, usage_line

COUNT, WARM_UP = 20_000, 2_000
BODY = b'{"credit_limit":200000.0,"education":"university"}' * 12


def meter(idempotency_key):
    """Do all that metering adds to a call: who called, what was done, the body's digest, the line, the write."""
    caller, work = describe(idempotency_key)
    record_usage(caller, work)


def describe(idempotency_key):
    """Return caller and work of one call, with ids as long as AWS makes them."""
    caller = Caller(
        call_id="UQ2bFHr6DoEEj4g=",
        source="/a1b2c3d4e5/preview",
        at_epoch_ms=1795342272345,
        subject="k0123456ab",
        api_key_id="k0123456ab",
        lambda_request_id="0f4b5a52-6f5d-4f0e-9a3e-1c2d3e4f5a6b",
        client_request_id="9a3e1c2d-0f4b-4f0e-8a52-3e4f5a6b6f5d",
        idempotency_key=idempotency_key,
        billable=True,
    )
    return caller, Work("predict", "credit-rating", "1.0.0", 1, len(BODY), 431, sha256_hex(BODY), 0.123)


def measure():
    """Return the sorted seconds of many metered calls."""
    times = []
    for number in range(WARM_UP + COUNT):
        start = time.perf_counter()
        meter(None)
        if number >= WARM_UP:
            times.append(time.perf_counter() - start)
    return sorted(times)


if __name__ == "__main__":
    TIMES = measure()
    LONGEST = "k" * MAX_IDEMPOTENCY_KEY
    print(
        json.dumps(
            {
                "count": WARM_UP + COUNT,
                "p50": TIMES[COUNT // 2],
                "p99": TIMES[COUNT * 99 // 100],
                "bytes": len(usage_line(*describe(None))) + 1,
                "bytes_longest": len(usage_line(*describe(LONGEST))) + 1,
            }
        ),
        file=sys.stderr,
    )
