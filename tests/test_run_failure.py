"""What StartRunOperator makes of a run that failed: its error, its log, its XCom, and whether Airflow retries."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.links.omics import RunLink, log_url
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")

CANARY = "patient-4711"


@pytest.fixture
def fail(omics_emulator: Any) -> Any:
    """Return a way to let the last task of the next run fail."""

    def let_fail(reason: str, message: str = "The task's command ended with exit code 1.") -> None:
        plans = omics_emulator.store.plans
        *others, last = plans.plan_for("*").tasks
        failing = replace(last, fail_first=1, failure_reason=reason, status_message=message)
        plans.set("*", replace(plans.plan_for("*"), tasks=(*others, failing)))

    return let_fail


@both_modes
def test_the_error_reads_like_a_colleagues_message(
    deferrable: bool, start: Any, cache_id: str, fail: Any, context: ContextMaker, omics: Any
) -> None:
    fail("RUN_TASK_FAILED", "bcftools: exit 255")
    made = context()
    with pytest.raises(errors.RunFailed) as caught:
        finish(start(cache_id=cache_id, deferrable=deferrable), made)
    run_id = caught.value.run_id
    failed = next(task for task in omics.list_run_tasks(id=run_id)["items"] if task["status"] == "FAILED")["taskId"]
    assert str(caught.value).splitlines() == [
        f"HealthOmics run {run_id} ended as FAILED: RUN_TASK_FAILED.",
        "AWS says: Task joint_call failed. bcftools: exit 255",
        f"Task joint_call ({failed}) failed: bcftools: exit 255",
        "Most likely it is for the author of the workflow: A task's command failed.",
        "Next: Read the end of the task's log. Exit code 137 most often means too little memory, 127 a command that "
        "the image lacks.",
        f"0 of 5 tasks were reused from cache {cache_id}. "
        "4 tasks were computed and saved to it: a retry on it reuses that.",
        f"Run: {RunLink.url('us-east-1', run_id)}",
        f"Log: group /aws/omics/WorkflowLog, stream run/{run_id}/task/{failed}",
        log_url("us-east-1", f"run/{run_id}/task/{failed}"),
    ]
    assert made["ti"].pushed["cache_summary"]["failed"] == {"joint_call": 1}


def write_log(omics_emulator: Any, stream: str, *lines: str) -> None:
    store = omics_emulator.store
    store.neighbours.log("123456789012", "us-east-1", "/aws/omics/WorkflowLog", stream, [(store.now, m) for m in lines])


def test_the_end_of_the_log_goes_to_the_tasks_log_and_nowhere_else(
    start: Any, fail: Any, context: ContextMaker, omics_emulator: Any, omics_clock: Any, omics: Any, logged: Logged
) -> None:
    fail("RUN_TASK_FAILED")
    made = context()
    operator = start(log_lines=3, wait_for_completion=False)
    run_id = operator.execute(made)["id"]
    omics_clock.advance(3600)
    failed = next(task for task in omics.list_run_tasks(id=run_id)["items"] if task["status"] == "FAILED")["taskId"]
    secret = f"{CANARY} https://b/k?X-Amz-Signature=0123456789abcdef"
    write_log(omics_emulator, f"run/{run_id}/task/{failed}", "too early", "one", "two", secret)
    with pytest.raises(errors.RunFailed) as caught:
        operator.outcome(made, omics.get_run(id=run_id))
    assert "| one\n| two\n| patient-4711 https://b/k?X-Amz-Signature=[redacted]" in logged()
    assert "too early" not in logged()
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(vars(caught.value))
    assert CANARY not in repr(made["ti"].pushed)


def test_no_log_where_none_is_wanted(start: Any, fail: Any, context: ContextMaker, logged: Logged) -> None:
    fail("RUN_TASK_FAILED")
    with pytest.raises(errors.RunFailed):
        start(log_lines=0).execute(context())
    assert "The end of /aws/omics/WorkflowLog" not in logged()


def test_a_run_that_logs_nothing_is_not_asked_for_its_log(
    start: Any, fail: Any, context: ContextMaker, logged: Logged
) -> None:
    fail("RUN_TASK_FAILED")
    with pytest.raises(errors.RunFailed) as caught:
        start(log_level="OFF").execute(context())
    assert "WorkflowLog" not in str(caught.value)
    assert "cannot be read" not in logged()


@pytest.mark.parametrize("lines", [-1, 10_001, "30", True])
def test_a_number_of_lines_that_cannot_be_is_refused_before_any_call(
    lines: Any, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    with pytest.raises(errors.OmicsInputError, match="log_lines"):
        start(log_lines=lines).execute(context())
    assert not omics_faults.calls["StartRun"]


def test_an_error_that_nobody_foresaw_never_hides_the_failure(
    start: Any, fail: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    fail("INVALID_ECR_IMAGE_URI")

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("not what AWS answers")

    operator = start(wait_for_completion=False)
    run_id = operator.execute(context())["id"]
    description = OmicsHook().conn.get_run(id=run_id) | {"status": "FAILED", "failureReason": "INVALID_ECR_IMAGE_URI"}
    monkeypatch.setattr(OmicsHook, "iterate", broken)
    with pytest.raises(errors.RunFailedForGood):
        operator.outcome(context(), description)
    assert "What became of the tasks is unknown: not what AWS answers" in logged()


@pytest.mark.parametrize(
    ("reason", "cleared", "started"),
    [("INVALID_TASK_RESOURCE_VALUE", 0, 1), ("INVALID_TASK_RESOURCE_VALUE", 1, 2), ("RUN_TASK_FAILED", 0, 2)],
)
def test_what_cannot_heal_is_not_started_again_where_no_try_saw_its_end(
    reason: str,
    cleared: int,
    started: int,
    start: Any,
    fail: Any,
    context: ContextMaker,
    omics_clock: Any,
    omics_faults: Any,
) -> None:
    """Unless the DAG run was cleared: where ``retries`` was lowered before, ``max_tries`` may be the same."""
    fail(reason)
    made = context(try_number=2)
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=cleared)
    start(wait_for_completion=False).execute(context())
    omics_clock.advance(3600)
    with pytest.raises(errors.RunFailedForGood) if started == 1 else nullcontext():
        start().execute(made)
    assert omics_faults.calls["StartRun"] == started


def test_of_a_deleted_run_nothing_is_looked_up(start: Any, begin: Any, context: ContextMaker, omics: Any) -> None:
    """Its id may be another run's by now."""
    run_id = begin()
    with pytest.raises(errors.RunError) as caught:
        start().outcome(context(), omics.get_run(id=run_id) | {"status": "DELETED"})
    assert "tasks" not in str(caught.value).partition("A retry")[0]
    assert "https://" not in str(caught.value)


