"""What became of a run's tasks, and why a run failed, in words: pure functions, no calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.resources import LOG_GROUP as LOG_GROUP
from airflow_provider_omics.resources import LOG_STREAMS, RUN_TASK

SIGNED = re.compile(
    r"((?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|\bSignature)=)[^&\s\"']+", re.IGNORECASE
)
"""What makes a URL a key to somebody's data, in version 4 and in version 2 of AWS's signatures."""


def redacted(text: str) -> str:
    """Return a text without what presigned URLs are signed with."""
    return SIGNED.sub(r"\1[redacted]", text)


def log_streams(run_id: str, failed_tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the streams that tell most of a failure: the first failed task's, and the engine's."""
    tasks = [LOG_STREAMS["task"].format(id=run_id, taskId=task["taskId"]) for task in failed_tasks[:1]]
    return [*tasks, LOG_STREAMS["engine"].format(id=run_id)]


@dataclass(frozen=True)
class TaskSummary:
    """The tasks of a run, by what became of them: names and how often each occurs."""

    cache_id: str | None
    computed: Mapping[str, int] = field(default_factory=dict)
    reused: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def tasks_computed(self) -> int:
        """How many tasks completed without the cache."""
        return sum(self.computed.values())

    @property
    def tasks_reused(self) -> int:
        """How many tasks the cache spared."""
        return sum(self.reused.values())

    def plain(self) -> dict[str, Any]:
        """Return it as JSON for XCom."""
        return {
            "cache_id": self.cache_id,
            "computed": dict(self.computed),
            "reused": dict(self.reused),
            "failed": dict(self.failed),
        }

    def sentence(self) -> str:
        """Say how much was reused, and from where."""
        if self.cache_id is None:
            return f"{counted(self.tasks_computed)} computed; the run used no cache"
        total = self.tasks_computed + self.tasks_reused + sum(self.failed.values())
        was = "was" if self.tasks_reused == 1 else "were"
        return f"{self.tasks_reused} of {total} tasks {was} reused from cache {self.cache_id}"


def summarize(tasks: Iterable[Mapping[str, Any]], cache_id: str | None) -> TaskSummary:
    """Summarize the items of ListRunTasks."""
    names: dict[str, Counter[str]] = {"computed": Counter(), "reused": Counter(), "failed": Counter()}
    for task in tasks:
        if task["status"] in RUN_TASK.succeeded:
            names["reused" if task.get("cacheHit") else "computed"][task["name"]] += 1
        elif task["status"] == "FAILED":
            names["failed"][task["name"]] += 1
    return TaskSummary(cache_id, **names)


def counted(tasks: int) -> str:
    """Return ``1 task was`` or ``4 tasks were``."""
    return "1 task was" if tasks == 1 else f"{tasks} tasks were"


def failure(
    run: Mapping[str, Any],
    failed_tasks: Sequence[Mapping[str, Any]],
    summary: TaskSummary | None,
    links: Sequence[str],
) -> str:
    """Say why a run did not complete, as a colleague would.

    :param run: the description of GetRun
    :param failed_tasks: the descriptions of GetRunTask of those that failed
    :param summary: what became of the tasks; None where that is not known
    :param links: where to read more
    """
    reason = run.get("failureReason")
    lines = [f"HealthOmics run {run['id']} ended as {run['status']}" + (f": {reason}." if reason else ".")]
    if run.get("statusMessage"):
        lines.append(f"AWS says: {redacted(run['statusMessage'])}")
    for task in failed_tasks:
        says = task.get("statusMessage") or task.get("failureReason") or "no message"
        lines.append(f"Task {task['name']} ({task['taskId']}) failed: {redacted(says)}")
    if run["status"] == "FAILED":
        known = reason_of(reason)
        lines += [f"Most likely it is for {known.owner}: {known.cause}", f"Next: {known.action}"]
    lines += [_retry(run, summary), *links]
    return "\n".join(lines)


def _retry(run: Mapping[str, Any], summary: TaskSummary | None) -> str:
    """Say what a retry would have to compute."""
    cache, known = run.get("cacheId"), reason_of(run.get("failureReason"))
    done = f"{summary.sentence()}. " if summary else ""
    if cache is None:
        return f"{done}A retry computes everything again."
    if not known.saved:
        return f"{done}After {run['failureReason']} AWS saves nothing: a retry computes everything that was not reused."
    if summary is None:
        return f"What had completed is saved to its run cache {cache}: a retry on it reuses that."
    if not summary.tasks_computed:
        return f"{done}No other task had completed, so that nothing new is saved."
    return f"{done}{counted(summary.tasks_computed)} computed and saved to it: a retry on it reuses that."
