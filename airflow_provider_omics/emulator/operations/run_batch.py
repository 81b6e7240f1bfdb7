"""Run batches: https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html.

botocore knows them from 1.42.74 on; before that the emulator has no such operations.
"""

from __future__ import annotations

from uuid import uuid4

from airflow_provider_omics.emulator.errors import ConflictException, ResourceNotFoundException, ValidationException
from airflow_provider_omics.emulator.operations import batch_settings, run_group, run_start
from airflow_provider_omics.emulator.operations.batch_course import BatchCourse
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members, RunBatch
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.resources import RUN, RUN_BATCH

_CANCELLABLE = frozenset({"PENDING", "SUBMITTING", "INPROGRESS"})
_RUNS_DELETABLE = frozenset({"PROCESSED", "CANCELLED"})


def start_run_batch(call: Call) -> Members:
    """Start a batch; what its runs share is checked at once, and each run when it is submitted."""
    region, shared = call.region, call.parameters["defaultRunSetting"]
    tags = check_tags(call.parameters.get("tags", {}))
    if shared.get("workflowType") == "READY2RUN":
        raise ValidationException("Batches are not available for Ready2Run workflows: start each run by itself.")
    run_start.workflow_of(call, shared)
    run_start.cache_of(call, shared)
    run_start.check_size(shared.get("parameters"))
    if "runGroupId" in shared:
        run_group.find(call, shared["runGroupId"])
    read_settings = batch_settings.reader(call)
    batch_id = region.new_id(RUN_BATCH)
    members = {
        "id": batch_id,
        "arn": region.arn(RUN_BATCH, batchId=batch_id),
        "uuid": str(uuid4()),
        "status": "CREATING",
        "defaultRunSetting": shared,
        "workflowId": shared["workflowId"],
        "creationTime": call.store.creation_time(),
        "createdAt": call.store.creation_time(),
        "tags": tags,
        **({"name": call.parameters["batchName"]} if "batchName" in call.parameters else {}),
        **({"runGroupId": shared["runGroupId"]} if "runGroupId" in shared else {}),
    }
    batch = RunBatch(members, submitted=Table(call.store, "submissionStatus", "runSettingId", "runId"))
    region.run_batches.add(batch_id, batch)
    region.tagged[members["arn"]] = (region.run_batches, batch_id)
    batch.course = BatchCourse(region, batch, read_settings)
    batch.course.begin()
    return members


def get_batch(call: Call) -> Members:
    """Describe a batch.

    As in AWS's sample, counts of cancelled and deleted runs are shown once there are any.
    """
    batch = _find(call)
    started = {"successfulStartSubmissionCount": 0, "failedStartSubmissionCount": 0}
    return {
        **batch.members,
        "submissionSummary": {
            **started,
            **batch.submissions,
            "pendingStartSubmissionCount": len(batch.waiting),
        },
        "runSummary": {f"{status.lower()}RunCount": batch.runs[status] for status in sorted(RUN.statuses)},
    }


def list_batch(call: Call) -> Members:
    """List the batches, the oldest first."""
    return call.page(call.region.run_batches, *_filter(call, "status", "name", "runGroupId"))


def list_runs_in_batch(call: Call) -> Members:
    """List the runs whose submission was tried so far; that others are not listed is an assumption."""
    page = call.page(_find(call).submitted, *_filter(call, "submissionStatus", "runSettingId", "runId"))
    return {"runs": page["items"], "nextToken": page["nextToken"]}


def cancel_run_batch(call: Call) -> Members:
    """Cancel the runs of a batch, and submit no more of them."""
    _find(call, "CancelRunBatch", _CANCELLABLE).course.cancel()
    return {}


def delete_run_batch(call: Call) -> Members:
    """Delete the runs of a batch; the batch itself stays."""
    _find(call, "DeleteRunBatch", _RUNS_DELETABLE).course.delete_runs()
    return {}


def delete_batch(call: Call) -> Members:
    """Delete what HealthOmics knows of a batch; its runs stay."""
    batch = _find(call, "DeleteBatch", RUN_BATCH.ended)
    call.region.run_batches.remove(batch.members["id"])
    del call.region.tagged[batch.members["arn"]]
    return {}


def _find(call: Call, action: str = "", allowed: frozenset[str] = RUN_BATCH.statuses) -> RunBatch:
    """Return the batch that a call names.

    :param action: what is to be done with it, for the message.
    :param allowed: the statuses in which that can be done.
    :raises ResourceNotFoundException: if there is none.
    :raises ConflictException: if it has another status.
    """
    batch_id = call.parameters["batchId"]
    batch = call.region.run_batches.get(batch_id)
    if batch is None:
        raise ResourceNotFoundException(
            f"Account {call.region.account} has no run batch {batch_id} in {call.region.name}."
        )
    if batch.status not in allowed:
        raise ConflictException(
            f"Run batch {batch_id} is {batch.status}; {action} is for one that is {', '.join(sorted(allowed))}."
        )
    return batch


def _filter(call: Call, *names: str) -> list[str]:
    """Return the filter of a call; the API refuses several, with an error that is not documented."""
    given = [name for name in names if name in call.parameters]
    if len(given) > 1:
        raise ValidationException(f"{call.operation.name} takes one filter; this call has {', '.join(given)}.")
    return given