def test_a_cancelled_run_says_how_to_start_another_one(
    start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    operator = start(wait_for_completion=False)
    run_id = operator.execute(context())["id"]
    omics.cancel_run(id=run_id)
    omics_clock.advance(3600)
    with pytest.raises(errors.RunCancelledForGood, match=r"Next: clear the task .*retry_cancelled=True"):
        operator.outcome(context(), omics.get_run(id=run_id))


@pytest.mark.parametrize("denied", ["ListRunTasks", "GetRunTask"])
def test_a_missing_permission_never_hides_the_failure(
    denied: str, start: Any, fail: Any, cache_id: str, context: ContextMaker, omics_faults: Any, logged: Logged
) -> None:
    fail("OUT_OF_MEMORY_ERROR")
    omics_faults.deny(denied)
    with pytest.raises(errors.RunFailed, match="Raise the task's memory") as caught:
        start(cache_id=cache_id).execute(context())
    assert caught.value.reason == "OUT_OF_MEMORY_ERROR"
    assert f"allow omics:{denied}" in logged()


def test_logs_that_cannot_be_read_never_hide_the_failure(
    start: Any, fail: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    fail("RUN_TASK_FAILED")
    monkeypatch.setattr("airflow_provider_omics.operators.run_report.LOG_GROUP", "/aws/omics/Elsewhere")
    with pytest.raises(errors.RunFailed):
        start().execute(context())
    assert "cannot be read" in logged()


def test_of_many_failed_tasks_five_are_asked_about(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = start(wait_for_completion=False)
    run_id = operator.execute(context())["id"]
    many = [{"name": f"align_{n}", "taskId": str(n), "status": "FAILED"} for n in range(1, 9)]
    monkeypatch.setattr(OmicsHook, "iterate", lambda *_, **__: iter(many))
    url = "https://b/k?X-Amz-Signature=0123456789abcdef"
    with pytest.raises(errors.RunFailed) as caught:
        operator.outcome(context(), omics.get_run(id=run_id) | {"status": "FAILED", "statusMessage": url})
    assert omics_faults.calls["GetRunTask"] == 5
    assert caught.value.aws_message == "https://b/k?X-Amz-Signature=[redacted]"


@pytest.mark.parametrize(("reason", "for_good"), [("INVALID_ECR_IMAGE_URI", True), ("ECR_PERMISSION_ERROR", False)])
def test_only_what_cannot_heal_skips_the_retries(
    reason: str, for_good: bool, start: Any, fail: Any, context: ContextMaker
) -> None:
    fail(reason)
    with pytest.raises(errors.RunFailed) as caught:
        start().execute(context())
    assert isinstance(caught.value, AirflowFailException) is for_good
    assert isinstance(caught.value, errors.RunFailedForGood) is for_good


@pytest.mark.parametrize("reason", ["FILE_SYSTEM_OUT_OF_SPACE", "RUN_TIMED_OUT"])
def test_where_aws_saves_nothing_the_error_says_so_and_the_retry_computes_everything(
    reason: str, start: Any, fail: Any, cache_id: str, context: ContextMaker
) -> None:
    fail(reason)
    with pytest.raises(errors.RunFailed, match=f"After {reason} AWS saves nothing"):
        start(cache_id=cache_id).execute(context())
    again = start(cache_id=cache_id).execute(context(try_number=2))
    assert (again["tasks_computed"], again["tasks_reused"]) == (5, 0)
