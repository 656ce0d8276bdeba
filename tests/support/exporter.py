"""One run of an export as a process that can be killed: `python -m support.exporter '{"system": …}'`."""

import json
import os
import signal
import sys
from pathlib import Path

from ratecard.billing.exports.planning import Range, marketplace_oldest_ms, plan_hours, plan_sums
from ratecard.billing.hourly import HourlyUsage, Slot
from ratecard.billing.periods import Period
from ratecard.billing.settlement import Buyer, Counterparts
from ratecard.storage.exports.batches import LagoTarget, OpenMeterTarget
from ratecard.storage.exports.http import HttpClient
from ratecard.storage.exports.journal import Journal
from ratecard.storage.exports.marketplace import MarketplaceTarget
from ratecard.storage.exports.sending import run_export
from ratecard.storage.exports.stripe import OLDEST_MS, StripeTarget
from support.billing_systems import SECRET

PREDICT, BATCH = "credit-rating/predict/standard", "credit-rating/batch/standard"
METERS = {PREDICT: "credit_rating_predict", BATCH: "credit_rating_batch"}
CUSTOMERS = {"acme": "cus_acme", "north-bank": "cus_north"}
BUYERS = {"acme": Buyer("111111111111", "arn:l-1"), "north-bank": Buyer("222222222222", "arn:l-2")}
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
HOUR_MS = 3_600_000


def target_of(system, url, *, backoff_seconds=0.001):
    """The sender to a local system."""
    if system == "marketplace":
        import boto3
        import botocore.config

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        config = botocore.config.Config(retries={"mode": "standard", "max_attempts": 4})
        client = boto3.client("meteringmarketplace", endpoint_url=url, config=config, **keys)
        return MarketplaceTarget(BUYERS, METERS, client)
    client = HttpClient(url, SECRET, backoff_seconds=backoff_seconds)
    kind = {"stripe": StripeTarget, "openmeter": OpenMeterTarget, "lago": LagoTarget}[system]
    return kind(client, Counterparts(CUSTOMERS, METERS))


def usage_of(units):
    """Hourly usage from {(customer, product, from_ms): units}."""
    return tuple(
        sorted(
            HourlyUsage(Slot(customer, *product.split("/"), begins), count)
            for (customer, product, begins), count in units.items()
            if count
        )
    )


def export_once(system, url, path, units, *, now_ms, period=None, target=None):
    """Run an export of some hours; the period is everything unless told."""
    whole = period or Period("2026-11", 0, 10**15)
    oldest = marketplace_oldest_ms(now_ms) if system == "marketplace" else 0
    span = Range(now_ms, dict.fromkeys(CUSTOMERS, whole), now_ms - OLDEST_MS if system == "stripe" else oldest)
    plan = plan_hours if system == "marketplace" else plan_sums
    journal = Journal(Path(path))
    try:
        hourly = usage_of(units)
        return run_export(
            target or target_of(system, url), journal, lambda account: plan(hourly, account, span), now_ms=now_ms
        )
    finally:
        journal.close()


def kill_at(step):
    """Have this process killed just before its nth write or sync of a file."""
    left = [step]
    for name in ("write", "fsync"):
        real = getattr(os, name)

        def counting(*arguments, _real=real):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return _real(*arguments)

        setattr(os, name, counting)


if __name__ == "__main__":
    said = json.loads(sys.argv[1])
    if said["kill_at"]:
        kill_at(said["kill_at"])
    given = {(customer, product, begins): units for customer, product, begins, units in said["units"]}
    export_once(said["system"], said["url"], said["path"], given, now_ms=said["now_ms"])
