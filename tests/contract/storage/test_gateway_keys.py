"""Keys at API Gateway follow the accounts: made, rotated, stopped, moved; moto with the rules it leaves out."""

import pytest
from support.aws import moto_client, moto_table
from support.gateway import Stopped, strict_gateway

from ratecard.kernel.digest import sha256_hex
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import account_states
from ratecard.storage.chain import Chain
from ratecard.storage.customers import UnknownKeyError
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.gateway_ids import GatewayIds
from ratecard.storage.gateway_keys import KEEP_MS, GatewayKeys, Step, StepKind
from ratecard.storage.places import S3Places
from ratecard.storage.published import PublishedAccounts

STAGE = "prod"
NOW = 1_795_000_000_000


class World:
    """Accounts in a table, a gateway, and what connects them."""

    def __init__(self, table, strict, api, s3):
        self.now = NOW
        self.gateway = strict
        self.accounts = DynamoAccounts(table, clock=self.clock)
        self.ids = GatewayIds(table, clock=self.clock)
        self.keys = GatewayKeys(self.accounts, self.ids, api, stage=STAGE, clock=self.clock)
        self.trail = AuditTrail(Chain(S3Places("ledger", "audit/", s3)))
        self.published = PublishedAccounts(self.accounts, self.trail, "ann", keys=self.keys)
        self.published.ensure_customer("acme", "Acme")

    def clock(self):
        """Milliseconds since 1970."""
        return self.now

    def at_gateway(self):
        """What the gateway has: by id, value, whether enabled, plans."""
        plans = {plan["id"]: plan["name"] for plan in self.gateway.client.get_usage_plans()["items"]}
        found = {}
        for key in self.gateway.client.get_api_keys(includeValues=True)["items"]:
            of_key = self.gateway.client.get_usage_plans(keyId=key["id"])["items"]
            found[key["id"]] = (sha256_hex(key["value"].encode()), key["enabled"], [plans[one["id"]] for one in of_key])
        return found

    def wanted(self):
        """What the accounts say, in the same words, without keys that were rotated away."""
        return sorted(
            (key.secret_sha256, key.enabled, [f"ratecard-{STAGE}-{key.plan}"]) for key in self.accounts.list_keys()
        )

    def agreed(self):
        """Whether every key is there as it should be, and nothing else is let through."""
        current = {each.secret_sha256 for each in self.accounts.list_keys()}
        found = self.at_gateway().values()
        assert not [one for one in found if one[1] and one[0] not in current]
        return sorted(one for one in found if one[0] in current) == self.wanted()


@pytest.fixture
def world():
    with moto_table() as table, moto_client("s3") as s3, strict_gateway(STAGE) as (strict, api, _):
        s3.create_bucket(Bucket="ledger")
        yield World(table, strict, api, s3)


def test_a_key_is_made_enabled_and_in_its_plan_under_an_id_that_is_noted(world):
    """Usage lines name the gateway's id: it is the customer's, with the key's plans."""
    issued = world.published.create_key("acme", "standard", "web")
    ((gateway_id, found),) = world.at_gateway().items()

    assert found == (sha256_hex(issued.secret.encode()), True, ["ratecard-prod-standard"])
    assert world.accounts.get_key(gateway_id) == issued.key
    plans = {(each.subject, each.customer, each.plan) for each in world.accounts.assignments()}
    assert {(gateway_id, "acme", "standard"), (issued.key.id, "acme", "standard")} < plans
    assert world.keys.sync() == ()


def test_the_id_is_noted_before_the_key_can_be_used(world):
    """A call under an id that nobody knows would be nobody's to pay."""
    issued = world.accounts.create_key("acme", "standard", "web")
    real = world.ids.record

    def record(gateway_id, **whose):
        assert world.at_gateway()[gateway_id][1:] == (False, [])
        real(gateway_id, **whose)

    world.ids.record = record
    world.keys.publish(issued)
    assert world.agreed()


def test_a_rotation_makes_another_key_and_keeps_whose_the_old_one_was(world):
    """One customer, one plan, two ids; the old value is not let through."""
    first = world.published.create_key("acme", "standard", "web")
    (old,) = world.at_gateway()
    second = world.published.rotate_key(first.key.id)
    found = world.at_gateway()

    assert found.pop(old)[1] is False
    ((_, now),) = found.items()
    assert now == (sha256_hex(second.secret.encode()), True, ["ratecard-prod-standard"])
    assert {note.key_id for note in world.ids.list_ids()} == {first.key.id}
    assert len({each.subject for each in world.accounts.assignments()}) == 4
    assert world.accounts.list_events(old) == world.accounts.list_events(first.key.id)


