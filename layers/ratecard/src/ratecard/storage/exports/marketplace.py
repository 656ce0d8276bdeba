"""AWS Marketplace: records of hours through BatchMeterUsage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratecard.billing.exports.deliveries import Delivery, Outcome, Receipt
from ratecard.billing.exports.payloads import marketplace_record
from ratecard.billing.settlement import Buyer
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.exports.http import ATTEMPTS, TargetForbiddenError, TargetUnavailableError
from ratecard.storage.exports.target import Sent

TOGETHER = 25
"""Records in a request; 25 of ours are some ten thousand bytes, of the 1 MB allowed."""
# A record of an hour that is too old is refused whether it was counted or not, so the hour's own age decides as well.
RESEND_MS = 23 * 3_600_000
REGION = "us-east-1"
_FORBIDDEN = frozenset(
    {"AccessDeniedException", "DisabledApiException", "InvalidLicenseException", "UnrecognizedClientException"}
)


class UnprocessedError(RatecardError):
    """Records were sent back again and again without a reason."""

    code = "unprocessed"
    kind = ErrorKind.UNAVAILABLE


class MarketplaceTarget:
    """Sends to AWS Marketplace; see `Target`.

    Parameters
    ----------
    buyers : mapping of str to Buyer
        Accounts and licences, by our customer's id.
    dimensions : mapping of str to str
        Dimensions, by our product.
    client : object, optional
        A boto3 client of `meteringmarketplace`; one with the environment's credentials is made if none is given.
    """

    together = TOGETHER
    resend_ms: int | None = RESEND_MS

    def __init__(self, buyers: Mapping[str, Buyer], dimensions: Mapping[str, str], client: Any = None) -> None:
        self._buyers = buyers
        self._dimensions = dimensions
        self._client = marketplace_client() if client is None else client

    def lacks(self, delivery: Delivery) -> str:
        """See `Target`."""
        if delivery.slot.customer not in self._buyers:
            return "customer"
        return "" if delivery.slot.product in self._dimensions else "product"

    def send(self, deliveries: Sequence[Delivery]) -> Sent:
        """See `Target`; what comes back unprocessed is sent again."""
        sent = Sent()
        left = list(deliveries)
        try:
            for _ in range(ATTEMPTS):
                receipts = self._post(left)
                sent.receipts += receipts
                answered = {receipt.delivery for receipt in receipts}
                left = [delivery for delivery in left if delivery not in answered]
                if not left:
                    return sent
            raise UnprocessedError(f"{len(left)} records were not processed in {ATTEMPTS} requests")
        except RatecardError as error:
            sent.failure = error
        return sent

    def find_counted(self, delivery: Delivery, before: int) -> bool | None:
        """See `Target`: what was metered cannot be asked."""
        del delivery, before
        return None

    def _post(self, deliveries: Sequence[Delivery]) -> list[Receipt]:
        import botocore.exceptions

        records = [self._record(delivery) for delivery in deliveries]
        try:
            answer = self._client.batch_meter_usage(UsageRecords=records)
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise TargetUnavailableError(f"AWS Marketplace still fails after {ATTEMPTS} attempts") from None
            return self._refused(deliveries, error.response["Error"]["Code"])
        except botocore.exceptions.BotoCoreError as error:
            raise TargetUnavailableError(f"AWS Marketplace cannot be asked: {type(error).__name__}") from None
        by_record = {_key(record): delivery for record, delivery in zip(records, deliveries, strict=True)}
        return [
            Receipt(by_record[_key(result["UsageRecord"])], *_outcome(result["Status"]))
            for result in answer.get("Results", ())
        ]

    def _refused(self, deliveries: Sequence[Delivery], code: str) -> list[Receipt]:
        """Return what a refusal of a whole request means: for one record it is its own, of several it is any's."""
        if code in _FORBIDDEN:
            raise TargetForbiddenError(f"AWS Marketplace answers {code}")
        if code == "ThrottlingException":
            raise TargetUnavailableError(f"AWS Marketplace still answers {code}")
        if len(deliveries) == 1:
            return [Receipt(deliveries[0], Outcome.REFUSED, code)]
        middle = len(deliveries) // 2
        return self._post(deliveries[:middle]) + self._post(deliveries[middle:])

    def _record(self, delivery: Delivery) -> dict[str, object]:
        slot = delivery.slot
        return marketplace_record(delivery, self._buyers[slot.customer], self._dimensions[slot.product])


def marketplace_client(endpoint_url: str | None = None) -> Any:
    """Return a boto3 client that repeats what is throttled or failed, with pauses."""
    import boto3
    import botocore.config

    config = botocore.config.Config(retries={"mode": "standard", "max_attempts": ATTEMPTS})
    return boto3.client("meteringmarketplace", region_name=REGION, endpoint_url=endpoint_url, config=config)


def _outcome(status: str) -> tuple[Outcome, str]:
    # Success is also the answer to a repetition; DuplicateRecord says that another quantity was metered.
    return (Outcome.ACCEPTED, "") if status == "Success" else (Outcome.REFUSED, status)


def _key(record: Mapping[str, Any]) -> tuple[object, ...]:
    at = record["Timestamp"]
    return record["LicenseArn"], record["Dimension"], int(at.timestamp())
