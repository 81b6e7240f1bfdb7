"""Exactly once: what a later try does with what an earlier one has started, row by row of the architecture's table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.hooks import killing
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

named = pytest.mark.parametrize("name", [None, "the author's"], ids=["our-name", "author-s-name"])


def runs(omics: Any) -> dict[str, str]:
    return {run["id"]: run["status"] for run in omics.list_runs()["items"]}


def fail_joint_call(omics_emulator: Any) -> None:
    plans = omics_emulator.store.plans
    plan = plans.plan_for("1234567")
    tasks = tuple(replace(task, fail_first=1) if task.name == "joint_call" else task for task in plan.tasks)
    plans.set("*", replace(plan, tasks=tasks))


# --- the worker died


@both_modes
@named
def test_before_start_run_the_next_try_starts_it(
    name: str | None, deferrable: bool, start: Any, context: ContextMaker, omics: Any
) -> None:
    result = finish(start(name=name, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert runs(omics) == {result["id"]: "COMPLETED"}


@both_modes
@named
@pytest.mark.parametrize("lag", [0, 10])
def test_after_start_run_the_next_try_goes_on_with_the_run(
    lag: float,
    name: str | None,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_faults: Any,
    logged: Logged,
) -> None:
    omics_faults.list_lag, omics_faults.idempotency, omics_faults.run_name_match = lag, "off", "prefix"
    left = first_try(name=name, at={"max_tries": 1})
    result = finish(start(name=name, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert result["id"] == left["id"]
    assert runs(omics) == {left["id"]: "COMPLETED"}
    assert f"Run {left['id']} of an earlier try is" in logged()


@both_modes
@named
def test_after_the_run_completed_the_next_try_returns_its_result(
    name: str | None, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = first_try(name=name, at={"max_tries": 1})
    omics_clock.advance(3600)
    result = finish(start(name=name, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert (result["id"], result["tasks_computed"]) == (left["id"], 5)
    assert runs(omics) == {left["id"]: "COMPLETED"}


@both_modes
def test_after_the_run_failed_exactly_one_new_run_is_started_on_the_same_cache(
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    cache_id: str,
    omics: Any,
    omics_emulator: Any,
    omics_clock: Any,
) -> None:
    fail_joint_call(omics_emulator)
    left = first_try(cache_id=cache_id, at={"max_tries": 3})
    omics_clock.advance(3600)
    second = start(cache_id=cache_id, wait_for_completion=False).execute(context(try_number=2, max_tries=3))
    result = finish(start(cache_id=cache_id, deferrable=deferrable), context(try_number=3, max_tries=3))
    assert result["id"] == second["id"] != left["id"]
    assert (result["tasks_computed"], result["tasks_reused"]) == (1, 4)
    assert runs(omics) == {left["id"]: "FAILED", second["id"]: "COMPLETED"}


# --- the run is on its way down


@both_modes
@pytest.mark.parametrize("told", [True, False], ids=["by-us", "by-somebody"])
def test_a_stopping_run_is_waited_for_and_then_another_one_started(
    told: bool, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, cache_id: str, omics: Any
) -> None:
    left = first_try(cache_id=cache_id, at={"max_tries": 1})
    omics.cancel_run(id=left["id"])
    if told:
        omics.tag_resource(resourceArn=left["arn"], tags={killing.TRY_ENDED: "execution_timeout is over"})
    assert runs(omics)[left["id"]] == "STOPPING"
    result = finish(start(cache_id=cache_id, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert result["id"] != left["id"]
    assert runs(omics) == {left["id"]: "CANCELLED", result["id"]: "COMPLETED"}


@both_modes
def test_a_stopping_run_that_completes_gives_its_result(
    deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = first_try(at={"max_tries": 1})
    while runs(omics)[left["id"]] != "STOPPING":
        omics_clock.advance(1)
    result = finish(start(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert result["id"] == left["id"]
    assert runs(omics) == {left["id"]: "COMPLETED"}


@both_modes
@pytest.mark.parametrize("retry_cancelled", [False, True])
def test_a_run_that_somebody_else_cancelled(
    retry_cancelled: bool,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
) -> None:
    left = first_try(at={"max_tries": 1})
    omics.cancel_run(id=left["id"])
    omics_clock.advance(600)
    operator = start(deferrable=deferrable, retry_cancelled=retry_cancelled)
    made = context(try_number=2, max_tries=1)
    if retry_cancelled:
        assert finish(operator, made)["id"] != left["id"]
    else:
        with pytest.raises(errors.RunCancelledForGood, match="CANCELLED") as caught:
            finish(operator, made)
        assert isinstance(caught.value, AirflowFailException)
        assert list(runs(omics)) == [left["id"]]


def test_a_run_that_airflow_itself_cancelled_is_started_again(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = first_try(at={"max_tries": 1})
    omics.cancel_run(id=left["id"])
    omics.tag_resource(resourceArn=left["arn"], tags={killing.TRY_ENDED: "run_timeout is over"})
    omics_clock.advance(600)
    assert start().execute(context(try_number=2, max_tries=1))["id"] != left["id"]


# --- somebody cleared the task


@both_modes
@named
def test_a_cleared_task_that_had_succeeded_runs_anew(
    name: str | None, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics_clock: Any
) -> None:
    left = first_try(name=name, at={"max_tries": 1})
    omics_clock.advance(3600)
    result = finish(start(name=name, deferrable=deferrable), context(try_number=2, max_tries=2))
    assert result["id"] != left["id"]


@both_modes
@pytest.mark.parametrize("cancel_on_kill", [True, False])
@pytest.mark.parametrize("how", ["finished", "running"])
def test_the_old_run_of_a_cleared_task_ends_first(
    how: str,
    cancel_on_kill: bool,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
) -> None:
    """Clearing a finished task raises ``max_tries``; clearing a running one leaves it, and the kill leaves word."""
    left = first_try(at={"max_tries": 1})
    if how == "running":
        omics.tag_resource(resourceArn=left["arn"], tags={killing.TRY_ENDED: "cleared"})
    operator = start(deferrable=deferrable, cancel_on_kill=cancel_on_kill)
    result = finish(operator, context(try_number=2, max_tries=2 if how == "finished" else 1))
    assert runs(omics) == {left["id"]: "CANCELLED" if cancel_on_kill else "COMPLETED", result["id"]: "COMPLETED"}
    assert result["id"] != left["id"]