def test_a_key_that_was_rotated_away_is_deleted_when_its_count_was_compared(world):
    """Not before forty days, and its note stays for usage lines that name it."""
    key = world.published.create_key("acme", "standard", "web").key
    (old,) = world.at_gateway()
    world.published.rotate_key(key.id)
    world.now += KEEP_MS - 1
    assert world.keys.sync() == ()
    world.now += 1

    assert world.keys.sync() == (Step(StepKind.DELETE, key.id, old),)
    assert old not in world.at_gateway()
    assert world.accounts.get_key(old).id == key.id
    assert world.keys.sync() == ()


def test_disabling_enabling_and_moving_reach_the_gateway(world):
    """A key is in one plan of a stage at a time: API Gateway refuses a second."""
    key = world.published.create_key("acme", "standard", "web").key
    world.published.set_key_enabled(key.id, enabled=False)
    assert [one[1] for one in world.at_gateway().values()] == [False]
    world.published.set_key_plan(key.id, "business")
    assert [one[1:] for one in world.at_gateway().values()] == [(False, ["ratecard-prod-business"])]
    world.published.set_key_enabled(key.id, enabled=True)
    assert world.agreed()


def test_a_plan_that_begins_later_is_the_gateways_when_it_begins(world):
    """The job that runs then moves the key."""
    key = world.published.create_key("acme", "standard", "web").key
    world.published.set_key_plan(key.id, "business", NOW + 1000)
    assert world.keys.sync() == ()
    world.now += 1000

    assert [step.kind for step in world.keys.sync()] == [StepKind.LEAVE, StepKind.JOIN]
    assert world.agreed()


def test_what_the_accounts_do_not_know_is_stopped_and_other_stages_are_left_alone(world):
    """A key of this stage's name that nobody was given may be anybody's."""
    create = world.gateway.client.create_api_key
    stranger = create(name="ratecard-prod-by-hand", enabled=True)["id"]
    others = [create(name=name, enabled=True)["id"] for name in ("ratecard-prod2-x", "theirs")]

    assert world.keys.sync() == (Step(StepKind.DISABLE, "", stranger),)
    assert world.at_gateway()[stranger][1] is False
    assert all(world.at_gateway()[other][1] for other in others)


def test_a_lost_secret_and_a_plan_that_is_not_deployed_are_told(world):
    """Neither can be mended without a person; rotating the key mends the first."""
    lost = world.accounts.create_key("acme", "standard", "web").key
    homeless = world.published.create_key("acme", "gold", "web").key
    (there,) = world.at_gateway()

    assert set(world.keys.sync()) == {
        Step(StepKind.NO_SECRET, lost.id),
        Step(StepKind.NO_PLAN, homeless.id, there, "gold"),
    }
    world.published.rotate_key(lost.id)
    world.published.set_key_plan(homeless.id, "free")
    assert world.agreed()


def test_a_preview_changes_nothing(world):
    """It lists what a run then does."""
    world.published.create_key("acme", "standard", "web")
    (there,) = world.at_gateway()
    world.gateway.client.update_api_key(
        apiKey=there, patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}]
    )
    before = world.at_gateway()
    steps = world.keys.preview()

    assert world.at_gateway() == before
    assert steps == world.keys.sync()
    assert [step.kind for step in steps] == [StepKind.ENABLE]


