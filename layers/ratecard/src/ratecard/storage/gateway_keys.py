"""API Gateway's keys follow the accounts: made, rotated, let through or not, moved between plans.

What must be done is computed from what is there on both sides, so it can be computed again after a kill at any point,
and does nothing once both sides agree. A key's secret is known only while it is made: one that got lost on the way is
reported, and rotating the key gives it another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from ratecard.storage.accounts import now_ms
from ratecard.storage.customers import Accounts, ApiKey, IssuedKey
from ratecard.storage.gateway_api import GatewayApi, GatewayKey
from ratecard.storage.gateway_ids import GatewayId, GatewayIds

KEEP_MS = 40 * 86_400_000
"""How long a key that was rotated away is kept, disabled: the gateway's own count of it is compared when a month is
closed. Then it is deleted, because an account has 10,000 keys in a Region and never more."""
_HASH_DIGITS = 12
_NAME = re.compile(rf"(.+)-([0-9a-f]{{{_HASH_DIGITS}}})")


class StepKind(Enum):
    """What must be done at the gateway."""

    RECORD = "record"
    LEAVE = "leave"
    JOIN = "join"
    ENABLE = "enable"
    DISABLE = "disable"
    RETIRE = "retire"
    DELETE = "delete"
    NO_SECRET = "no_secret"
    NO_PLAN = "no_plan"


REPORTED = frozenset({StepKind.NO_SECRET, StepKind.NO_PLAN})
"""Only a person can do something about these: rotate the key, or deploy the plan."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, or to tell.

    Attributes
    ----------
    kind : StepKind
        What.
    key_id : str
        Of the accounts; "" if the gateway has a key that they do not know.
    gateway_id : str
        Of the gateway; "" if it has none.
    plan : str
        The plan to join or leave.
    """

    kind: StepKind
    key_id: str
    gateway_id: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the gateway has.

    Attributes
    ----------
    keys : tuple of GatewayKey
        Named for this stage.
    plans : mapping of str to str
        Ids of the usage plans by the rate card's name.
    plans_of : mapping of str to set of str
        By the gateway's key id: the plans that it is in.
    """

    keys: tuple[GatewayKey, ...]
    plans: Mapping[str, str]
    plans_of: Mapping[str, set[str]]


