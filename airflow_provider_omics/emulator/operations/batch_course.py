"""The course of a run batch: https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html#batch-concepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from airflow_provider_omics.emulator.errors import ServiceError, ValidationException
from airflow_provider_omics.emulator.faults import Submission
from airflow_provider_omics.emulator.model import operations
from airflow_provider_omics.emulator.operations import batch_settings, run_start
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.records import BatchRun, Members, Run, RunBatch
from airflow_provider_omics.emulator.store import Region
from airflow_provider_omics.resources import RUN

_CREATING = 1.0
_PENDING = 2.0
"""Seconds of the clock in the statuses of these names."""
_PER_START = 0.2
"""Seconds from one start to the next: a batch starts runs at the rate of StartRun, by quota 5 a second."""
_PER_CANCEL = _PER_DELETE = 0.1
"""The same for CancelRun and DeleteRun: 10 a second."""
_ENDING = 1.0
"""Seconds until a batch tells that its last run has ended."""

T = TypeVar("T")


class BatchCourse:
    """One batch on its way.

    :param read_settings: returns the settings of its runs.
    """

    def __init__(self, region: Region, batch: RunBatch, read_settings: Callable[[], list[Members]]) -> None:
        self._region = region
        self._store = region.store
        self._batch = batch
        self._id = str(batch.members["id"])
        self._read_settings = read_settings
        self._turn = 0
        self._end_status: str | None = None
        """The status once no run is active any more."""

    def begin(self) -> None:
        """Set the batch on its way."""
        self._after(_CREATING, self._wait)

    def cancel(self) -> None:
        """Submit no more runs, and cancel those that are active."""
        self._turn += 1
        self._end_status = None
        self._batch.waiting.clear()
        self._change(status="STOPPING")
        self._work(iter(list(self._batch.submitted)), _PER_CANCEL, self._cancel_run, partial(self._end, "CANCELLED"))

    def delete_runs(self) -> None:
        """Delete the runs."""
        self._change(status="RUNS_DELETING")
        self._work(iter(list(self._batch.submitted)), _PER_DELETE, self._delete_run, self._end_deletion)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, unless the batch's course has changed by then."""
        turn = self._turn
        self._store.later(seconds, lambda: action() if self._turn == turn else None)

    def _work(self, items: Iterator[T], seconds: float, do: Callable[[T], bool], then: Callable[[], None]) -> None:
        """Do something with one item after another, each some seconds after the last that there was work with."""
        for item in items:
            if do(item):
                self._after(seconds, partial(self._work, items, seconds, do, then))
                return
        then()

    def _wait(self) -> None:
        self._change(status="PENDING")
        self._after(_PENDING, self._check)

    def _check(self) -> None:
        try:
            settings = self._read_settings()
        except ValidationException as error:
            self._change(status="FAILED", failureReason=error.message, failedTime=self._store.now)
            return
        self._batch.waiting.extend(settings)
        self._change(status="SUBMITTING", totalRuns=len(settings))
        self._work(self._next_settings(), _PER_START, self._submit, self._proceed)

    def _next_settings(self) -> Iterator[Members]:
        while self._batch.waiting:
            yield self._batch.waiting.popleft()

    def _submit(self, setting: Members) -> bool:
        setting_id = setting["runSettingId"]
        try:
            if error := self._store.faults.meet_submission("StartRun", setting_id):
                raise error
            run = self._start(setting)
        except ServiceError as error:
            members = {"runSettingId": setting_id, "submissionStatus": "FAILED", **_told(error)}
            self._batch.submitted.add(setting_id, BatchRun(members))
            self._batch.submissions["failedStartSubmissionCount"] += 1
            return True
        members = {
            "runSettingId": setting_id,
            "runId": run.members["id"],
            "runArn": run.members["arn"],
            "runInternalUuid": run.members["uuid"],
            "submissionStatus": "SUCCESS",
        }
        self._batch.submitted.add(setting_id, BatchRun(members, run=run))
        self._batch.submissions["successfulStartSubmissionCount"] += 1
        return True

    def _start(self, setting: Members) -> Run:
        asked = batch_settings.request(self._batch.members["defaultRunSetting"], setting)
        asked = {**asked, "batchId": self._id}
        run = run_start.start(Call(self._store, self._region, operations()["StartRun"], asked))
        run.setting_id = setting["runSettingId"]
        run.watch = self._see
        self._batch.runs[run.status] += 1
        return run

    def _proceed(self) -> None:
        self._change(status="INPROGRESS", submittedTime=self._store.now)
        self._end("PROCESSED")

    def _see(self, before: str, now: str) -> None:
        """Count a change of a run's status."""
        self._batch.runs[before] -= 1
        self._batch.runs[now] += 1
        if now in RUN.ended and before not in RUN.ended and self._end_status:
            self._end(self._end_status)

    def _end(self, status: str) -> None:
        """Come to an end as soon as no run is active."""
        self._end_status = status
        if not any(self._batch.runs[each] for each in RUN.progress | RUN.stopping):
            processed = self._store.now if status == "PROCESSED" else None
            self._after(_ENDING, partial(self._change, status=status, processedTime=processed))

    def _cancel_run(self, submitted: BatchRun) -> bool:
        run = submitted.run
        if run is None or run.status in RUN.ended:
            return False
        self._act(submitted, "CancelRun", run.course.cancel)
        return True

    def _delete_run(self, submitted: BatchRun) -> bool:
        run = submitted.run
        if run is None or self._region.runs.get(run.members["id"]) is not run:
            return False
        self._act(submitted, "DeleteRun", partial(self._region.remove_run, run))
        return True

    def _act(self, submitted: BatchRun, operation: Submission, action: Callable[[], None]) -> None:
        """Do something with a run of the batch, unless a fault says that its submission fails."""
        setting_id, verb = submitted.members["runSettingId"], operation.removesuffix("Run")
        error = self._store.faults.meet_submission(operation, setting_id)
        if error is None:
            action()
        outcome = "FAILED" if error else "SUCCESS"
        told = _told(error) if error else dict.fromkeys(_FAILURE)
        self._batch.submitted.change(setting_id, submissionStatus=f"{verb.upper()}_{outcome}", **told)
        self._batch.submissions[f"{'failed' if error else 'successful'}{verb}SubmissionCount"] += 1

    def _end_deletion(self) -> None:
        failed = self._batch.submissions["failedDeleteSubmissionCount"]
        self._change(status="RUNS_DELETE_FAILED" if failed else "RUNS_DELETED")

    def _change(self, **members: object) -> None:
        self._region.run_batches.change(self._id, **members)


_FAILURE = ("submissionFailureReason", "submissionFailureMessage")


def _told(error: ServiceError) -> dict[str, str | None]:
    return dict(zip(_FAILURE, (error.code, error.message), strict=True))
