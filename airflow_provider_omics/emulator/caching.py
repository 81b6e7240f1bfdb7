"""Run caches at work: which tasks match, and what a run saves.

https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html and
https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-startrun.html
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import s3
from airflow_provider_omics.emulator.cache_key import Miss, explain, object_gone
from airflow_provider_omics.emulator.logs import write_cache_event
from airflow_provider_omics.emulator.outputs import Outputs
from airflow_provider_omics.emulator.records import CacheEntry, Run, RunCache, RunTask
from airflow_provider_omics.emulator.store import Region, Store
from airflow_provider_omics.resources import RUN_TASK

NOTHING_SAVED_AFTER = frozenset({"FILE_SYSTEM_OUT_OF_SPACE", "RUN_TIMED_OUT", "EXPORT_FAILED"})
"""Failures after which a run saves nothing, whatever its cache behaviour."""
MANIFEST_VERSION = 2
"""The version in AWS's sample: https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-contents.html."""


def find(store: Store, cache: RunCache, task: RunTask) -> CacheEntry | Miss:
    """Return the entry that a task matches, or why there is none.

    An entry of which an object was deleted or changed is a miss, never an error.
    """
    key = task.key
    entry = cache.entries.get(key.digest)
    if entry is None:
        return explain(key, task.members["name"], cache.entries.values())
    if store.neighbours.knows_buckets:
        for bucket, name, etag in entry.objects:
            if store.neighbours.etag(bucket, name) != etag:
                del cache.entries[key.digest]
                return object_gone(f"s3://{bucket}/{name}")
    return entry


def saves(region: Region, run: Run, status: str, reason: str | None) -> bool:
    """Return whether a run saves what it has computed, as its cache behaviour says.

    :param status: the status that the run ends in.
    :param reason: why it failed.
    """
    cache = run.cache
    if cache is None or cache.status != "ACTIVE" or reason in NOTHING_SAVED_AFTER:
        return False
    if status == "COMPLETED" and run.members["cacheBehavior"] != "CACHE_ALWAYS":
        return False
    return region.store.neighbours.bucket(s3.split(cache.members["cacheS3Uri"])[0]) is not None


def save(region: Region, run: Run, cache: RunCache, task: RunTask, outputs: Outputs) -> None:
    """Save what a task has computed.

    :raises OSError: if a file of it cannot be read; then nothing of it is saved.
    """
    store, uuid = region.store, str(uuid4())
    run_id, task_id, name = run.members["id"], task.members["taskId"], task.members["name"]
    folder = s3.join(cache.members["cacheS3Uri"], run_id, task_id, uuid)
    bucket, prefix = s3.split(folder)
    contents = {path: outputs.content(path) for path in outputs.files}
    etags = {path: store.neighbours.put_object(bucket, f"{prefix}/{path}", body) for path, body in contents.items()}
    manifest: dict[str, Any] = {
        "arn": f"{cache.members['arn']}/cacheEntry/{uuid}",
        "s3uri": folder,
        "taskArn": region.arn(RUN_TASK, taskId=task_id),
        "workDir": f"/mnt/workflow/{run.members['uuid']}/workdir/call-{name}/{task.key.digest[:32]}",
        "files": [{"name": path.split("/")[1], "path": path, "etag": etag} for path, etag in etags.items()],
        "nextflowContext": None,
        "otherOutputs": outputs.plain(),
        "version": MANIFEST_VERSION,
    }
    body = json.dumps(manifest, indent=2).encode()
    manifest_etag = store.neighbours.put_object(bucket, f"{prefix}/{uuid}.json", body)
    write_cache_event(region, cache, "CACHE_ENTRY_CREATED", run_id, task_id, f"name: {name}, entry: {manifest['arn']}")
    objects = [(bucket, f"{prefix}/{path}", etag) for path, etag in etags.items()]
    objects.append((bucket, f"{prefix}/{uuid}.json", manifest_etag))
    cache.entries[task.key.digest] = CacheEntry(
        uuid, name, folder, tuple(objects), task.key, dict(outputs.values), outputs.modes
    )
