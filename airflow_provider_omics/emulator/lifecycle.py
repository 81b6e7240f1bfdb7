"""The course of a run, from PENDING to its end: https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html.

What a run does between is the business of an engine, which is a subclass.
"""

from __future__ import annotations

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import caching, logs, queueing, s3
from airflow_provider_omics.emulator.cache_key import Miss
from airflow_provider_omics.emulator.outputs import Outputs, finite
from airflow_provider_omics.emulator.records import CacheEntry, Run, RunTask
from airflow_provider_omics.emulator.store import Region
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.resources import RUN_TASK

log = logging.getLogger(__name__)

BROKEN = "The emulator itself failed; its log has the traceback."
"""The message of a run that fails with SERVICE_ERROR."""


@lru_cache(maxsize=1000)  # so that ten thousand runs share them
def image_digest(image: str) -> str:
    """Return the digest of a container image; there is no registry to ask, so a tag always means the same image."""
    return image.rpartition("@")[2] if "@sha256:" in image else f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


class Course(ABC):
    """One run on its way; everything happens while the store is locked."""

    def __init__(self, region: Region, run: Run) -> None:
        self._region = region
        self._store = region.store
        self._run = run
        self._id = str(run.members["id"])
        self._tasks: Table[RunTask] = run.tasks

    pending: float
    """Seconds of the clock in the status of that name."""
    starting: float
    """As ``pending``."""
    stopping: float
    """As ``pending``."""

    @abstractmethod
    def _execute(self) -> None:
        """Begin to do what the run is there for; it has just become RUNNING."""

    @abstractmethod
    def _outputs(self) -> Outputs:
        """Return the outputs of the run, which has completed."""

    @abstractmethod
    def _outputs_of(self, task: RunTask) -> Outputs:
        """Return what a task has computed, which has completed."""

    def _engine_log(self) -> Iterable[str]:
        """Return what the engine's log file says besides how the run ended."""
        return [f"{task.members['name']} {task.status}" for task in self._run.by_name.values()]

    @abstractmethod
    def _halt(self) -> None:
        """Let nothing go on any more; the run becomes STOPPING."""

    @abstractmethod
    def _clear(self) -> None:
        """Let go of what the run needed; it has ended."""

    def begin(self) -> None:
        """Set the run on its way."""
        if self._run.cache:
            self._run.cache.active_runs[self._id] = None
        if self._run.group:
            queueing.enter(self._run.group, self._run)
            self._after(self.pending, partial(queueing.wait, self._run.group, self._run))
        else:
            self._after(self.pending, self.start)

    def cancel(self) -> None:
        """Stop the run early; what is STOPPING already ends as it was going to (an assumption)."""
        if self._run.status != "STOPPING":
            self._stop("CANCELLED")

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, unless the run's course has changed by then."""
        turn = self._run.turn
        self._store.later(seconds, lambda: action() if self._run.turn == turn else None)

    def start(self) -> None:
        """Let the run leave PENDING."""
        self._change(status="STARTING")
        self._after(self.starting, self._begin_running)

    def _begin_running(self) -> None:
        self._change(status="RUNNING", startTime=self._store.now)
        self._engine_says("Workflow started")
        if self._run.group and (minutes := self._run.group.members.get("maxDuration")):
            message = f"The run took longer than {minutes} minutes, the maximum duration of its run group."
            self._after(minutes * 60, partial(self._stop, "FAILED", "RUN_TIMED_OUT", message))
        self._execute()

    def _create(self, task: RunTask, name: str, container: str | None) -> RunTask:
        """Take in a task of the run; its members are completed here.

        :param name: by which the engine knows it.
        """
        task_id = self._region.new_id(RUN_TASK)
        task.members |= {
            "taskId": task_id,
            "uuid": str(uuid4()),
            "status": "PENDING",
            "cacheHit": False if self._run.cache else None,
            "creationTime": self._store.creation_time(),
        }
        if container is not None:
            task.members["imageDetails"] = {"image": container, "imageDigest": image_digest(container)}
        if self._run.members["logLevel"] != "OFF":
            task.members["logStream"] = logs.stream_arn(self._region, logs.task_stream(self._id, task_id))
        self._run.by_name[name] = task
        return self._tasks.add(task_id, task)

    def _look_up(self, task: RunTask) -> CacheEntry | None:
        """Take a task's outputs from the cache if it has them."""
        cache, task_id = self._run.cache, task.members["taskId"]
        if cache is None or cache.status != "ACTIVE" or not task.cacheable:
            return None
        name = f"name: {task.members['name']}"
        found = caching.find(self._store, cache, task)
        if isinstance(found, Miss):
            task.miss = found
            logs.write_cache_event(self._region, cache, "CACHE_MISS", self._id, task_id, f"{name}, {found}", miss=found)
            return None
        task.entry = found
        logs.write_cache_event(self._region, cache, "CACHE_HIT", self._id, task_id, name)
        now = self._store.now
        self._change_task(task, status="COMPLETED", cacheHit=True, cacheS3Uri=found.s3_uri, startTime=now, stopTime=now)
        return found

    def _complete(self, task: RunTask) -> None:
        self._change_task(task, status="COMPLETED", stopTime=self._store.now)
        self._task_says(task, f"Task {task.members['name']} completed")

    def _fail(self, task: RunTask, reason: str, message: str) -> None:
        """Let a task fail; whether the run does is the engine's decision."""
        now = self._store.now
        self._change_task(task, status="FAILED", stopTime=now, failureReason=reason, statusMessage=message)
        self._task_says(task, message, error=True)

    def _stop(self, status: str, reason: str | None = None, message: str | None = None) -> None:
        """Let the run come to its end; tasks that are still on their way are cancelled with it."""
        self._run.turn += 1
        self._halt()
        for task in self._run.by_name.values():
            if task.status in RUN_TASK.progress:
                self._change_task(task, status="STOPPING")
        self._change(status="STOPPING")
        self._after(self.stopping, partial(self._finish, status, reason, message))

    def _finish(self, status: str, reason: str | None, message: str | None) -> None:
        now = self._store.now
        for task in self._run.by_name.values():
            if task.status in RUN_TASK.stopping:
                self._change_task(task, status="CANCELLED", stopTime=now)
        status, reason, message = self._exported(status, reason, message)
        self._save(status, reason)
        if self._run.cache:
            del self._run.cache.active_runs[self._id]
        self._change(status=status, stopTime=now, failureReason=reason, statusMessage=message)
        if self._run.group:
            queueing.leave(self._run.group, self._run)
        line = f"Workflow {status.lower()}" + (f": {message}" if message else "")
        self._engine_says(line, error=status == "FAILED")
        self._clear()

    def _save(self, status: str, reason: str | None) -> None:
        """Save to the run cache; a task that was a hit is not saved again.

        What cannot be saved costs its own entry only: a run that is STOPPING has to end.
        """
        cache = self._run.cache
        if cache is None or not caching.saves(self._region, self._run, status, reason):
            return
        for task in self._run.by_name.values():
            if task.status == "COMPLETED" and not task.entry and task.cacheable:
                try:
                    caching.save(self._region, self._run, cache, task, self._outputs_of(task))
                except Exception as error:
                    log.warning("A task of run %s could not be saved to its cache", self._id, exc_info=True)
                    name = task.members["name"]
                    self._engine_says(f"Task {name} could not be saved to the run cache: {error}", error=True)

    def _exported(self, status: str, reason: str | None, message: str | None) -> tuple[str, str | None, str | None]:
        """Export, and return how the run ends: as it was to, unless that cannot be done."""
        bucket, _ = s3.split(self._run.members["outputUri"])
        try:
            if self._store.neighbours.bucket(bucket) is None:
                raise FileNotFoundError(f"the bucket {bucket} does not exist")
            self._export(status, message)
        except OSError as error:
            return "FAILED", "EXPORT_FAILED", f"The outputs could not be exported: {error}."
        except Exception:
            log.exception("The emulator failed at the outputs of run %s", self._id)
            return "FAILED", "SERVICE_ERROR", BROKEN
        return status, reason, message

    def _export(self, status: str, message: str | None) -> None:
        """Write the engine's log, and of a run that completed its outputs, to the run's output location."""
        uri, put = self._run.members["runOutputUri"], self._store.neighbours.put_object
        bucket, prefix = s3.split(uri)
        put(bucket, f"{prefix}/logs/engine.log", "\n".join([*self._engine_log(), message or status, ""]).encode())
        if status != "COMPLETED":
            return
        outputs = self._outputs()
        for path in outputs.files:
            put(bucket, f"{prefix}/{path}", outputs.content(path))
        located = outputs.located(uri)
        written = finite(located)
        if written != located:
            self._engine_says("outputs.json has null for NaN and infinity, which JSON has not")
        put(bucket, f"{prefix}/logs/outputs.json", json.dumps(written, indent=2).encode())

    def _change(self, **members: Any) -> None:
        before = self._run.status
        self._region.runs.change(self._id, **members)
        if status := members.get("status"):
            logs.write(self._region, self._run, logs.run_stream(self._id), f"Run is {status}")
            if self._run.watch:
                self._run.watch(before, status)

    def _change_task(self, task: RunTask, **members: Any) -> None:
        self._tasks.change(task.members["taskId"], **members)

    def _engine_says(self, *lines: str, error: bool = False) -> None:
        logs.write(self._region, self._run, logs.engine_stream(self._id), *lines, error=error)

    def _task_says(self, task: RunTask, *lines: str, error: bool = False) -> None:
        logs.write(self._region, self._run, logs.task_stream(self._id, task.members["taskId"]), *lines, error=error)
