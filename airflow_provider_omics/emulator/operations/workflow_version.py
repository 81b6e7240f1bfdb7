"""Versions of workflows: https://docs.aws.amazon.com/omics/latest/api/API_CreateWorkflowVersion.html."""

from __future__ import annotations

from airflow_provider_omics.emulator.errors import ConflictException, ResourceNotFoundException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.definition import create, delete, read
from airflow_provider_omics.emulator.operations.workflow import DELETABLE, find
from airflow_provider_omics.emulator.records import Members, Workflow
from airflow_provider_omics.emulator.tables import Table


def create_workflow_version(call: Call) -> Members:
    """Make a version of a workflow; it is CREATING at first, and inherits nothing."""
    workflow_id, name = call.parameters["workflowId"], call.parameters["versionName"]
    workflow = find(call, workflow_id)
    versions = _versions(workflow)
    if versions.get(name):
        raise ConflictException(f"Workflow {workflow_id} has a version {name} already.")
    reading = read(call)
    members = reading.members | {
        "arn": f"{workflow.members['arn']}/version/{name}",
        "workflowId": workflow_id,
        "versionName": name,
        **call.given("workflowBucketOwnerId"),
    }
    return create(call, versions, name, Workflow(members), reading)


def get_workflow_version(call: Call) -> Members:
    """Describe a version of a workflow."""
    return _find(call)[1].members


def list_workflow_versions(call: Call) -> Members:
    """List the versions of a workflow, the oldest first."""
    return call.page(_versions(find(call, call.parameters["workflowId"])))


def update_workflow_version(call: Call) -> Members:
    """Change description and default storage of a version."""
    versions, _ = _find(call)
    versions.change(call.parameters["versionName"], **call.given("description", "storageType", "storageCapacity"))
    return {}


def delete_workflow_version(call: Call) -> Members:
    """Delete a version of a workflow; runs of it go on."""
    versions, version = _find(call)
    name = call.parameters["versionName"]
    if version.status not in DELETABLE:
        raise ConflictException(f"Version {name} is {version.status}; wait until it is ACTIVE or FAILED.")
    delete(call, versions, name, version)
    return {}


def _find(call: Call) -> tuple[Table[Workflow], Workflow]:
    workflow_id, name = call.parameters["workflowId"], call.parameters["versionName"]
    versions = _versions(find(call, workflow_id))
    version = versions.get(name)
    if version is None:
        raise ResourceNotFoundException(f"Workflow {workflow_id} has no version {name}.")
    return versions, version


def _versions(workflow: Workflow) -> Table[Workflow]:
    if workflow.versions is None:
        raise TypeError("A version has no versions.")
    return workflow.versions
