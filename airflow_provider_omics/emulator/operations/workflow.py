"""Private workflows: https://docs.aws.amazon.com/omics/latest/dev/create-private-workflow.html."""

from __future__ import annotations

import hashlib
import re
from uuid import uuid4

from airflow_provider_omics.emulator.errors import ConflictException, ResourceNotFoundException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.definition import create, delete, read
from airflow_provider_omics.emulator.records import Members, Workflow
from airflow_provider_omics.emulator.store import Region
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.resources import WORKFLOW

DELETABLE = frozenset({"ACTIVE", "FAILED", "INACTIVE"})


def create_workflow(call: Call) -> Members:
    """Make a workflow; it is CREATING at first."""
    region = call.region
    reading = read(call)
    workflow_id = region.new_id(WORKFLOW)
    named = {"id": workflow_id, "arn": region.arn(WORKFLOW, id=workflow_id), **call.given("name")}
    versions: Table[Workflow] = Table(call.store)
    workflow = Workflow(reading.members | named, versions=versions)
    return create(call, region.workflows, workflow_id, workflow, reading)


def get_workflow(call: Call) -> Members:
    """Describe a workflow; a presigned URL of its definition (``export``) is not emulated."""
    return find(call, call.parameters["id"]).members


def list_workflows(call: Call) -> Members:
    """List the workflows, the oldest first."""
    return call.page(call.region.workflows, "type", "name")


def update_workflow(call: Call) -> Members:
    """Change name, description and default storage of a workflow."""
    workflow_id = call.parameters["id"]
    find(call, workflow_id)
    changes = call.given("name", "description", "storageType", "storageCapacity")
    call.region.workflows.change(workflow_id, **changes)
    return {}


def delete_workflow(call: Call) -> Members:
    """Delete a workflow that has no versions any more; runs of it go on."""
    workflow_id = call.parameters["id"]
    workflow = find(call, workflow_id)
    if workflow.versions:
        raise ConflictException(f"Workflow {workflow_id} has {len(workflow.versions)} versions; delete them first.")
    if workflow.status not in DELETABLE:
        raise ConflictException(f"Workflow {workflow_id} is {workflow.status}; wait until it is ACTIVE or FAILED.")
    delete(call, call.region.workflows, workflow_id, workflow)
    return {}


def find(call: Call, workflow_id: str) -> Workflow:
    """Return the workflow that a call names, of the type and the owner that it names.

    :raises ResourceNotFoundException: if there is none.
    """
    owner = call.store.region(call.parameters.get("workflowOwnerId", call.region.account), call.region.name)
    workflow = owner.workflows.get(workflow_id)
    kind = call.parameters.get("type")
    if workflow is None or kind not in (None, workflow.members["type"]):
        raise ResourceNotFoundException(
            f"Account {owner.account} has no workflow {workflow_id}{f' of type {kind}' if kind else ''} "
            f"in {owner.name}."
        )
    return workflow


def seed(region: Region, workflow_id: str, members: Members) -> None:
    """Make a workflow that is ACTIVE at once; it replaces one of that id.

    :raises ValueError: if the id is none that HealthOmics could give.
    """
    if not re.fullmatch(r"[0-9]{1,18}", workflow_id):
        raise ValueError(f"A workflow's id is 1 to 18 digits, not {workflow_id!r}.")
    if region.workflows.get(workflow_id):
        region.workflows.remove(workflow_id)
    arn = region.arn(WORKFLOW, id=workflow_id)
    known = {
        "id": workflow_id,
        "arn": arn,
        "uuid": str(uuid4()),
        "status": "ACTIVE",
        "type": "PRIVATE",
        "engine": "WDL",
        "digest": hashlib.sha256(workflow_id.encode()).hexdigest(),
        "creationTime": region.store.creation_time(),
        "tags": {},
    }
    versions: Table[Workflow] = Table(region.store)
    region.workflows.add(workflow_id, Workflow({**known, **members}, versions=versions))
    region.tagged[arn] = (region.workflows, workflow_id)
