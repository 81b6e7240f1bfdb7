"""The manifest of a run in CloudWatch Logs: https://docs.aws.amazon.com/omics/latest/dev/monitoring-cloudwatch-logs.html.

AWS says where it stands and when it is written; which members its lines have is known from samples only.
"""

from __future__ import annotations

import json
from datetime import datetime

from airflow_provider_omics.emulator import logs
from airflow_provider_omics.emulator.records import Members, Run
from airflow_provider_omics.emulator.store import Region
from airflow_provider_omics.resources import RUN_TASK

_OF_RUN = (
    *("arn", "uuid", "name", "status", "roleArn", "runOutputUri", "parameters", "digest", "resourceDigests"),
    *(
        "startedBy",
        "storageType",
        "storageCapacity",
        "creationTime",
        "startTime",
        "stopTime",
        "failureReason",
        "statusMessage",
    ),
)
_OF_TASK = (
    *("uuid", "name", "status", "cpus", "memory", "gpus", "creationTime", "startTime", "stopTime"),
    *("cacheHit", "cacheS3Uri", "failureReason", "statusMessage"),
)


def stream(run: Run) -> str:
    """Return the stream of a run's manifest."""
    return f"manifest/run/{run.members['id']}/{run.members['uuid']}"


def write(region: Region, run: Run) -> None:
    """Write one line for the run and one for each of its tasks; the run has ended."""
    shown = run.members
    first = {name: shown[name] for name in _OF_RUN if name in shown} | {"workflow": run.workflow.members["arn"]}
    if run.cache:
        first |= {"runCache": run.cache.members["arn"], "runCacheBehavior": shown["cacheBehavior"]}
    lines: list[Members] = [first | _metrics(shown)]
    for task in run.by_name.values():
        members = task.members
        line = {name: members[name] for name in _OF_TASK if name in members}
        arns = {"arn": region.arn(RUN_TASK, taskId=members["taskId"]), "run": shown["arn"]}
        lines.append(arns | line | members.get("imageDetails", {}) | _metrics(members))
    logs.write(region, run, stream(run), *(json.dumps(line, default=datetime.isoformat) for line in lines))


def _metrics(members: Members) -> Members:
    if "startTime" not in members or "stopTime" not in members:
        return {}
    return {"metrics": {"runningSeconds": (members["stopTime"] - members["startTime"]).total_seconds()}}
