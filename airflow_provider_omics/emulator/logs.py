"""CloudWatch log streams: https://docs.aws.amazon.com/omics/latest/dev/monitoring-cloudwatch-logs.html."""

from __future__ import annotations

import json

from airflow_provider_omics.emulator.cache_key import Miss
from airflow_provider_omics.emulator.neighbours import partition
from airflow_provider_omics.emulator.records import Run, RunCache
from airflow_provider_omics.emulator.store import Region

GROUP = "/aws/omics/WorkflowLog"


def run_stream(run_id: str) -> str:
    """Return the stream of a run's course."""
    return f"run/{run_id}"


def engine_stream(run_id: str) -> str:
    """Return the stream of the workflow engine of a run."""
    return f"run/{run_id}/engine"


def task_stream(run_id: str, task_id: str) -> str:
    """Return the stream of what a task prints."""
    return f"run/{run_id}/task/{task_id}"


def stream_arn(region: Region, stream: str) -> str:
    """Return the ARN of a stream, the form in which HealthOmics names it in its answers."""
    place = f"{region.name}:{region.account}"
    return f"arn:{partition(region.name)}:logs:{place}:log-group:{GROUP}:log-stream:{stream}"


def write(region: Region, run: Run, stream: str, *lines: str, error: bool = False) -> None:
    """Write lines to a stream of a run, if the run's ``logLevel`` wants it."""
    level = run.members["logLevel"]
    if lines and (level == "ALL" or (error and level != "OFF")):
        _put(region, stream, *lines)


def write_cache_event(
    region: Region, cache: RunCache, event: str, run_id: str, task_id: str, detail: str, *, miss: Miss | None = None
) -> None:
    """Write to a cache's stream that an entry was made, hit or missed.

    AWS shows how to find these events (``logMessage like 'CACHE_HIT'``, ``parse "run: *,"``), not their whole form.

    :param event: ``CACHE_ENTRY_CREATED``, ``CACHE_HIT`` or ``CACHE_MISS``.
    :param miss: why it was a miss; it stands in the event as ``cacheMiss``, which AWS does not have.
    """
    message = f"{event}: run: {run_id}, task: {task_id}, {detail}"
    stream = f"runCache/{cache.members['id']}/{cache.uuid}"
    why = {"cacheMiss": miss.as_json()} if miss else {}
    _put(region, stream, json.dumps({"logLevel": "INFO", "logMessage": message, **why}))


def _put(region: Region, stream: str, *lines: str) -> None:
    store = region.store
    store.neighbours.log(region.account, region.name, GROUP, stream, [(store.now, line) for line in lines])
