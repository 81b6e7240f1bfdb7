"""The course of a run, from PENDING to its end: https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import caching, logs, queueing, s3
from airflow_provider_omics.emulator.records import Run, RunTask
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Region
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.resources import RUN_TASK

_SUBMITTING = 1.0
"""Seconds that a task is PENDING, and again STARTING unless the cache has it."""


class Course:
    """One run on its way.

    :param plan: what it does.
    """

    def __init__(self, region: Region, run: Run, plan: Plan) -> None:
        self._region = region
        self._store = region.store
        self._run = run
        self._id = str(run.members["id"])
        self._plan = plan
        self._tasks: Table[RunTask] = run.tasks

    def begin(self) -> None:
        """Set the run on its way."""
        if self._run.cache:
            self._run.cache.active_runs[self._id] = None
        if self._run.group:
            queueing.enter(self._run.group, self._run)
            self._after(self._plan.pending, partial(queueing.wait, self._run.group, self._run))
        else:
            self._after(self._plan.pending, self.start)

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
        self._after(self._plan.starting, self._execute)

    def _execute(self) -> None:
        self._change(status="RUNNING", startTime=self._store.now)
        logs.write(self._region, self._run, logs.engine_stream(self._id), "Workflow started")
        self._print(logs.engine_stream(self._id), self._plan.log)
        if self._run.group and (minutes := self._run.group.members.get("maxDuration")):
            message = f"The run took longer than {minutes} minutes, the maximum duration of its run group."
            self._after(minutes * 60, partial(self._stop, "FAILED", "RUN_TIMED_OUT", message))
        if self._plan.failure_reason:
            self._stop("FAILED", self._plan.failure_reason, self._plan.status_message)
        else:
            self._submit()

    def _submit(self) -> None:
        """Submit the tasks whose upstream tasks are done, or stop if all are."""
        done = {name for name, task in self._run.by_name.items() if task.status == "COMPLETED"}
        for task in self._plan.tasks:
            if task.name not in self._run.by_name and done.issuperset(task.after):
                record = self._create(task)
                self._after(_SUBMITTING, partial(self._look_up, record, task))
        if len(done) == len(self._plan.tasks):
            self._stop("COMPLETED")

    def _create(self, task: Task) -> RunTask:
        task_id = self._region.new_id(RUN_TASK)
        members: dict[str, Any] = {
            "taskId": task_id,
            "uuid": str(uuid4()),
            "name": task.name,
            "status": "PENDING",
            "cpus": task.cpus,
            "memory": task.memory,
            "gpus": task.gpus,
            "cacheHit": False if self._run.cache else None,
            "creationTime": self._store.creation_time(),
            "imageDetails": {
                "image": task.container,
                "imageDigest": "sha256:" + hashlib.sha256(task.container.encode()).hexdigest(),
            },
        }
        if self._run.members["logLevel"] != "OFF":
            members["logStream"] = logs.stream_arn(self._region, logs.task_stream(self._id, task_id))
        record = RunTask(members, plan=task, key=caching.key_of(self._store, self._run, task))
        self._run.by_name[task.name] = record
        return self._tasks.add(task_id, record)

    def _look_up(self, record: RunTask, task: Task) -> None:
        """Take the task's outputs from the cache if it has them, else compute them."""
        cache, task_id = self._run.cache, record.members["taskId"]
        if cache and cache.status == "ACTIVE" and task.cacheable:
            record.entry = caching.find(self._store, cache, record.key)
            event = "CACHE_HIT" if record.entry else "CACHE_MISS"
            logs.write_cache_event(self._region, cache, event, self._id, task_id, f"name: {task.name}")
        if record.entry:
            now, uri = self._store.now, record.entry.s3_uri
            self._change_task(record, status="COMPLETED", cacheHit=True, cacheS3Uri=uri, startTime=now, stopTime=now)
            self._submit()
        else:
            self._change_task(record, status="STARTING")
            self._after(_SUBMITTING, partial(self._compute, record, task))

    def _compute(self, record: RunTask, task: Task) -> None:
        self._change_task(record, status="RUNNING", startTime=self._store.now)
        self._after(task.seconds, partial(self._end_task, record, task))

    def _end_task(self, record: RunTask, task: Task) -> None:
        stream = logs.task_stream(self._id, record.members["taskId"])
        self._print(stream, task.log)
        shown = self._run.members
        if not self._store.plans.fails(shown["workflowId"], task, self._run.setting_id, shown.get("name")):
            self._change_task(record, status="COMPLETED", stopTime=self._store.now)
            logs.write(self._region, self._run, stream, f"Task {task.name} completed")
            self._submit()
            return
        self._change_task(
            record,
            status="FAILED",
            stopTime=self._store.now,
            failureReason=task.failure_reason,
            statusMessage=task.status_message,
        )
        logs.write(self._region, self._run, stream, task.status_message, error=True)
        self._stop("FAILED", task.failure_reason, f"Task {task.name} failed. {task.status_message}")

    def _stop(self, status: str, reason: str | None = None, message: str | None = None) -> None:
        """Let the run come to its end; tasks that are still on their way are cancelled with it."""
        self._run.turn += 1
        for task in self._run.by_name.values():
            if task.status in RUN_TASK.progress:
                self._change_task(task, status="STOPPING")
        self._change(status="STOPPING")
        self._after(self._plan.stopping, partial(self._finish, status, reason, message))

    def _finish(self, status: str, reason: str | None, message: str | None) -> None:
        now, uri = self._store.now, self._run.members["outputUri"]
        for task in self._run.by_name.values():
            if task.status in RUN_TASK.stopping:
                self._change_task(task, status="CANCELLED", stopTime=now)
        bucket, _ = s3.split(uri)
        if self._store.neighbours.bucket(bucket) is None:
            status, reason = "FAILED", "EXPORT_FAILED"
            message = f"The outputs could not be exported: the bucket {bucket} does not exist."
        else:
            self._export(status, message)
        caching.save(self._region, self._run, status, reason)
        if self._run.cache:
            del self._run.cache.active_runs[self._id]
        self._change(status=status, stopTime=now, failureReason=reason, statusMessage=message)
        if self._run.group:
            queueing.leave(self._run.group, self._run)
        line = f"Workflow {status.lower()}" + (f": {message}" if message else "")
        logs.write(self._region, self._run, logs.engine_stream(self._id), line, error=status == "FAILED")

    def _export(self, status: str, message: str | None) -> None:
        """Write the engine's log, and of a run that completed its outputs, to the run's output location."""
        bucket, prefix = s3.split(self._run.members["runOutputUri"])
        lines = [f"{task.members['name']} {task.status}" for task in self._run.by_name.values()]
        engine_log = "\n".join([*lines, message or status, ""])
        self._store.neighbours.put_object(bucket, f"{prefix}/logs/engine.log", engine_log.encode())
        if status != "COMPLETED":
            return
        outputs = {}
        read_by_others = {name for task in self._plan.tasks for name in task.after}
        for name, task in self._run.by_name.items():
            if name not in read_by_others:
                key = f"{prefix}/out/{name}/{name}.txt"
                self._store.neighbours.put_object(bucket, key, caching.output_of(task))
                outputs[name] = f"s3://{bucket}/{key}"
        body = json.dumps(outputs, indent=2).encode()
        self._store.neighbours.put_object(bucket, f"{prefix}/logs/outputs.json", body)

    def _change(self, **members: Any) -> None:
        before = self._run.status
        self._region.runs.change(self._id, **members)
        if status := members.get("status"):
            logs.write(self._region, self._run, logs.run_stream(self._id), f"Run is {status}")
            if self._run.watch:
                self._run.watch(before, status)

    def _change_task(self, record: RunTask, **members: Any) -> None:
        self._tasks.change(record.members["taskId"], **members)

    def _print(self, stream: str, lines: tuple[str, ...]) -> None:
        for line in lines:
            logs.write(self._region, self._run, stream, line, error=True)
