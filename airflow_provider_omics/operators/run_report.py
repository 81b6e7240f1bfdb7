"""What is to be said of a run that has ended: in the log, in XCom and in the error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import (
    RunCancelled,
    RunCancelledForGood,
    RunError,
    RunFailed,
    RunFailedForGood,
)
from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.hooks.killing import TRY_ENDED
from airflow_provider_omics.links.omics import RunLink, log_url
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.reports.run import TaskSummary, failed_last, failure, log_streams, name_of, summarize
from airflow_provider_omics.resources import LOG_GROUP, RUN_TASK

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

AFTER_CANCELLATION = "Next: clear the task to start another run; with retry_cancelled=True, retries do so."
FAILED_TASKS = 5
"""How many failed tasks an error names."""
TAIL = "| "
"""What each line of a run's own log begins with, so that no task can write a line that looks like one of Airflow's."""


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
        if self.run["status"] == "DELETED":  # its id may be another run's by now
            return
        try:
            tasks = list(self.hook.iterate(RUN_TASK.list, id=self.run["id"]))
            self._tasks, self.summary = tasks, summarize(tasks, self.run.get("cacheId"))
        except Exception as error:  # whatever it is: it must not hide how the run ended
            self.hook.log.warning("What became of the tasks is unknown: %s", one_line(error))
            return
        self.hook.log.info("Run %s: %s", self.run["id"], self.summary.sentence())
        for name, uri in self.summary.reused_from.items():
            self.hook.log.info("%s was reused from %s", one_line(name), one_line(uri))
        if more := len(self.summary.reused) - len(self.summary.reused_from):
            self.hook.log.info("So were the tasks of %d more names", more)

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
        failed = [self._describe_task(task) for task in failed_last(self._tasks or ())[:FAILED_TASKS]]
        streams = [] if run.get("logLevel") == "OFF" else log_streams(run["id"], failed)
        if run["status"] == "FAILED" and log_lines and streams:
            self._log_tail(streams, log_lines)
        kind = self._kind(retry_cancelled)
        more = [AFTER_CANCELLATION] if kind is RunCancelledForGood else []
        return kind(
            failure(run, failed, self.summary, [*more, *self._where(streams)]),
            run_id=run["id"],
            status=run["status"],
            reason=run.get("failureReason"),
            aws_message=run.get("statusMessage"),
        )

    def _where(self, streams: Sequence[str]) -> Iterator[str]:
        """Yield where to read more of a run that there is."""
        if self.run["status"] == "DELETED":
            return
        meta = self.hook.conn.meta
        yield f"Run: {RunLink.url(meta.region_name, self.run['id'], meta.partition)}"
        for stream in streams[:1]:
            yield f"Log: group {LOG_GROUP}, stream {stream}"
            yield from filter(None, [log_url(meta.region_name, stream, meta.partition)])

    def _kind(self, retry_cancelled: bool) -> type[RunError]:
        if self.run["status"] == "FAILED":
            return RunFailed if reason_of(self.run.get("failureReason")).heals else RunFailedForGood
        ours = TRY_ENDED in self.run.get("tags", {})
        return RunCancelled if ours or retry_cancelled else RunCancelledForGood

    def _describe_task(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a failed task with its message, which the list does not carry."""
        try:
            return {**task, **self.hook.describe(RUN_TASK, id=self.run["id"], taskId=task["taskId"])}
        except Exception as error:
            self.hook.log.warning("Why %s failed is unknown: %s", one_line(name_of(task)), one_line(error))
            return task

    def _log_tail(self, streams: Sequence[str], lines: int) -> None:
        """Log the end of the failed task's log, else of the engine's: here only, since it may hold patients' data."""
        from airflow_provider_omics.hooks import run_logs

        if found := run_logs.tail(self.hook, LOG_GROUP, streams, lines):
            stream, text = found
            shown = "\n".join(TAIL + one_line(line) for line in text)
            self.hook.log.info("The end of %s, stream %s:\n%s", LOG_GROUP, one_line(stream), shown)
