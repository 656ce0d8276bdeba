"""A DynamoDB table of small items: consistent reads to the last page, and transactions that fail when overtaken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Item = Mapping[str, Any]
Change = Mapping[str, Item]
"""One part of a transaction."""
# Why a transaction fails that may be tried again on what is there now.
_OVERTAKEN = {"None", "ConditionalCheckFailed", "TransactionConflict"}


class DynamoTable:
    """Items under `pk` and `sk`, each with a `kind`; those that change have a `revision`.

    Parameters
    ----------
    table : object
        A boto3 `Table` whose keys are `pk` (partition) and `sk` (sort), both strings.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._client = table.meta.client

    def find(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None."""
        found: Item | None = self._table.get_item(Key={"pk": pk, "sk": sk}, ConsistentRead=True).get("Item")
        return found

    def query(self, pk: str, prefix: str) -> Iterator[Item]:
        """Yield a partition's items whose `sk` begins with a prefix, in the order of `sk`."""
        return _pages(
            self._table.query,
            KeyConditionExpression="pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            ExpressionAttributeValues={":pk": pk} | ({":prefix": prefix} if prefix else {}),
        )

    def scan(self, *kinds: str) -> Iterator[Item]:
        """Yield all items of some kinds, in no order."""
        names = [f":kind{number}" for number in range(len(kinds))]
        return _pages(
            self._table.scan,
            FilterExpression=f"#kind IN ({', '.join(names)})",
            ExpressionAttributeNames={"#kind": "kind"},
            ExpressionAttributeValues=dict(zip(names, kinds, strict=True)),
        )

    def write(self, *changes: Change) -> bool:
        """Make all changes or none; False if a condition failed or another transaction was under way."""
        try:
            self._client.transact_write_items(TransactItems=list(changes))
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())}
            if not reasons <= _OVERTAKEN:
                raise
            return False
        return True

    def put(self, item: Item) -> Change:
        """Make an item that must not be there yet."""
        return {"Put": self._named(Item=item, ConditionExpression="attribute_not_exists(pk)")}

    def require(self, pk: str, sk: str) -> Change:
        """Ask for an item to be there."""
        return {"ConditionCheck": self._named(Key={"pk": pk, "sk": sk}, ConditionExpression="attribute_exists(pk)")}

    def update(self, seen: Item, changed: Item) -> Change:
        """Change some members of an item, and its revision, if it is still the revision that was seen."""
        values = {**changed, "revision": int(seen["revision"]) + 1}
        request = self._named(
            Key={"pk": seen["pk"], "sk": seen["sk"]},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ConditionExpression="#revision = :seen",
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()}
            | {":seen": seen["revision"]},
        )
        return {"Update": request}

    def _named(self, **request: Any) -> Item:
        return {"TableName": self._table.name} | request


def _pages(operation: Callable[..., Item], **request: Any) -> Iterator[Item]:
    """Yield the items of every page."""
    while True:
        page = operation(ConsistentRead=True, **request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
