"""The engine ``simulated``: a run follows its plan, by the clock."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache, partial
from typing import Any

from airflow_provider_omics.emulator import s3
from airflow_provider_omics.emulator.cache_key import CacheKey
from airflow_provider_omics.emulator.lifecycle import Course, image_digest
from airflow_provider_omics.emulator.outputs import FILE, Outputs
from airflow_provider_omics.emulator.records import Run, RunTask
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Region, Store

_SUBMITTING = 1.0
"""Seconds that a task is PENDING, and again STARTING unless the cache has it."""


class SimulatedCourse(Course):
    """A run that computes nothing.

    :param plan: what it does.
    """

    def __init__(self, region: Region, run: Run, plan: Plan) -> None:
        super().__init__(region, run)
        self._plan = plan
        self.pending, self.starting, self.stopping = plan.pending, plan.starting, plan.stopping

    def _execute(self) -> None:
        self._engine_says(*self._plan.log, error=True)
        if self._plan.failure_reason:
            self._stop("FAILED", self._plan.failure_reason, self._plan.status_message)
        else:
            self._submit()

    def _halt(self) -> None:
        """Do nothing: what was due is not done any more, as the run's course has changed."""

    def _clear(self) -> None:
        """Do nothing: a run that computes nothing leaves nothing."""

    def _submit(self) -> None:
        """Submit the tasks whose upstream tasks are done, or stop if all are."""
        done = {name for name, task in self._run.by_name.items() if task.status == "COMPLETED"}
        for task in self._plan.tasks:
            if task.name not in self._run.by_name and done.issuperset(task.after):
                shown = {"name": task.name, "cpus": task.cpus, "memory": task.memory, "gpus": task.gpus}
                key = key_of(self._store, self._run, task)
                record = self._create(RunTask(shown, key=key, cacheable=task.cacheable), task.name, task.container)
                self._after(_SUBMITTING, partial(self._prepare, record, task))
        if len(done) == len(self._plan.tasks):
            self._stop("COMPLETED")

    def _prepare(self, record: RunTask, task: Task) -> None:
        if self._look_up(record):
            self._submit()
        else:
            self._change_task(record, status="STARTING")
            self._after(_SUBMITTING, partial(self._compute, record, task))

    def _compute(self, record: RunTask, task: Task) -> None:
        self._change_task(record, status="RUNNING", startTime=self._store.now)
        self._after(task.seconds, partial(self._end_task, record, task))

    def _end_task(self, record: RunTask, task: Task) -> None:
        self._task_says(record, *task.log, error=True)
        shown = self._run.members
        if not self._store.plans.fails(shown["workflowId"], task, self._run.setting_id, shown.get("name")):
            self._complete(record)
            self._submit()
            return
        self._fail(record, task.failure_reason, task.status_message)
        self._stop("FAILED", task.failure_reason, f"Task {task.name} failed. {task.status_message}")

    def _outputs_of(self, task: RunTask) -> Outputs:
        """Return what a task computes: the same for the same key."""
        name = task.members["name"]
        path = f"out/{name}/{name}.txt"
        return Outputs({name: f"{FILE}{path}"}, {path: f"{name} {task.key.digest}\n".encode()})

    def _outputs(self) -> Outputs:
        """Return the outputs of the tasks that no other one reads."""
        read_by_others = {name for task in self._plan.tasks for name in task.after}
        last = [self._outputs_of(task) for name, task in self._run.by_name.items() if name not in read_by_others]
        values = {name: value for outputs in last for name, value in outputs.values.items()}
        return Outputs(values, {path: content for outputs in last for path, content in outputs.files.items()})


def key_of(store: Store, run: Run, task: Task) -> CacheKey:
    """Return the key of a task of a plan; what it reads of other tasks counts by their keys."""
    parameters = run.members.get("parameters", {})
    read = parameters if task.inputs is None else {k: parameters[k] for k in task.inputs if k in parameters}
    workflow = run.workflow.members
    container, resources = _fixed(task)
    return CacheKey(
        task=task.name,
        definition=_definition(workflow.get("engine"), workflow.get("digest")),
        inputs={
            **{f"{name} (a task)": run.by_name[name].key.digest for name in task.after},
            **{name: _content(store, value) for name, value in read.items()},
        },
        container=container,
        resources=resources,
    )


# Remembered, so that ten thousand runs share them.
@lru_cache(maxsize=1000)
def _definition(engine: str | None, digest: str | None) -> str:
    return hashlib.sha256(json.dumps([engine, digest]).encode()).hexdigest()


@lru_cache(maxsize=1000)
def _fixed(task: Task) -> tuple[str, dict[str, int]]:
    resources = {"cpus": task.cpus, "memory": task.memory, "gpus": task.gpus}
    return f"{task.container}@{image_digest(task.container)}", resources


def _content(store: Store, value: Any) -> Any:
    """Return what counts of an input: of a file in S3 its ETag, if it can be had."""
    if isinstance(value, dict):
        return {name: _content(store, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_content(store, item) for item in value]
    etag = s3.etag(store, value)
    return {"etag": etag} if etag else value
