"""The steps as operations of a model's batch function: the same for local workers, the inbox and a state machine.

Every operation can be run again: it finds what is done and answers the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratecard.kernel.errors import ErrorKind, InvalidRequestError, NotFoundError, RatecardError
from ratecard.kernel.jsontext import encode
from ratecard.serving.arrival import Arrival, NoInboxFileError, parse_arrival
from ratecard.serving.batch.collect import collect_parts, failed_manifest, find_refusal
from ratecard.serving.batch.estimate import estimate_job
from ratecard.serving.batch.job import MANIFEST, Job, job_of, parse_job
from ratecard.serving.batch.order import find_batch, load_order, order_key
from ratecard.serving.batch.plan import plan_object
from ratecard.serving.batch.rowpath import Layout
from ratecard.serving.batch.score import names_of, reason_of, score_part
from ratecard.serving.batch.scoring import Scorer
from ratecard.serving.batch.settle import find_published, find_settled, publish
from ratecard.storage.objects import LocalObjectStore, ObjectChangedError, ObjectStore, S3ObjectStore

if TYPE_CHECKING:
    from ratecard.serving.model import Model

PLAN, PARTS = "plan.json", "parts.json"


class OtherVersionError(RatecardError):
    """The plan was made for another version of the model: it has to be made again."""

    code = "other_version"
    kind = ErrorKind.CONFLICT


def answer_batch(
    model: Model, event: Mapping[str, Any], environ: Mapping[str, str], function: str | None = None
) -> dict[str, Any]:
    """Run one operation on one object.

    Parameters
    ----------
    model : Model
        Ready to score.
    event : mapping
        `operation` plan, score, collect, fail or estimate, with the `job` as plan answers it, or instead of it the
        `event` (EventBridge, of S3); score also has a `part`, and fail may have a `reason`. With `brief` the answer
        fits a state machine, see `brief_answer`.
    environ : mapping
        RATECARD_OUTBOX (bucket), RATECARD_OBJECT_ROOT (folder, on one machine only), RATECARD_BATCH_ROW_PRICE and
        RATECARD_BATCH_EXPLAIN_ROW_PRICE (for example ``0.000500 USD``).
    function : str or None
        ARN of this version of the function, for whoever has more steps to ask it for.

    Returns
    -------
    dict
        Of plan: the job, `status` planned, and how many `parts` there are; where the results are there already, or the
        file is none of rows, the manifest instead. Of score: the note on the part. Of collect and fail: the manifest,
        with `status` succeeded or failed. A failed file costs nothing and stays where it is.

    Raises
    ------
    InvalidRequestError
        If it is none of these events.
    OtherVersionError, PartMissingError
        If a step before has to run again.
    OtherOrderError
        If the results are there, and are another order's.
    """
    steps = Steps(model, environ)
    try:
        job = steps.job_of(event)
    except NoInboxFileError as error:
        # Anybody who may upload can make such a key, the S3 console with one click: no reason to retry and alarm.
        return {"status": "failed", "reason": error.detail, "rows": {"read": 0, "scored": 0, "rejected": 0}}
    answer = _run_step(steps, event.get("operation"), job, event)
    return brief_answer(answer, job, function) if event.get("brief") else answer


def _run_step(steps: Steps, operation: object, job: Job, event: Mapping[str, Any]) -> dict[str, Any]:
    if operation == "plan":
        return steps.plan(job)
    if operation == "score":
        return steps.score(job, event["part"])
    if operation == "collect":
        return steps.collect(job)
    if operation == "fail":
        return steps.give_up(job, event)
    if operation == "estimate":
        return steps.estimate(job)
    raise InvalidRequestError("the operations of a batch function are plan, score, collect, fail and estimate")


def brief_answer(answer: Mapping[str, Any], job: Job, function: str | None) -> dict[str, Any]:
    """Say of an answer what a state machine goes by: a manifest or a note may be larger than any state.

    Parameters
    ----------
    answer : mapping
        Of an operation.
    job : Job
        What it was about.
    function : str or None
        ARN of this version of the function.

    Returns
    -------
    dict
        `status`, and of a plan also `job`, `parts`, `parts_key` and `function`; of a manifest `manifest_key`, `rows`
        and `cost`, and whether the file was `refused`.
    """
    brief: dict[str, Any] = {"status": answer["status"]}
    if answer["status"] == "planned":
        place = {"parts_key": job.work_key(PARTS), "function": function}
        return brief | {name: answer[name] for name in ("job", "parts")} | place
    if "object" in answer:
        kept = {name: answer[name] for name in ("rows", "cost")}
        return brief | kept | {"manifest_key": job.result_key(MANIFEST), "refused": bool(answer.get("problems"))}
    return brief


class Steps:
    """The steps on one store.

    Parameters
    ----------
    model : Model
        Ready to score.
    environ : mapping
        See `answer_batch`.
    """

    def __init__(self, model: Model, environ: Mapping[str, str]) -> None:
        self._model = model
        self._slug = model.contract.slug
        self._environ = environ
        root = environ.get("RATECARD_OBJECT_ROOT")
        self._store: ObjectStore = LocalObjectStore(Path(root)) if root else S3ObjectStore()

    def job_of(self, event: Mapping[str, Any]) -> Job:
        """Take the job of an event."""
        if isinstance(event, Mapping) and "job" in event:
            return parse_job(event["job"])
        announced = event.get("event", event) if isinstance(event, Mapping) else {}
        arrival = parse_arrival(announced, self._model.contract.slug)
        outbox = self._environ.get("RATECARD_OUTBOX", arrival.bucket)
        return job_of(arrival, outbox, self._find_carry(arrival, outbox))

    def _find_carry(self, arrival: Arrival, outbox: str) -> tuple[str, ...]:
        """Return the columns that were asked for with the batch's id, where the file is named by one."""
        batch = find_batch(arrival.name)
        content = batch and self._store.find_bytes(outbox, order_key(arrival.customer, batch))
        order = load_order(json.loads(content)) if content else None
        return order.carry if order is not None and order.key == arrival.key else ()

    def estimate(self, job: Job) -> dict[str, Any]:
        """Count a job's rows and try how fast they are scored; see `estimate_job`."""
        return {"status": "estimated", **estimate_job(self._model, job, self._store)}

    def plan(self, job: Job) -> dict[str, Any]:
        """Plan a job, unless that is done."""
        finished = find_settled(job, self._store, self._slug)
        if finished is not None:
            return finished
        contract = self._model.contract
        try:
            document = self._find(job, PLAN)
            if document is None or (document["job"], document["model_version"]) != (job.digest(), contract.version):
                plan = plan_object(contract, job, self._store)
                document = plan.document(job)
                self._store.store_bytes(job.results_bucket, job.work_key(PARTS), encode(plan.parts).encode())
                self._store.store_bytes(job.results_bucket, job.work_key(PLAN), encode(document).encode())
            self._store.confirm_unchanged(job.bucket, job.key, job.version)
        except (InvalidRequestError, NotFoundError, ObjectChangedError) as error:
            return self.fail(job, reason_of(error))
        return {"status": "planned", "job": job.document(), "plan": document["id"], "parts": document["parts"]}

    def score(self, job: Job, part: Mapping[str, Any]) -> dict[str, Any]:
        """Score one part, unless that is done; of a job that is finished, answer the manifest."""
        finished = find_published(job, self._store, self._slug)
        if finished is not None:
            return finished
        plan = self._get_plan(job)
        try:
            return score_part(self._model, job, self._store, (plan, part))
        except (NotFoundError, ObjectChangedError) as error:
            return self.fail(job, reason_of(error))

    def collect(self, job: Job) -> dict[str, Any]:
        """Publish a scored job, unless that is done."""
        finished = find_settled(job, self._store, self._slug)
        if finished is not None:
            return finished
        plan = self._get_plan(job)
        scorer = Scorer(self._model, explain=job.explain)
        names = names_of(Layout(self._model.contract, plan["header"], job.carry), scorer)
        try:
            manifest = collect_parts(job, self._store, plan, names=names, price=self._price(job))
        except (NotFoundError, ObjectChangedError) as error:
            return self.fail(job, reason_of(error))
        publish(job, self._store, manifest)
        return manifest

    def give_up(self, job: Job, event: Mapping[str, Any]) -> dict[str, Any]:
        """Fail a job for the reason that a caller gives, or that a part's note gives, or for none of the file's."""
        plan = self._find(job, PLAN)
        refusal = None if plan is None or "reason" in event else find_refusal(job, self._store, plan)
        reason = str(event.get("reason", "a step failed again and again"))
        return self.fail(job, refusal or {"reason": reason, "problems": list(event.get("problems", ()))})

    def fail(self, job: Job, reason: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest of a job that cannot be scored, unless another run of it has scored it meanwhile."""
        finished = find_settled(job, self._store, self._slug)
        if finished is not None:
            return finished
        contract = self._model.contract
        about = {"model": contract.slug, "model_version": contract.version}
        manifest = failed_manifest(job, about, reason, self._price(job))
        publish(job, self._store, manifest)
        return manifest

    def load(self, job: Job, name: str) -> Any:
        """Load a document of the work folder.

        Raises
        ------
        OtherVersionError
            If there is none.
        """
        document = self._find(job, name)
        if document is None:
            raise OtherVersionError("the object has no plan; it has to be made")
        return document

    def _get_plan(self, job: Job) -> dict[str, Any]:
        plan: dict[str, Any] = self.load(job, PLAN)
        if (plan["job"], plan["model_version"]) != (job.digest(), self._model.contract.version):
            raise OtherVersionError("the plan is of another job or model version; it has to be made again")
        return plan

    def _find(self, job: Job, name: str) -> Any:
        content = self._store.find_bytes(job.results_bucket, job.work_key(name))
        return None if content is None else json.loads(content)

    def _price(self, job: Job) -> str | None:
        name = "RATECARD_BATCH_EXPLAIN_ROW_PRICE" if job.explain else "RATECARD_BATCH_ROW_PRICE"
        return self._environ.get(name)
