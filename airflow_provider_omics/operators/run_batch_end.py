"""Operators that end run batches and forget them; the one that starts them stands in
:mod:`airflow_provider_omics.operators.run_batch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import Conflict, RunBatchNotDeleted, ValidationFailed
from airflow_provider_omics.operators.ending import OmicsCancellingOperator, OmicsDeletingOperator
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import RUN_BATCH, RUNS_OF_BATCH

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

NAMED = 5
"""How many runs that could not be deleted an error names."""


class CancelRunBatchOperator(OmicsCancellingOperator):
    """Cancel a run batch: start no more of its runs, cancel those that are active, and wait until all have ended.

    What had completed stays, and is saved to the run cache, if the batch has one. AWS cancels batches that are
    PENDING, SUBMITTING or INPROGRESS; for one that is still CREATING the call is repeated for up to a minute. One that
    has ended before the cancellation takes effect is no error either: ``status`` tells how it ended. Once AWS has
    accepted, nothing calls it off, so that ``cancel_on_kill`` and ``on_timeout`` change nothing here. Needs boto3
    1.42.74 or later.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``uuid`` and ``status``.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_CancelRunBatch.html

    :param batch_id: the id of the batch (templated)
    :param ended_ok: take a batch that has ended already for cancelled
    """

    operation = "CancelRunBatch"
    resource = RUN_BATCH
    members = {"batch_id": "batchId"}
    permissions = ("CancelRunBatch", "CancelRun", "GetBatch")

    def __init__(self, *, batch_id: str, ended_ok: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.ended_ok = ended_ok


class DeleteRunBatchOperator(OmicsWaitingOperator):
    """Delete what HealthOmics knows of the runs of a batch, and wait until it is gone.

    Their outputs in S3 and their logs in CloudWatch stay, and so does the batch itself: ``DeleteBatchOperator`` deletes
    that, afterwards. AWS deletes the runs of batches that are PROCESSED or CANCELLED. Runs that AWS cannot delete fail
    the task with :class:`~airflow_provider_omics.exceptions.RunBatchNotDeleted`, which names some of them. Once AWS has
    accepted, nothing calls it off, so that ``cancel_on_kill`` and ``on_timeout`` change nothing here. Needs boto3
    1.42.74 or later.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``uuid`` and ``status``, and ``deleted``,
    the number of runs that AWS has deleted so far.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteRunBatch.html

    :param batch_id: the id of the batch (templated)
    """

    operation = "DeleteRunBatch"
    resource = RUNS_OF_BATCH
    members = {"batch_id": "batchId"}
    permissions = ("DeleteRunBatch", "DeleteRun", "GetBatch", "ListRunsInBatch")

    def __init__(self, *, batch_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the runs; a try before this one may have asked for it already."""
        try:
            self.hook.call(self.operation, **request)
        except (Conflict, ValidationFailed):
            batch = self.hook.describe(RUN_BATCH, **request)
            if batch["status"] == "RUNS_DELETE_FAILED":  # which AWS does not try again
                return self.outcome(context, batch)
            if batch["status"] not in ("RUNS_DELETING", "RUNS_DELETED"):
                raise
            self.log.info("The runs of batch %s are %s already", request["batchId"], batch["status"])
        else:
            self.log.info("AWS has accepted to delete the runs of batch %s", request["batchId"])
        if self.wait_for_completion:
            return self.wait(context, {"id": request["batchId"]})
        return self._result(self.hook.describe(RUN_BATCH, **request))

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Return the result, or say which runs are still there."""
        result = self._result(description)
        if description["status"] in RUNS_OF_BATCH.succeeded:
            self.log.info("Deleted %s runs. Their outputs in S3 and their logs stay.", result["deleted"])
            return result
        failed = self._not_deleted(description)
        names = ", ".join(f"{one_line(each['runSettingId'])} (run {each.get('runId')})" for each in failed[:NAMED])
        more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
        says = next((each["submissionFailureMessage"] for each in failed if "submissionFailureMessage" in each), None)
        raise RunBatchNotDeleted(
            f"Run batch {description['id']} ended as {description['status']}: of its runs {result['deleted']} were "
            f"deleted, {len(failed)} not: {names}{more}. AWS says: {one_line(says or 'no message')}. Next: delete "
            "these with DeleteRunOperator when what AWS names is mended.",
            batch_id=description["id"],
            status=description["status"],
        )

    def _not_deleted(self, batch: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(self.hook.iterate("ListRunsInBatch", batchId=batch["id"], submissionStatus="DELETE_FAILED"))

    @staticmethod
    def _result(batch: Mapping[str, Any]) -> dict[str, Any]:
        deleted = batch.get("submissionSummary", {}).get("successfulDeleteSubmissionCount", 0)
        return {**{member: batch.get(member) for member in ("id", "arn", "uuid", "status")}, "deleted": deleted}


class DeleteBatchOperator(OmicsDeletingOperator):
    """Delete what HealthOmics knows of a run batch that has ended; its runs stay.

    Delete the runs first, with ``DeleteRunBatchOperator``, if they are to go too: without the batch they are found one
    by one only. A batch that has not ended is refused by AWS. Needs boto3 1.42.74 or later.

    The result: ``id`` and ``deleted`` (whether this task deleted it).

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteBatch.html

    :param batch_id: the id of the batch (templated)
    :param missing_ok: take a batch that does not exist for deleted, as for a retry whose first try lost AWS's answer
    """

    operation = "DeleteBatch"
    title = RUN_BATCH.title
    stays = "Its runs, their outputs in S3 and their logs stay."
    members = {"batch_id": "batchId"}
    permissions = ("DeleteBatch",)

    def __init__(self, *, batch_id: str, missing_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.missing_ok = missing_ok
