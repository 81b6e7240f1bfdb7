"""What is to be said of the samples of a run batch: in the log, in XCom and in the error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions import (
    AnswerUnreadable,
    NotFound,
    OmicsError,
    RunBatchCancelled,
    RunBatchCancelledForGood,
    RunBatchError,
    RunBatchFailed,
    RunBatchFailedForGood,
)
from airflow_provider_omics.hooks.killing import TRY_ENDED
from airflow_provider_omics.operators import comparison
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.reports.run import summarize
from airflow_provider_omics.reports.run_batch import NOT_STARTED, Sample, counts, failure, rows
from airflow_provider_omics.resources import RUN, RUN_BATCH, RUN_TASK

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

Expected = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""The settings that runs must have, by the id of their batch and their ``runSettingId``."""

DESCRIBED = 100
"""How many runs are described one by one: why they failed or where the list does not show them, and as many to compare
them with their settings."""

LAG = timedelta(minutes=5)
"""How long after its end the lists may still lack some of a batch's runs: AWS says no more than that they lag."""


@dataclass
class RunBatchReport:
    """Read what became of the samples of a batch, and of the batches of earlier tries that it completes.

    ListRunsInBatch and ListRuns take one call each for 100 runs; a sample whose last run failed, or is not listed,
    takes one more, up to :data:`DESCRIBED`.

    :param hook: the client
    :param batches: the descriptions of the batches, the oldest first; a sample's row is that of its last one
    :param retry_cancelled: whether runs that somebody else ended may be started again
    :param expected: the settings of the runs of batches that earlier tries started: a run that was started with others
        counts as not started
    """

    hook: OmicsHook
    batches: Sequence[Mapping[str, Any]]
    retry_cancelled: bool
    expected: Expected = field(default_factory=dict)
    samples: dict[str, Sample] = field(init=False)
    """What became of each sample, by its ``runSettingId``."""

    def __post_init__(self) -> None:
        self._listed: dict[str, int] = {}
        self._replaced: dict[str, list[Sample]] = {}
        self.copied = 0
        self.samples = {}
        for batch in self.batches:
            samples = list(self._of(batch))
            self._listed[batch["id"]] = len(samples)
            if len(samples) == batch.get("totalRuns"):  # what it does not hold was left out of it, not cut off
                self._leave_out()
            for sample in samples:
                if (older := self.samples.get(sample.run_setting_id)) is not None:
                    self._replaced.setdefault(sample.run_setting_id, []).append(older)
                self.samples[sample.run_setting_id] = sample
        self._describe()

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
        """How many runs have not ended, or are not listed yet though their batch is processed, as far as AWS tells."""
        active = sum(sample.active for sample in self.samples.values())
        return active + sum(self._missing(batch) for batch in self.batches if self._lags(batch))

    @property
    def unlisted(self) -> int:
        """How many samples of batches that were not processed are not listed: not yet, or never submitted."""
        return sum(self._missing(batch) for batch in self.batches if batch["status"] not in RUN_BATCH.succeeded)

    def _missing(self, batch: Mapping[str, Any]) -> int:
        pending: int = batch.get("submissionSummary", {}).get("pendingStartSubmissionCount", 0)
        total: int = batch.get("totalRuns") or 0
        return max(total - self._listed[batch["id"]] - pending, 0)

    def _lags(self, batch: Mapping[str, Any]) -> bool:
        processed = batch.get("processedTime")
        return processed is not None and self.hook.service_time - processed < LAG

    @property
    def is_unwanted(self) -> bool:
        """Whether somebody else ended the last batch, and nobody wants it started again."""
        return self.batch["status"] not in ("PROCESSED", "FAILED") and self._is_others_end(self.batch)

    @property
    def is_final(self) -> bool:
        """Whether no retry would lead to another end."""
        return self.is_unwanted or (self.total > 0 and not self.left)

    def is_good(self, accepted: float) -> bool:
        """Tell whether no more samples than accepted did not complete.

        Of a batch that was cut off every sample must have completed, unless no retry could bring more to a better end.

        :param accepted: a number of samples, or as a float a share of them
        """
        cut_off = self.batch["status"] not in RUN_BATCH.succeeded and self.left > 0
        if cut_off or self.is_unwanted:
            accepted = 0
        total = self.total
        missed = total - self.counts["completed"]
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
        return replace(
            sample,
            status=status or "DELETED",
            reason=None,
            message=None,
            looked_up=status not in (None, "FAILED"),
            others_end=self._is_others_end(batch),
        )

    def _is_others_end(self, batch: Mapping[str, Any]) -> bool:
        return TRY_ENDED not in batch.get("tags", {}) and not self.retry_cancelled

    def _leave_out(self) -> None:
        """Note which failed samples a later try did not start again: it knew that their reasons do not heal."""
        for key, sample in self.samples.items():
            if sample.status == "FAILED":
                self.samples[key] = replace(sample, left_out=True)

    def _describe(self) -> None:
        """Look up what the lists do not tell: first whether a run completed, then why it failed, the newest first."""
        age = {batch["id"]: -number for number, batch in enumerate(self.batches)}
        unknown = [sample for sample in self.samples.values() if sample.run_id is not None and not sample.looked_up]
        unknown.sort(key=lambda sample: (sample.status == "FAILED", age[sample.batch_id]))
        known = [s for s in self.samples.values() if s.run_id and s.looked_up and s.batch_id in self.expected]
        if any(sample.active for sample in known):
            known = []  # compared when all have ended
        for sample in [*unknown[:DESCRIBED], *known[:DESCRIBED]]:
            self.samples[sample.run_setting_id] = self._described_run(sample)

    def _described_run(self, sample: Sample) -> Sample:
        try:
            run = self.hook.describe(RUN, id=sample.run_id)
        except NotFound:
            return replace(sample, looked_up=True)
        except OmicsError as error:
            if isinstance(error, AnswerUnreadable) and sample.batch_id in self.expected:
                return self._replacement(sample, "parameters nested too deeply to be read")
            self.hook.log.warning("How run %s was started, and why it failed, is unknown: %s", sample.run_id, error)
            return sample
        if sample.uuid is not None and run.get("uuid") != sample.uuid:  # AWS gives the ids of deleted runs to new ones
            return replace(sample, status="DELETED", looked_up=True)
        if differing := self._differences(sample, run):
            return self._replacement(sample, differing)
        return replace(
            sample,
            status=run["status"],
            reason=run.get("failureReason"),
            message=run.get("statusMessage"),
            looked_up=True,
        )

    def _before(self, sample: Sample) -> Sample:
        """Return the sample as an older batch left it, or as not started where none did."""
        replaced = self._replaced.get(sample.run_setting_id)
        if not replaced:
            return Sample(sample.run_setting_id, sample.batch_id, NOT_STARTED)
        older = replaced.pop()
        return older if older.run_id is None else self._described_run(older)

    def _differences(self, sample: Sample, run: Mapping[str, Any]) -> str:
        """Return how a run differs from the settings of its sample, in words: batches and tags can be copied."""
        if sample.batch_id not in self.expected:
            return ""
        settings = self.expected[sample.batch_id].get(sample.run_setting_id)
        if settings is None:
            return "no such sample"
        return "; ".join(comparison.differences(settings, run, tagged=True).values())

    def _replacement(self, sample: Sample, differing: str) -> Sample:
        """Return what counts in place of a run that was started with other settings than its sample has."""
        self.copied += 1
        which = sample.run_id, sample.batch_id, one_line(sample.run_setting_id), one_line(differing)
        self.hook.log.warning(
            "Run %s of run batch %s was started with other settings than sample %s has (%s). This task does not "
            "use it.",
            *which,
        )
        return self._before(sample)

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
        if self.is_unwanted:
            return RunBatchCancelledForGood
        if self.is_final:
            return RunBatchFailedForGood
        return RunBatchFailed if self.batch["status"] in ("PROCESSED", "FAILED") else RunBatchCancelled

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
