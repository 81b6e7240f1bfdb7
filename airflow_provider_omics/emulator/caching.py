"""Run caches at work: which tasks match, and what a run saves.

https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html and
https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-startrun.html
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import s3
from airflow_provider_omics.emulator.logs import write_cache_event
from airflow_provider_omics.emulator.records import CacheEntry, Run, RunCache, RunTask
from airflow_provider_omics.emulator.simulated import Task
from airflow_provider_omics.emulator.store import Region, Store
from airflow_provider_omics.resources import RUN_TASK

NOTHING_SAVED_AFTER = frozenset({"FILE_SYSTEM_OUT_OF_SPACE", "RUN_TIMED_OUT", "EXPORT_FAILED"})
"""Failures after which a run saves nothing, whatever its cache behaviour."""
MANIFEST_VERSION = 2
"""The version in AWS's sample: https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-contents.html."""


def key_of(store: Store, run: Run, task: Task) -> str:
    """Return the key by which a task matches an entry: equal for two tasks that must compute the same.

    "If the task definition, inputs, and container in ECR are identical to the prior run", and the resources. A file in
    S3 counts by its ETag, wherever it lies.
    """
    parameters = run.members.get("parameters", {})
    read = parameters if task.inputs is None else {k: parameters[k] for k in task.inputs if k in parameters}
    workflow = run.workflow.members
    identity = {
        "engine": workflow.get("engine"),
        "definition": workflow.get("digest"),
        "task": task.name,
        "inputs": {name: _content(store, value) for name, value in read.items()},
        "upstream": [run.by_name[name].key for name in task.after],
        "container": task.container,
        "resources": [task.cpus, task.memory, task.gpus],
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def find(store: Store, cache: RunCache, key: str) -> CacheEntry | None:
    """Return the entry of a key, unless one of its objects was deleted or changed: that is a miss, never an error."""
    entry = cache.entries.get(key)
    if entry is None or not store.neighbours.knows_buckets:
        return entry
    if all(store.neighbours.etag(bucket, name) == etag for bucket, name, etag in entry.objects):
        return entry
    del cache.entries[key]
    return None


def save(region: Region, run: Run, status: str, reason: str | None) -> None:
    """Save what a run has computed, as its cache behaviour says; a task that was a hit is not saved again.

    :param status: the status that the run ends in.
    :param reason: why it failed.
    """
    cache = run.cache
    if cache is None or cache.status != "ACTIVE" or reason in NOTHING_SAVED_AFTER:
        return
    if status == "COMPLETED" and run.members["cacheBehavior"] != "CACHE_ALWAYS":
        return
    if region.store.neighbours.bucket(s3.split(cache.members["cacheS3Uri"])[0]) is None:
        return
    for task in run.by_name.values():
        if task.status == "COMPLETED" and not task.entry and task.plan.cacheable:
            cache.entries[task.key] = _write(region, run, cache, task)


def output_of(task: RunTask) -> bytes:
    """Return what a task computes: the same for the same key."""
    return f"{task.members['name']} {task.key}\n".encode()


def _write(region: Region, run: Run, cache: RunCache, task: RunTask) -> CacheEntry:
    store, uuid = region.store, str(uuid4())
    run_id, task_id, name = run.members["id"], task.members["taskId"], task.members["name"]
    folder = s3.join(cache.members["cacheS3Uri"], run_id, task_id, uuid)
    bucket, prefix = s3.split(folder)
    path = f"out/{name}/{name}.txt"
    etag = store.neighbours.put_object(bucket, f"{prefix}/{path}", output_of(task))
    manifest: dict[str, Any] = {
        "arn": f"{cache.members['arn']}/cacheEntry/{uuid}",
        "s3uri": folder,
        "taskArn": region.arn(RUN_TASK, taskId=task_id),
        "workDir": f"/mnt/workflow/{run.members['uuid']}/workdir/call-{name}/{task.key[:32]}",
        "files": [{"name": name, "path": path, "etag": etag}],
        "nextflowContext": None,
        "otherOutputs": {},
        "version": MANIFEST_VERSION,
    }
    body = json.dumps(manifest, indent=2).encode()
    manifest_etag = store.neighbours.put_object(bucket, f"{prefix}/{uuid}.json", body)
    write_cache_event(region, cache, "CACHE_ENTRY_CREATED", run_id, task_id, f"name: {name}, entry: {manifest['arn']}")
    objects = ((bucket, f"{prefix}/{path}", etag), (bucket, f"{prefix}/{uuid}.json", manifest_etag))
    return CacheEntry(uuid, folder, objects)


def _content(store: Store, value: Any) -> Any:
    """Return what counts of an input: of a file in S3 its ETag, if it can be had."""
    if isinstance(value, dict):
        return {name: _content(store, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_content(store, item) for item in value]
    etag = s3.etag(store, value)
    return {"etag": etag} if etag else value
