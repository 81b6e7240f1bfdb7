"""Starting a run: https://docs.aws.amazon.com/omics/latest/dev/starting-a-run.html.

Configurations are not emulated: their names are taken on trust.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import logs
from airflow_provider_omics.emulator.assumptions import refuse
from airflow_provider_omics.emulator.errors import (
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from airflow_provider_omics.emulator.lifecycle import Course
from airflow_provider_omics.emulator.operations import run_group
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members, Run, RunCache, Workflow
from airflow_provider_omics.emulator.s3 import check_bucket, join
from airflow_provider_omics.emulator.simulated_course import SimulatedCourse
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.resources import RULES, RUN

_COPIED = (
    *("workflowId", "workflowType", "workflowVersionName", "workflowOwnerId", "name", "parameters"),
    *("cacheId", "cacheBehavior", "runGroupId", "priority", "storageCapacity", "storageType", "logLevel"),
    *("retentionMode", "networkingMode", "configurationName", "scratchStorageMode", "sessionPolicy", "engineSettings"),
    "outputUriPrefixMode",
)
"""What a run that repeats another one takes over from it, unless the request says otherwise."""
_KEPT = (
    *("workflowId", "workflowOwnerId", "workflowVersionName", "runId", "roleArn", "name", "runGroupId", "batchId"),
    *("priority", "parameters", "outputUri", "configurationName", "sessionPolicy", "engineSettings"),
    "outputUriPrefixMode",
)
"""What is kept as it was requested; GetRun shows all of it but ``configurationName``."""


def start_run(call: Call) -> Members:
    """Start a run; it is PENDING at first."""
    return start(call).members


def start(call: Call) -> Run:
    """Return the run that a call of StartRun starts, or a batch in its place."""
    asked = {**_settings_of_earlier_run(call), **call.parameters}
    tags = check_tags(asked.get("tags", {}))
    workflow, name = workflow_of(call, asked)
    check_size(asked.get("parameters"))
    _check_parameters(workflow, asked.get("parameters", {}))
    cache = cache_of(call, asked)
    group = run_group.find(call, asked["runGroupId"]) if "runGroupId" in asked else None
    _check_places(call, asked)
    _make_room(call)
    run_id, uuid = call.region.new_id(RUN), str(uuid4())
    service_defined = asked.get("outputUriPrefixMode") != "NONE_WITH_OVERWRITE"
    shown = workflow.members
    members = {
        **{name: asked[name] for name in _KEPT if name in asked},
        "id": run_id,
        "uuid": uuid,
        "arn": call.region.arn(RUN, id=run_id),
        "status": "PENDING",
        "workflowType": shown["type"],
        "workflowUuid": shown["uuid"],
        "workflowName": name,
        "digest": shown["digest"],
        "accelerators": shown.get("accelerators"),
        # AWS's pages differ in the default: STATIC in the API reference, DYNAMIC in the user guide.
        "storageType": asked.get("storageType", shown.get("storageType", "STATIC")),
        "storageCapacity": asked.get("storageCapacity", shown.get("storageCapacity")),
        "cacheId": cache.members["id"] if cache else None,
        "cacheBehavior": asked.get("cacheBehavior", cache.members["cacheBehavior"]) if cache else None,
        "logLevel": asked.get("logLevel", "ALL"),
        "retentionMode": asked.get("retentionMode", "RETAIN"),
        "networkingMode": asked.get("networkingMode", "RESTRICTED"),
        "scratchStorageMode": asked.get("scratchStorageMode", "SHARED"),
        "runOutputUri": join(asked["outputUri"], run_id, uuid) if service_defined else asked["outputUri"],
        "startedBy": f"arn:aws:iam::{call.region.account}:root",
        "creationTime": call.store.creation_time(),
        "tags": tags,
    }
    if members["logLevel"] != "OFF":
        members["logLocation"] = {
            "engineLogStream": logs.stream_arn(call.region, logs.engine_stream(run_id)),
            "runLogStream": logs.stream_arn(call.region, logs.run_stream(run_id)),
        }
    members = {name: value for name, value in members.items() if value is not None}
    return _begin(call, Run(members, workflow=workflow, cache=cache, group=group, tasks=Table(call.store)))


def _begin(call: Call, run: Run) -> Run:
    members = run.members
    call.region.runs.add(members["id"], run)
    call.region.tagged[members["arn"]] = (call.region.runs, members["id"])
    run.course = _course(call, run)
    run.course.begin()
    return run


def _course(call: Call, run: Run) -> Course:
    """Return the course of a run by the engine that can execute its workflow; what none can is simulated."""
    engine, workflow = call.store.wdl, run.workflow
    if engine and workflow.definition and workflow.members.get("engine") in ("WDL", "WDL_LENIENT"):
        return engine.course(call.region, run, workflow.definition)
    return SimulatedCourse(call.region, run, call.store.plans.plan_for(run.members["workflowId"]))


def _settings_of_earlier_run(call: Call) -> Members:
    run_id = call.parameters.get("runId")
    if run_id is None:
        return {}
    run = call.region.runs.get(run_id)
    if run is None:
        raise ResourceNotFoundException(
            f"Account {call.region.account} has no run {run_id} in {call.region.name} to repeat."
        )
    return {name: run.members[name] for name in _COPIED if name in run.members}


def workflow_of(call: Call, asked: Members) -> tuple[Workflow, str | None]:
    """Return the workflow, or the version of it, that is to run, and the workflow's name.

    AWS says for batches that a resource which "doesn't exist or is not in an active state" is not found; that this
    holds for single runs is an assumption.
    """
    workflow_id = asked.get("workflowId")
    if workflow_id is None:
        raise ValidationException("StartRun needs a workflowId, or the runId of a run to repeat.")
    owner = call.store.region(asked.get("workflowOwnerId", call.region.account), call.region.name)
    workflow = owner.workflows.get(workflow_id)
    kind = asked.get("workflowType", "PRIVATE")
    if workflow is None or workflow.members["type"] != kind:
        raise ResourceNotFoundException(
            f"Account {owner.account} has no workflow {workflow_id} of type {kind} in {owner.name}."
        )
    name = workflow.members.get("name")
    version = asked.get("workflowVersionName")
    if version is not None:
        workflow = workflow.versions.get(version) if workflow.versions else None
        if workflow is None:
            raise ResourceNotFoundException(f"Workflow {workflow_id} has no version {version}.")
    if workflow.status != "ACTIVE":
        raise ResourceNotFoundException(f"Workflow {workflow_id} is {workflow.status}, not ACTIVE.")
    return workflow, name


def check_size(parameters: Any) -> None:
    """Refuse parameters that are too large; that they count in their shortest form is an assumption."""
    limit = int(RULES["run_parameters.bytes"].limit)
    size = len(json.dumps(parameters, separators=(",", ":"), ensure_ascii=False).encode())
    if size > limit:
        raise ValidationException(f"Run parameters can have {limit} bytes; these have {size}.")


def _check_parameters(workflow: Workflow, parameters: Any) -> None:
    if not isinstance(parameters, dict):
        raise ValidationException("Run parameters must be a JSON object.")
    template = workflow.members.get("parameterTemplate") or parameters
    # "HealthOmics supports fully qualified variables", e.g. cohort.reference for reference:
    # https://docs.aws.amazon.com/omics/latest/dev/workflow-languages-wdl.html
    wdl = workflow.members.get("engine", "WDL").startswith("WDL")
    unknown = sorted(name for name in parameters if not {name, name.partition(".")[2] if wdl else name} & set(template))
    if unknown:
        raise ValidationException(
            f"The workflow's parameter template has no {', '.join(unknown)}; it has {', '.join(sorted(template))}."
        )


def cache_of(call: Call, asked: Members) -> RunCache | None:
    """Return the run cache that is to be used; for one that is not ACTIVE, see :func:`workflow_of`."""
    cache_id = asked.get("cacheId")
    if cache_id is None:
        if "cacheBehavior" in asked:
            refuse(call.store.faults.behavior_without_cache, "A cacheBehavior needs a cacheId.")
        return None
    if asked.get("workflowType") == "READY2RUN":
        raise ValidationException("Call caching is not available for Ready2Run workflows: leave cacheId out.")
    cache = call.region.run_caches.get(cache_id)
    if cache is None or cache.status != "ACTIVE":
        state = "has no" if cache is None else f"can use no {cache.status}"
        raise ResourceNotFoundException(
            f"Account {call.region.account} {state} run cache {cache_id} in {call.region.name}."
        )
    return cache


def _make_room(call: Call) -> None:
    """Remove the oldest runs of retention mode REMOVE where the account has as many runs as it can have.

    https://docs.aws.amazon.com/omics/latest/dev/run-retention.html; that only runs which have ended are removed, also
    for a new run of mode RETAIN, and the error if there is none, are assumptions.
    """
    region, quota = call.region, call.store.max_runs
    while len(region.runs) >= quota:
        ended = (run for run in region.runs if run.status in RUN.ended)
        oldest = next((run for run in ended if run.members["retentionMode"] == "REMOVE"), None)
        if oldest is None:
            raise ServiceQuotaExceededException(
                f"Account {region.account} has {quota} runs in {region.name}, which is the most it can have, and none "
                "that has ended in retention mode REMOVE: delete runs."
            )
        region.remove_run(oldest)


def _check_places(call: Call, asked: Members) -> None:
    if not asked["outputUri"].startswith("s3://"):
        raise ValidationException(f"The outputUri {asked['outputUri']} is not an S3 URI (s3://bucket/prefix).")
    check_bucket(call.store, "outputUri", asked["outputUri"], owner=asked.get("outputBucketOwnerId"))
    if asked.get("networkingMode") == "VPC" and "configurationName" not in asked:
        raise ValidationException("networkingMode VPC needs a configurationName.")