def life(world):
    """Made, moved, rotated; each is done when it returns."""
    key = world.published.create_key("acme", "standard", "web").key
    world.published.set_key_plan(key.id, "business")
    world.published.rotate_key(key.id)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_change_a_second_run_finishes(world, step):
    """After each number of changes at the gateway: sync, and a rotation where a secret got lost, mend it."""
    killed = 0
    while True:
        world.gateway.changes_left = killed
        try:
            life(world)
        except Stopped:
            killed += step
        else:
            break
        finally:
            world.gateway.changes_left = None
        for done in world.keys.sync():
            if done.kind is StepKind.NO_SECRET:
                world.published.rotate_key(done.key_id)
        assert world.agreed()
    assert killed == -(-9 // step) * step
    assert world.keys.sync() == ()
    ids = {note.gateway_id for note in world.ids.list_ids()}
    assert set(world.at_gateway()) <= ids
    assert world.trail.verify(account_states(world.accounts)) == ()


def test_sync_killed_at_any_change_is_finished_by_the_next(world):
    """Four keys that all have something to do."""
    issued = [world.published.create_key("acme", "free", f"{number}").key.id for number in range(4)]
    for number, key_id in enumerate(issued):
        world.accounts.set_key_plan(key_id, "business")
        if number % 2:
            world.accounts.set_key_enabled(key_id, enabled=False)
    runs = 0
    while not world.agreed():
        world.gateway.changes_left = 1
        try:
            world.keys.sync()
        except Stopped:
            runs += 1
        finally:
            world.gateway.changes_left = None
    assert runs >= 9
    assert world.keys.sync() == ()


def test_a_create_whose_answer_was_lost_makes_one_key(world):
    """The client asks again; the value is taken, by the same key."""
    real = world.gateway.client.create_api_key

    def create_api_key(**request):
        real(**request)
        return real(**request)

    world.gateway.client.create_api_key = create_api_key
    try:
        world.published.create_key("acme", "standard", "web")
    finally:
        world.gateway.client.create_api_key = real
    assert len(world.at_gateway()) == 1
    assert world.agreed()


def test_an_id_has_one_owner_for_ever(world):
    """Two accounts' keys never share a gateway's key, and a key's id is no gateway's id."""
    first, second = (world.published.create_key("acme", "free", name).key for name in "ab")
    taken = next(note.gateway_id for note in world.ids.list_ids() if note.key_id == first.id)
    for gateway_id in (taken, second.id):
        with pytest.raises(ValueError, match="is not one of"):
            world.ids.record(gateway_id, key_id=second.id if gateway_id == taken else first.id, customer_id="acme")
    with pytest.raises(UnknownKeyError):
        world.accounts.get_key("nobody")


def test_no_secret_is_in_the_records_or_in_what_a_step_says(world, capsys, caplog):
    """Twelve digits of its hash name the key; the secret itself is in the answer to who made it, and at the gateway."""
    issued = world.published.create_key("acme", "standard", "web")
    world.published.rotate_key(issued.key.id)
    told = repr((world.keys.preview(), world.ids.list_ids(), world.trail.list_records(), issued))
    names = repr(world.gateway.client.get_api_keys(includeValues=False))
    printed = capsys.readouterr()
    assert issued.secret not in told + names + printed.out + printed.err + caplog.text


@pytest.mark.slow
def test_more_keys_than_a_page_are_all_seen(tmp_path):
    """520 keys in one plan, on each side: nothing is taken for missing or for a stranger."""
    accounts = SqliteAccounts(tmp_path / "accounts.sqlite")
    accounts.ensure_customer("acme", "Acme")
    issued = [accounts.create_key("acme", "standard", f"{number}") for number in range(520)]
    with moto_table() as table, strict_gateway(STAGE) as (strict, api, _):
        client = strict.client
        plan = next(one["id"] for one in client.get_usage_plans()["items"] if one["name"] == "ratecard-prod-standard")
        with table.batch_writer() as batch:
            for each in issued:
                key = each.key
                name = f"ratecard-prod-{key.id}-{key.secret_sha256[:12]}"
                made = client.create_api_key(name=name, value=each.secret, enabled=True)["id"]
                client.create_usage_plan_key(usagePlanId=plan, keyId=made, keyType="API_KEY")
                note = {"gateway_id": made, "key_id": key.id, "customer_id": "acme", "created_ms": NOW, "revision": 1}
                batch.put_item(Item={"pk": f"key#{made}", "sk": "owner", "kind": "gateway"} | note)
        keys = GatewayKeys(accounts, GatewayIds(table), api, stage=STAGE)

        assert keys.sync() == ()
        assert strict.calls.count("get_api_keys") == 2
        last = issued[-1].key.id
        accounts.set_key_enabled(last, enabled=False)
        assert [(step.kind, step.key_id) for step in keys.sync()] == [(StepKind.DISABLE, last)]
    accounts.close()
