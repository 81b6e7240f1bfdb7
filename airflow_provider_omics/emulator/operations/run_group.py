"""Run groups: https://docs.aws.amazon.com/omics/latest/dev/creating-run-groups.html."""

from __future__ import annotations

from airflow_provider_omics.emulator import queueing
from airflow_provider_omics.emulator.assumptions import refuse
from airflow_provider_omics.emulator.errors import ResourceNotFoundException, ServiceQuotaExceededException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members, RunGroup
from airflow_provider_omics.resources import RULES, RUN_GROUP

_CHANGEABLE = ("name", "maxCpus", "maxGpus", "maxRuns", "maxDuration")


def create_run_group(call: Call) -> Members:
    """Make a run group; names need not be unique."""
    region = call.region
    tags = check_tags(call.parameters.get("tags", {}))
    quota = int(RULES["run_groups.per_account"].limit)
    if len(region.run_groups) >= quota:
        raise ServiceQuotaExceededException(
            f"Account {region.account} has {quota} run groups in {region.name}, which is the most it can have."
        )
    group_id = region.new_id(RUN_GROUP)
    members = {
        **call.given(*_CHANGEABLE),
        "id": group_id,
        "arn": region.arn(RUN_GROUP, id=group_id),
        "creationTime": call.store.creation_time(),
        "tags": tags,
    }
    region.run_groups.add(group_id, RunGroup(members))
    region.tagged[members["arn"]] = (region.run_groups, group_id)
    return members


def get_run_group(call: Call) -> Members:
    """Describe a run group."""
    return find(call, call.parameters["id"]).members


def list_run_groups(call: Call) -> Members:
    """List the run groups, the oldest first."""
    return call.page_by_name(call.region.run_groups, call.store.faults.group_name_match)


def update_run_group(call: Call) -> Members:
    """Change name and limits; more room lets what is queued go on, and less stops nothing that is under way."""
    group = find(call, call.parameters["id"])
    call.region.run_groups.change(call.parameters["id"], **call.given(*_CHANGEABLE))
    queueing.advance(group)
    if call.store.wdl:
        call.store.wdl.slots.advance()
    return {}


def delete_run_group(call: Call) -> Members:
    """Delete a run group in which every run has ended."""
    group_id = call.parameters["id"]
    group = find(call, group_id)
    if group.active_runs:
        refuse(
            call.store.faults.group_in_use,
            f"Run group {group_id} has the active runs {', '.join(group.active_runs)}; "
            "wait for their end, or cancel them.",
        )
    call.region.run_groups.remove(group_id)
    del call.region.tagged[group.members["arn"]]
    return {}


def find(call: Call, group_id: str) -> RunGroup:
    """Return a run group of the caller's.

    :raises ResourceNotFoundException: if there is none.
    """
    group = call.region.run_groups.get(group_id)
    if group is None:
        raise ResourceNotFoundException(
            f"Account {call.region.account} has no run group {group_id} in {call.region.name}."
        )
    return group