class GatewayKeys:
    """Makes the gateway's keys follow the accounts.

    Parameters
    ----------
    accounts : Accounts
        What is to be; a rotation is made there first.
    ids : GatewayIds
        Whose each gateway's id is.
    api : GatewayApi
        The gateway.
    stage : str
        Whose keys and plans these are; others are not touched.
    clock : callable, optional
        Gives the present in milliseconds since 1970.
    """

    def __init__(
        self,
        accounts: Accounts,
        ids: GatewayIds,
        api: GatewayApi,
        *,
        stage: str,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._accounts = accounts
        self._ids = ids
        self._api = api
        self._stage = stage
        self._prefix = f"ratecard-{stage}-"
        self._clock = clock

    def publish(self, issued: IssuedKey) -> None:
        """Give the gateway the secret just made, then let it replace what was there."""
        key = issued.key
        tags = {"application": "ratecard", "stage": self._stage, "customer": key.customer_id}
        gateway_id = self._api.create_key(self._name(key), issued.secret, tags)
        self._ids.record(gateway_id, key_id=key.id, customer_id=key.customer_id)
        self.settle(key.id)

    def settle(self, key_id: str) -> tuple[Step, ...]:
        """Make one key at the gateway as it is in the accounts."""
        key = self._accounts.get_key(key_id)
        prefix = f"{self._prefix}{key.id}-"
        found = tuple(each for each in self._api.list_keys(prefix) if _key_id(each, self._prefix) == key.id)
        plans = self._api.list_plans(self._prefix)
        names = {plan_id: name for name, plan_id in plans.items()}
        plans_of = {
            each.id: {names[plan_id] for plan_id in self._api.list_plans_of(each.id) if plan_id in names}
            for each in found
        }
        gateway = Gateway(found, plans, plans_of)
        noted = [note for each in found if (note := self._ids.find(each.id))]
        return self._apply(plan_steps([key], noted, gateway, prefix=self._prefix, at_ms=self._clock()), gateway)

    def preview(self) -> tuple[Step, ...]:
        """Return what `sync` would do."""
        return self._look()[0]

    def sync(self, progress: Callable[[Step], object] = lambda _: None) -> tuple[Step, ...]:
        """Make all keys at the gateway as they are in the accounts; return what was done, and what only a person can.

        Parameters
        ----------
        progress : callable, optional
            Told each step before it is done.
        """
        steps, gateway = self._look()
        return self._apply(steps, gateway, progress)

    def switch(self) -> tuple[Step, ...]:
        """Let keys through or stop them as the accounts say, and nothing else: one list, read often.

        A key whose id is not noted is left for `sync`.
        """
        found = tuple(self._api.list_keys(self._prefix))
        gateway = Gateway(found, {}, {})
        noted = self._ids.list_ids()
        known = {note.gateway_id for note in noted}
        steps = plan_steps(self._accounts.list_keys(), noted, gateway, prefix=self._prefix, at_ms=self._clock())
        switches = (
            step
            for step in steps
            if step.kind is StepKind.DISABLE or (step.kind is StepKind.ENABLE and step.gateway_id in known)
        )
        return self._apply(switches, gateway)

    def _look(self) -> tuple[tuple[Step, ...], Gateway]:
        # The gateway first: what it has was in the accounts before, so a key made meanwhile is no stranger.
        found = tuple(self._api.list_keys(self._prefix))
        plans = self._api.list_plans(self._prefix)
        plans_of: dict[str, set[str]] = {}
        for name, plan_id in plans.items():
            for gateway_id in self._api.list_members(plan_id):
                plans_of.setdefault(gateway_id, set()).add(name)
        gateway = Gateway(found, plans, plans_of)
        steps = plan_steps(
            self._accounts.list_keys(), self._ids.list_ids(), gateway, prefix=self._prefix, at_ms=self._clock()
        )
        return steps, gateway

    def _apply(
        self, steps: Iterable[Step], gateway: Gateway, progress: Callable[[Step], object] = lambda _: None
    ) -> tuple[Step, ...]:
        done = []
        for step in steps:
            progress(step)
            self._take(step, gateway)
            done.append(step)
        return tuple(done)

    def _take(self, step: Step, gateway: Gateway) -> None:
        match step.kind:
            case StepKind.RECORD:
                owner = self._accounts.get_key(step.key_id).customer_id
                self._ids.record(step.gateway_id, key_id=step.key_id, customer_id=owner)
            case StepKind.LEAVE:
                self._api.remove_member(gateway.plans[step.plan], step.gateway_id)
            case StepKind.JOIN:
                self._api.add_member(gateway.plans[step.plan], step.gateway_id)
            case StepKind.ENABLE | StepKind.DISABLE:
                self._api.set_key_enabled(step.gateway_id, enabled=step.kind is StepKind.ENABLE)
            case StepKind.RETIRE:
                self._ids.retire(step.gateway_id)
            case StepKind.DELETE:
                self._api.delete_key(step.gateway_id)
                self._ids.mark_deleted(step.gateway_id)

    def _name(self, key: ApiKey) -> str:
        return f"{self._prefix}{key.id}-{key.secret_sha256[:_HASH_DIGITS]}"


def plan_steps(
    keys: Iterable[ApiKey], noted: Iterable[GatewayId], gateway: Gateway, *, prefix: str, at_ms: int
) -> tuple[Step, ...]:
    """Compute what makes the gateway agree with the accounts; nothing if it does.

    Parameters
    ----------
    keys : iterable of ApiKey
        What is to be.
    noted : iterable of GatewayId
        Whose the gateway's ids are, as far as it is noted.
    gateway : Gateway
        What is there.
    prefix : str
        Begins the name of each key of the stage.
    at_ms : int
        The present.
    """
    notes = {note.gateway_id: note for note in noted}
    wanted = {key.id: key for key in keys}
    found: dict[str, list[GatewayKey]] = {}
    for each in gateway.keys:
        found.setdefault(_key_id(each, prefix), []).append(each)
    steps: list[Step] = []
    for key in wanted.values():
        mine = found.get(key.id, [])
        current = [each for each in mine if each.name.endswith(f"-{key.secret_sha256[:_HASH_DIGITS]}")]
        steps += _present(key, current[0], notes, gateway) if current else [Step(StepKind.NO_SECRET, key.id)]
        for each in mine:
            if each not in current[:1]:
                steps += _retire(key.id, each, notes, at_ms)
    strangers = [each for key_id, of_key in found.items() if key_id not in wanted for each in of_key]
    steps += [Step(StepKind.DISABLE, "", each.id) for each in strangers if each.enabled]
    return tuple(steps)


def _present(key: ApiKey, each: GatewayKey, notes: Mapping[str, GatewayId], gateway: Gateway) -> Iterator[Step]:
    """Note the key before it can be used, and let it through last; it can be in one plan of a stage at a time."""
    if each.id not in notes:
        yield Step(StepKind.RECORD, key.id, each.id)
    if each.enabled and not key.enabled:
        yield Step(StepKind.DISABLE, key.id, each.id)
    plans = gateway.plans_of.get(each.id, set())
    if key.plan not in gateway.plans:
        yield Step(StepKind.NO_PLAN, key.id, each.id, key.plan)
    elif plans != {key.plan}:
        for plan in sorted(plans - {key.plan}):
            yield Step(StepKind.LEAVE, key.id, each.id, plan)
        if key.plan not in plans:
            yield Step(StepKind.JOIN, key.id, each.id, key.plan)
    if key.enabled and not each.enabled:
        yield Step(StepKind.ENABLE, key.id, each.id)


def _retire(key_id: str, each: GatewayKey, notes: Mapping[str, GatewayId], at_ms: int) -> Iterator[Step]:
    """Stop what was rotated away; it stays in its plan, where the gateway's count of it can be read."""
    note = notes.get(each.id)
    if note is None:
        yield Step(StepKind.RECORD, key_id, each.id)
    if each.enabled:
        yield Step(StepKind.DISABLE, key_id, each.id)
    if note is None or note.retired_ms is None:
        yield Step(StepKind.RETIRE, key_id, each.id)
    elif note.retired_ms + KEEP_MS <= at_ms:
        yield Step(StepKind.DELETE, key_id, each.id)


def _key_id(each: GatewayKey, prefix: str) -> str:
    """Return the accounts' key that a name is of; what was named by hand is nobody's."""
    match = _NAME.fullmatch(each.name.removeprefix(prefix))
    return match.group(1) if match else ""
