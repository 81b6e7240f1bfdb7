"""What is to be said of a run that has ended: in the log, in XCom and in the error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import (
    OmicsError,
    RunCancelled,
    RunCancelledForGood,
    RunError,
    RunFailed,
    RunFailedForGood,
)
from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.hooks.killing import TRY_ENDED
from airflow_provider_omics.links.omics import RunLink
from airflow_provider_omics.reports.run import TaskSummary, failure, log_streams, redacted, summarize
from airflow_provider_omics.resources import LOG_GROUP, RUN_TASK

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

FAILED_TASKS = 5
"""How many failed tasks an error names."""


@dataclass
class RunReport:
    """Read what became of a run's tasks; what may not be read never hides how the run ended.

    :param hook: the client
    :param run: the description of the run
    """

    hook: OmicsHook
    run: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._tasks: Sequence[Mapping[str, Any]] | None = None
        self.summary: TaskSummary | None = None
        """Which tasks were computed and reused; None if the tasks may not be listed."""
        try:
            self._tasks = list(self.hook.iterate(RUN_TASK.list, id=self.run["id"]))
        except OmicsError as error:
            self.hook.log.warning("What became of the tasks is unknown: %s", error)
        else:
            self.summary = summarize(self._tasks, self.run.get("cacheId"))
            self.hook.log.info("Run %s: %s", self.run["id"], self.summary.sentence())

    def outputs(self) -> Any:
        """Return what the run declares as its outputs."""
        from airflow_provider_omics.hooks import outputs

        return outputs.of_run(self.hook, self.run["runOutputUri"]) if "runOutputUri" in self.run else None

    def error(self, *, log_lines: int, retry_cancelled: bool) -> RunError:
        """Return the error that the run's end means, and log the last lines of what it logged itself.

        :param log_lines: how many lines
        :param retry_cancelled: whether a run that somebody else cancelled may be started again
        """
        run = self.run
        listed = [task for task in self._tasks or () if task["status"] == "FAILED"][:FAILED_TASKS]
        failed = [self._describe_task(task) for task in listed]
        streams = log_streams(run["id"], failed)
        if run["status"] == "FAILED" and log_lines:
            self._log_tail(streams, log_lines)
        meta = self.hook.conn.meta
        links = [
            f"Run: {RunLink.url(meta.region_name, run['id'], meta.partition)}",
            f"Log: group {LOG_GROUP}, stream {streams[0]}",
        ]
        return self._kind(retry_cancelled)(
            failure(run, failed, self.summary, links),
            run_id=run["id"],
            status=run["status"],
            reason=run.get("failureReason"),
            aws_message=redacted(run["statusMessage"]) if "statusMessage" in run else None,
        )

    def _kind(self, retry_cancelled: bool) -> type[RunError]:
        if self.run["status"] == "FAILED":
            return RunFailed if reason_of(self.run.get("failureReason")).heals else RunFailedForGood
        ours = TRY_ENDED in self.run.get("tags", {})
        return RunCancelled if ours or retry_cancelled else RunCancelledForGood

    def _describe_task(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a failed task with its message, which the list does not carry."""
        try:
            return {**task, **self.hook.describe(RUN_TASK, id=self.run["id"], taskId=task["taskId"])}
        except OmicsError as error:
            self.hook.log.warning("Why task %s failed is unknown: %s", task["name"], error)
            return task

    def _log_tail(self, streams: Sequence[str], lines: int) -> None:
        """Log the end of the failed task's log, else of the engine's: here only, since it may hold patients' data."""
        from airflow_provider_omics.hooks import run_logs

        if found := run_logs.tail(self.hook, LOG_GROUP, streams, lines):
            stream, text = found
            self.hook.log.info("The end of %s, stream %s:\n%s", LOG_GROUP, stream, redacted("\n".join(text)))
