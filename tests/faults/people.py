"""Faults of people: what they clear, edit, mark and delete, and the time they give."""

from __future__ import annotations

from tests.faults.cases import PLAN, Case
from tests.faults.row import BOTH, adopted, fault

TIMEOUT_SECONDS = 90
"""Enough to start a run and to defer, also where the machine is busy: the one limit here that is Airflow's to keep."""


@fault("running task cleared")
def running_task_cleared(case: Case) -> None:
    case.needed, case.cancelled = 2, 1
    case.trigger()
    case.waits()
    case.clear_running()
    case.until("a new run is started", lambda: len(case.runs) > 1)
    assert case.runs[0].status == "CANCELLED", case.story()
    case.waits(2)
    case.complete()
    case.ends()


@fault("running task cleared, cancel_on_kill=False", arguments={"cancel_on_kill": False})
def cleared_and_left(case: Case) -> None:
    case.needed, case.left = 2, 1
    case.trigger()
    case.waits()
    case.clear_running()
    case.waits(2, anywhere=True)
    assert [run.status for run in case.runs] == ["RUNNING"], case.story()
    case.start_late()
    case.complete()
    case.until("a new run is started", lambda: len(case.runs) > 1)
    case.waits(2)
    case.complete()
    case.ends()


@fault("succeeded task cleared")
def succeeded_task_cleared(case: Case) -> None:
    case.needed = 2
    case.trigger()
    case.waits()
    case.complete()
    case.ends()
    case.start_late()
    case.clear_ended()
    case.waits(2)
    case.complete()
    case.ends()


@fault("retries edited between tries", names=BOTH, arguments={"hold": "wait"})
def retries_edited(case: Case) -> None:
    case.trigger()
    worker = case.held()
    case.arguments["retries"] = 9
    case.edited()
    case.kill(worker)
    adopted(case)


@fault("samplesheet reordered between tries", arguments={"hold": "wait"}, samples=("NA12878", "NA12891"))
def sheet_reordered(case: Case) -> None:
    case.needed, case.cancelled = 4, 2
    case.trigger()
    workers = [case.held(map_index) for map_index in (0, 1)]
    case.samples.reverse()
    case.edited()
    case.kill(*workers)
    case.until("both samples are started anew", lambda: len(case.runs) == 4)
    case.until("the old runs are told to stop", lambda: len(case.active()) <= 2)
    case.complete()
    case.ends()


@fault("DAG run id used again after a deletion")
def run_id_used_again(case: Case) -> None:
    case.needed = 2
    case.trigger()
    case.waits()
    case.complete()
    case.ends()
    case.delete()
    case.age()
    case.start_late()
    case.trigger()
    case.waits()
    case.complete()
    case.ends()


@fault("task marked failed by a person")
def marked_failed(case: Case) -> None:
    case.cancelled = 1
    case.trigger()
    case.waits()
    case.mark("failed")
    case.until("the run is cancelled", lambda: case.faults.calls["CancelRun"])
    case.ends("failed")


def cancel_elsewhere(case: Case) -> None:
    """Let somebody cancel the run outside Airflow, and time pass until it has ended."""
    case.cancelled = 1
    case.trigger()
    case.waits()
    case.client.cancel_run(id=case.runs[0].members["id"])
    case.complete(PLAN.stopping + 1)


@fault("run cancelled outside Airflow")
def cancelled_outside(case: Case) -> None:
    cancel_elsewhere(case)
    case.ends("failed")
    assert len(case.runs) == 1, case.story()


@fault("run cancelled outside Airflow, retry_cancelled=True", arguments={"retry_cancelled": True})
def cancelled_and_retried(case: Case) -> None:
    case.needed = 2
    cancel_elsewhere(case)
    adopted(case)


@fault("execution_timeout, on_timeout=cancel", arguments={"execution_timeout": TIMEOUT_SECONDS, "retries": 0})
def timeout_cancels(case: Case) -> None:
    case.cancelled = 1
    case.trigger()
    case.until("the run is started", lambda: case.runs)
    case.until("the run is cancelled", lambda: case.faults.calls["CancelRun"])
    case.ends("failed")


@fault("execution_timeout, on_timeout=leave", arguments={"execution_timeout": TIMEOUT_SECONDS, "on_timeout": "leave"})
def timeout_leaves(case: Case) -> None:
    case.trigger()
    adopted(case)


@fault("two deployments share an account", names=BOTH, arguments={"hold": "wait"})
def two_deployments(case: Case) -> None:
    """Go on as another deployment that has a DAG run of the same ids."""
    case.needed, case.left = 2, 1
    case.trigger()
    worker = case.held()
    case.arguments["aws_conn_id"] = case.elsewhere
    case.edited()
    case.kill(worker)
    case.until("the other deployment starts a run of its own", lambda: len(case.runs) > 1)
    adopted(case)
