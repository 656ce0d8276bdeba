"""A deployed stage: its stack says where things are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.audit import AuditTrail
from ratecard.storage.chain import Chain
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.gateway_api import GatewayApi, open_gateway_api
from ratecard.storage.gateway_ids import GatewayIds
from ratecard.storage.gateway_keys import GatewayKeys
from ratecard.storage.places import AUDIT, S3Places
from ratecard.storage.published import PublishedAccounts

_STAGE = re.compile(r"[a-z][a-z0-9]{1,15}")
_OUTPUTS = ("Accounts", "Lake", "Ledger")


class StageError(RatecardError):
    """There is no such stage in this account and Region, or AWS does not say."""

    code = "unknown_stage"
    kind = ErrorKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a stage keeps accounts and records.

    Attributes
    ----------
    name : str
        For example ``prod``.
    table, s3 : object
        A boto3 `Table` of the accounts, and a client of S3.
    lake, ledger : str
        Buckets: usage and access lines, and what is written once.
    gateway : GatewayApi
        Keys and usage plans.
    """

    name: str
    table: Any
    s3: Any
    lake: str
    ledger: str
    gateway: GatewayApi

    def trail(self) -> AuditTrail:
        """Open the audit trail."""
        return AuditTrail(Chain(S3Places(self.ledger, AUDIT, self.s3)))

    def keys(self) -> GatewayKeys:
        """Open the gateway's keys."""
        return GatewayKeys(DynamoAccounts(self.table), GatewayIds(self.table), self.gateway, stage=self.name)

    def accounts(self, actor: str) -> PublishedAccounts:
        """Open the accounts, whose changes are recorded and reach the gateway."""
        return PublishedAccounts(DynamoAccounts(self.table), self.trail(), actor, keys=self.keys())


def open_stage(name: str) -> Stage:
    """Find a stage with the environment's credentials, by the outputs of its stack `ratecard-<stage>`.

    Raises
    ------
    StageError
        If it is no name of a stage, or the stack cannot be read.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    if not _STAGE.fullmatch(name):
        raise StageError("a stage's name is 2 to 16 lower-case letters and digits, and begins with a letter")
    try:
        (stack,) = boto3.client("cloudformation").describe_stacks(StackName=f"ratecard-{name}")["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
        missing = [each for each in _OUTPUTS if each not in outputs]
        if missing:
            raise StageError(f"the stack ratecard-{name} has no output {', '.join(missing)}; deploy it again")
        table = boto3.resource("dynamodb").Table(outputs["Accounts"])
        return Stage(name, table, boto3.client("s3"), outputs["Lake"], outputs["Ledger"], open_gateway_api())
    except (BotoCoreError, ClientError) as error:
        raise StageError(f"the stage {name} cannot be opened: {error}") from None
