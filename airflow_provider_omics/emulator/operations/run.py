"""Runs: https://docs.aws.amazon.com/omics/latest/dev/running-workflows.html."""

from __future__ import annotations

from airflow_provider_omics.emulator.assumptions import refuse
from airflow_provider_omics.emulator.errors import ConflictException, ResourceNotFoundException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.records import Members, Run
from airflow_provider_omics.resources import RUN


def get_run(call: Call) -> Members:
    """Describe a run."""
    return find(call).members


def list_runs(call: Call) -> Members:
    """List the runs, the oldest first."""
    match = call.store.faults.run_name_match
    return call.page_by_name(call.region.runs, match, "runGroupId", "batchId", "status")


def cancel_run(call: Call) -> Members:
    """Cancel a run."""
    run = find(call)
    if run.status not in RUN.ended:
        run.course.cancel()
    else:
        refuse(call.store.faults.cancel_ended, f"Run {call.parameters['id']} is {run.status} and cannot be cancelled.")
    return {}


def delete_run(call: Call) -> Members:
    """Delete what HealthOmics knows of a run that has ended; its outputs and logs stay."""
    run, run_id = find(call), call.parameters["id"]
    if run.status not in RUN.ended:
        raise ConflictException(
            f"Run {run_id} is {run.status}; only a run that has ended can be deleted: cancel it, or wait."
        )
    call.region.remove_run(run)
    return {}


def list_run_tasks(call: Call) -> Members:
    """List the tasks that a run has submitted so far."""
    return call.page(find(call).tasks, "status")


def get_run_task(call: Call) -> Members:
    """Describe a task of a run."""
    task = find(call).tasks.get(call.parameters["taskId"])
    if task is None:
        raise ResourceNotFoundException(f"Run {call.parameters['id']} has no task {call.parameters['taskId']}.")
    return task.members


def find(call: Call) -> Run:
    """Return the run that a call names.

    :raises ResourceNotFoundException: if there is none.
    """
    run_id = call.parameters["id"]
    run = call.region.runs.get(run_id)
    if run is None:
        raise ResourceNotFoundException(f"Account {call.region.account} has no run {run_id} in {call.region.name}.")
    return run
