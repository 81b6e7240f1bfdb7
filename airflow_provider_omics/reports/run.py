"""What became of a run's tasks, and why a run failed, in words: pure functions, no calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_omics.failures import REASONS, reason_of
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import LOG_STREAMS, RUN_TASK

NEVER = datetime.fromtimestamp(0, UTC)
"""Stands for a time that an item does not tell."""

URIS = 100
"""Of how many names a summary tells where they were reused from."""


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
    reused_from: Mapping[str, str] = field(default_factory=dict)
    """The ``cacheS3Uri`` of reused tasks: of each name the first one, and of :data:`URIS` names."""

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
            "reused_from": dict(self.reused_from),
        }

    def sentence(self) -> str:
        """Say how much was reused, and from where."""
        if self.cache_id is None:
            return f"{counted(self.tasks_computed)} computed; the run used no cache"
        total = self.tasks_computed + self.tasks_reused + sum(self.failed.values())
        was = "was" if self.tasks_reused == 1 else "were"
        return f"{self.tasks_reused} of {total} tasks {was} reused from cache {self.cache_id}"


def summarize(items: Iterable[Mapping[str, Any]], cache_id: str | None) -> TaskSummary:
    """Summarize the items of ListRunTasks; a try that a later one of the same name made good does not count."""
    tasks = list(items)
    names: dict[str, Counter[str]] = {"computed": Counter(), "reused": Counter(), "failed": Counter()}
    reused_from: dict[str, str] = {}
    for task in tasks:
        if task["status"] in RUN_TASK.succeeded:
            names["reused" if task.get("cacheHit") else "computed"][name_of(task)] += 1
        if task.get("cacheHit") and "cacheS3Uri" in task and len(reused_from) < URIS:
            reused_from.setdefault(name_of(task), task["cacheS3Uri"])
    made_good = _made_good(tasks)
    names["failed"] = Counter(name_of(task) for task in tasks if task["status"] == "FAILED" and not made_good(task))
    return TaskSummary(cache_id, **names, reused_from=reused_from)


def name_of(task: Mapping[str, Any]) -> str:
    """Return the name of a task; the API's model promises none."""
    return str(task.get("name", f"task {task.get('taskId')}"))


def failed_last(tasks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the failed items of ListRunTasks: first those that no other try made good, each time the latest first.

    AWS and workflow engines try a task again, as one of another id, so that even a run that completed may have failed
    tasks: https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html.
    """
    failed = [task for task in tasks if task["status"] == "FAILED"]
    latest = sorted(failed, key=lambda task: task.get("stopTime", NEVER), reverse=True)
    return sorted(latest, key=_made_good(tasks))


def _made_good(tasks: Iterable[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], bool]:
    """Return what tells whether a task of the same name succeeded that was created after a failed one's end."""
    latest: dict[str, datetime] = {}
    for task in tasks:
        if task["status"] in RUN_TASK.succeeded and "creationTime" in task:
            latest[name_of(task)] = max(task["creationTime"], latest.get(name_of(task), NEVER))
    return lambda failed: "stopTime" in failed and latest.get(name_of(failed), NEVER) >= failed["stopTime"]


def counted(tasks: int) -> str:
    """Return ``1 task was`` or ``4 tasks were``."""
    return "1 task was" if tasks == 1 else f"{tasks} tasks were"


def failure(
    run: Mapping[str, Any],
    failed_tasks: Sequence[Mapping[str, Any]],
    summary: TaskSummary | None,
    more: Sequence[str],
) -> str:
    """Say why a run did not complete, as a colleague would.

    :param run: the description of GetRun
    :param failed_tasks: the descriptions of GetRunTask of those that failed
    :param summary: what became of the tasks; None where that is not known
    :param more: what else there is to say, e.g. where to read more
    """
    reason = run.get("failureReason")
    because = f": {one_line(reason)}." if reason else "."
    lines = [f"HealthOmics run {run['id']} ended as {one_line(run['status'])}{because}"]
    if run.get("statusMessage"):
        lines.append(f"AWS says: {one_line(run['statusMessage'])}")
    for task in failed_tasks:
        own = task.get("failureReason")
        says = ": ".join(filter(None, [own if own != reason else None, task.get("statusMessage") or "no message"]))
        lines.append(f"Task {one_line(name_of(task))} ({task['taskId']}) failed: {one_line(says)}")
    telling = _most_telling(reason, failed_tasks)
    if run["status"] == "FAILED":
        known = reason_of(telling)
        lines += [f"Most likely it is for {known.owner}: {known.cause}", f"Next: {known.action}"]
    lines += [_retry(run, summary, telling), *more]
    return "\n".join(lines)


def _most_telling(reason: str | None, failed_tasks: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the run's reason; where that only says that a task failed, the task's own, if it is known."""
    own = failed_tasks[0].get("failureReason") if failed_tasks and reason == "RUN_TASK_FAILED" else None
    return own if own in REASONS else reason


def _retry(run: Mapping[str, Any], summary: TaskSummary | None, reason: str | None) -> str:
    """Say what a retry would have to compute after the most telling reason."""
    cache = run.get("cacheId")
    done = f"{summary.sentence()}. " if summary else ""
    if cache is None:
        return f"{done}A retry computes everything again."
    if not reason_of(reason).saved:
        return f"{done}After {reason} AWS saves nothing: a retry computes everything that was not reused."
    if summary is None:
        return f"What had completed is saved to its run cache {cache}: a retry on it reuses that."
    if not summary.tasks_computed:
        return f"{done}No other task had completed, so that nothing new is saved."
    return f"{done}{counted(summary.tasks_computed)} computed and saved to it: a retry on it reuses that."
