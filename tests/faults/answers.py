"""Faults of the service: what it forgets, repeats, loses and shows too late."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_omics.emulator.simulated import Plan
from tests.faults.cases import PLAN, Case
from tests.faults.row import BOTH, LATE_SECONDS, adopted, fault, kill_before_the_answer


def failing(plan: Plan) -> Plan:
    """Return the plan with a last task that fails in its first run."""
    *others, last = plan.tasks
    return replace(plan, tasks=(*others, replace(last, fail_first=1)))


@fault("StartRun's answer lost", names=BOTH)
def answer_lost(case: Case) -> None:
    case.faults.lose_answer("StartRun")
    case.trigger()
    case.waits()
    case.complete()
    case.ends()


@fault("request tokens forgotten, worker killed", names=BOTH)
def tokens_forgotten(case: Case) -> None:
    case.faults.idempotency = "off"
    kill_before_the_answer(case)
    adopted(case)


def fail_once(case: Case) -> None:
    """Let the first run fail, and the next try start another one."""
    case.needed = 2
    case.store.plans.set("*", failing(PLAN))
    case.trigger()
    case.waits()
    case.complete()
    adopted(case)


@fault("old request tokens replayed after a failure")
def tokens_replayed(case: Case) -> None:
    fail_once(case)


@fault("old request tokens answered with a conflict after a failure")
def tokens_conflict(case: Case) -> None:
    case.faults.idempotency = "conflict"
    fail_once(case)


@fault("old request tokens called invalid after a failure")
def tokens_invalid(case: Case) -> None:
    case.faults.idempotency = "validation"
    fail_once(case)


@fault("request tokens answered with a conflict, worker killed", names=BOTH)
def tokens_conflict_killed(case: Case) -> None:
    case.faults.idempotency = "conflict"
    kill_before_the_answer(case)
    adopted(case)


@fault("lists lag by 10 s, tokens forgotten, worker killed", names=BOTH)
def lists_lag(case: Case) -> None:
    case.faults.idempotency = "off"
    case.faults.list_lag = 10
    kill_before_the_answer(case)
    adopted(case)


@fault("lists match names by prefix, tokens forgotten, worker killed", names=BOTH)
def names_by_prefix(case: Case) -> None:
    case.faults.idempotency = "off"
    case.faults.run_name_match = "prefix"
    case.faults.slow("StartRun", seconds=LATE_SECONDS, times=1)
    case.trigger()
    members = case.until("StartRun is accepted", lambda: case.runs)[0].members
    copied = ("workflowId", "roleArn", "outputUri", "parameters", "cacheId")
    case.start_decoy(name=f"{members['name']}2", **{member: members[member] for member in copied})
    case.kill(case.process())
    adopted(case)


@fault("retry while the old run is STOPPING", arguments={"hold": "wait"})
def stopping(case: Case) -> None:
    case.needed = 2
    case.store.plans.set("*", failing(replace(PLAN, stopping=3600)))
    case.trigger()
    worker = case.held()
    case.complete()
    assert [run.status for run in case.runs] == ["STOPPING"]
    case.kill(worker)
    case.waits(2, anywhere=True)
    assert [run.status for run in case.runs] == ["STOPPING"], case.story()
    case.store.plans.set("*", PLAN)
    case.complete(3600)
    case.until("a new run is started", lambda: len(case.runs) > 1)
    case.waits(2)
    case.complete()
    case.ends()
