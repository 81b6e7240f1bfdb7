"""What is to be said of the samples of a run batch: in the log, in XCom and in the error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions import (
    NotFound,
    OmicsError,
    RunBatchCancelled,
    RunBatchCancelledForGood,
    RunBatchError,
    RunBatchFailed,
    RunBatchFailedForGood,
)
from airflow_provider_omics.hooks.killing import TRY_ENDED
from airflow_provider_omics.reports.run import summarize
from airflow_provider_omics.reports.run_batch import NOT_STARTED, Sample, counts, failure, rows
from airflow_provider_omics.resources import RUN, RUN_TASK

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

DESCRIBED = 100
"""How many runs are asked one by one why they failed, or where the list does not show them."""

LAG = timedelta(minutes=5)
"""How long after its end the lists may still lack some of a batch's runs: AWS says no more than that they lag."""


@dataclass
class RunBatchReport:
    """Read what became of the samples of a batch, and of the batches of earlier tries that it completes.

    ListRunsInBatch and ListRuns take one call each for 100 runs; a run that failed takes one more, up to
    :data:`DESCRIBED`.

    :param hook: the client
    :param batches: the descriptions of the batches, the oldest first; a sample's row is that of its last one
    :param retry_cancelled: whether runs that somebody else ended may be started again
    """

    hook: OmicsHook
    batches: Sequence[Mapping[str, Any]]
    retry_cancelled: bool
    samples: dict[str, Sample] = field(init=False)
    """What became of each sample, by its ``runSettingId``."""

    def __post_init__(self) -> None:
        self._described = count(1)
        self._read = {
            batch["id"]: {sample.run_setting_id: sample for sample in self._of(batch)} for batch in self.batches
        }
        self.samples = {}
        for samples in self._read.values():
            self.samples.update(samples)

    @property
    def batch(self) -> Mapping[str, Any]:
        """The last batch."""
        return self.batches[-1]

    @property
    def total(self) -> int:
        """How many samples there are, with those that were never submitted."""
        return max(len(self.samples), *(batch.get("totalRuns") or 0 for batch in self.batches))

    @property
    def counts(self) -> dict[str, int]:
        """How many samples ended how."""
        return counts(self.samples.values(), self.total)

    @property
    def unsettled(self) -> int:
        """How many runs of the last batch have not ended, or are not listed yet, as far as AWS tells."""
        samples = self._read[self.batch["id"]]
        active = sum(sample.active for sample in samples.values())
        missing = (self.batch.get("totalRuns") or 0) - len(samples)
        processed = self.batch.get("processedTime")
        lags = processed is not None and self.hook.service_time - processed < LAG
        return active + (missing if lags else 0)

    def is_good(self, accepted: float) -> bool:
        """Tell whether no more samples than accepted did not complete.

        :param accepted: a number of samples, or below 1 a share of them
        """
        total, completed = self.total, self.counts["completed"]
        missed = total - completed
        return total > 0 and (missed <= accepted if isinstance(accepted, int) else missed / total <= accepted)

    # --- reading

    def _of(self, batch: Mapping[str, Any]) -> Iterator[Sample]:
        statuses = {run["id"]: run["status"] for run in self.hook.iterate(RUN.list, batchId=batch["id"])}
        for item in self.hook.iterate("ListRunsInBatch", batchId=batch["id"]):
            sample = Sample(
                item["runSettingId"],
                batch["id"],
                NOT_STARTED,
                run_id=item.get("runId"),
                arn=item.get("runArn"),
                uuid=item.get("runInternalUuid"),
                reason=item.get("submissionFailureReason"),
                message=item.get("submissionFailureMessage"),
            )
            yield sample if sample.run_id is None else self._of_run(sample, statuses.get(sample.run_id), batch)

    def _of_run(self, sample: Sample, status: str | None, batch: Mapping[str, Any]) -> Sample:
        sample = replace(sample, status=status or "DELETED", reason=None, message=None)
        if (status is None or status == "FAILED") and next(self._described) <= DESCRIBED:
            sample = self._described_run(sample)
        ended_by_others = TRY_ENDED not in batch.get("tags", {}) and not self.retry_cancelled
        return replace(sample, unwanted=ended_by_others and sample.status in ("CANCELLED", "DELETED"))

    def _described_run(self, sample: Sample) -> Sample:
        try:
            run = self.hook.describe(RUN, id=sample.run_id)
        except NotFound:
            return sample
        except OmicsError as error:
            self.hook.log.warning("Why run %s failed is unknown: %s", sample.run_id, error)
            return sample
        if run["uuid"] != sample.uuid:  # AWS gives the ids of deleted runs to new ones
            return replace(sample, status="DELETED")
        return replace(sample, status=run["status"], reason=run.get("failureReason"), message=run.get("statusMessage"))

    def count_tasks(self, most: int) -> None:
        """Count the tasks that each run computed and reused, by a call for each run.

        :param most: of how many runs at most; where there are more, of none
        """
        started = [
            sample for sample in self.samples.values() if sample.run_id is not None and sample.status != "DELETED"
        ]
        if len(started) > most:
            return
        cache_id = self.batch["defaultRunSetting"].get("cacheId")
        for sample in started:
            try:
                summary = summarize(self.hook.iterate(RUN_TASK.list, id=sample.run_id), cache_id)
            except OmicsError as error:
                self.hook.log.warning("What became of the tasks is unknown: %s", error)
                return
            self.samples[sample.run_setting_id] = replace(
                sample, tasks_computed=summary.tasks_computed, tasks_reused=summary.tasks_reused
            )

    # --- telling

    def result(self) -> dict[str, Any]:
        """Return what goes into XCom."""
        runs = rows(list(self.samples.values()))
        return {
            **{member: self.batch.get(member) for member in ("id", "arn", "uuid", "status")},
            "batch_ids": [batch["id"] for batch in self.batches],
            "counts": self.counts,
            "runs": runs,
            "runs_left_out": len(self.samples) - len(runs),
        }

    def error(self, *, retry_failed: bool) -> RunBatchError:
        """Return the error that the batches' end means.

        :param retry_failed: whether a retry starts only what is left
        """
        samples, kind = list(self.samples.values()), self._kind()
        return kind(
            failure(self.batch, samples, self.counts, self._retry(kind, retry_failed)),
            batch_id=self.batch["id"],
            status=self.batch["status"],
            counts=self.counts,
            failed=rows([sample for sample in samples if not sample.completed]),
        )

    def _kind(self) -> type[RunBatchError]:
        if self.batch["status"] not in ("PROCESSED", "FAILED"):
            ours = TRY_ENDED in self.batch.get("tags", {})
            return RunBatchCancelled if ours or self.retry_cancelled else RunBatchCancelledForGood
        return RunBatchFailed if self.left or not self.total else RunBatchFailedForGood

    @property
    def left(self) -> int:
        """How many samples a retry may bring to a better end."""
        return self.total - sum(sample.completed or not sample.heals for sample in self.samples.values())

    def _retry(self, kind: type[RunBatchError], retry_failed: bool) -> str:
        if issubclass(kind, AirflowFailException):
            return "No retry would change that."
        cache_id = self.batch["defaultRunSetting"].get("cacheId")
        cache = f"on run cache {cache_id}" if cache_id else "without a run cache"
        left = "1 sample that is" if self.left == 1 else f"{self.left} samples that are"
        which = f"the {left} left" if retry_failed and self.left < self.total else "all samples"
        return f"A retry starts {which}, {cache}."
