"""Exactly once: what a later try does with what an earlier one has started, row by row of the architecture's table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks.omics import OmicsHook
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")

named = pytest.mark.parametrize("name", [None, "the author's"], ids=["our-name", "author-s-name"])


@pytest.fixture
def first_try(start: Any, context: ContextMaker) -> Any:
    """Return a maker of what the first try leaves behind when its worker dies: a run that nobody waits for."""

    def make(at: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        made: dict[str, Any] = start(wait_for_completion=False, **arguments).execute(context(**(at or {})))
        return made

    return make


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
    omics_faults.list_lag, omics_faults.idempotency, omics_faults.name_prefix_match = lag, "off", True
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


# --- is it the same?


def test_retries_that_were_edited_do_not_matter(first_try: Any, start: Any, context: ContextMaker) -> None:
    left = first_try(retries=3, at={"max_tries": 3})
    assert start(retries=1).execute(context(try_number=2, max_tries=3))["id"] == left["id"]


@both_modes
@named
@pytest.mark.parametrize("cancel_on_kill", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"sample": "NA12891"}},
        {"output_uri": "s3://omics-test-bucket/elsewhere"},
        {"role_arn": "arn:aws:iam::123456789012:role/Another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_request_gets_a_run_of_its_own(
    change: dict[str, Any],
    cancel_on_kill: bool,
    name: str | None,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    logged: Logged,
) -> None:
    arguments = {"name": name, "parameters": {"sample": "NA12878"}}
    left = first_try(at={"max_tries": 1}, **arguments)
    operator = start(deferrable=deferrable, cancel_on_kill=cancel_on_kill, **(arguments | change))
    result = finish(operator, context(try_number=2, max_tries=1))
    assert result["id"] != left["id"]
    assert runs(omics)[left["id"]] == ("CANCELLED" if cancel_on_kill else "COMPLETED")
    assert f"Run {left['id']} of an earlier try is under way, but was started with another request" in logged()


def test_another_task_instance_s_run_of_the_same_name_is_nobody_s_business(
    first_try: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    other = first_try(name="cohort", at={"map_index": 1, "max_tries": 1})
    result = start(name="cohort").execute(context(map_index=2, try_number=2, max_tries=1))
    assert result["id"] != other["id"]
    assert set(runs(omics).values()) == {"COMPLETED"}


def test_another_deployment_s_run_is_nobody_s_business(
    first_try: Any, start: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__OMICS__DEPLOYMENT", "production")
    other = first_try(at={"max_tries": 1})
    monkeypatch.setenv("AIRFLOW__OMICS__DEPLOYMENT", "staging")
    assert start().execute(context(try_number=2, max_tries=1))["id"] != other["id"]


def test_without_our_tags_our_own_name_is_enough(first_try: Any, start: Any, context: ContextMaker, omics: Any) -> None:
    left = first_try(airflow_tags=False, at={"max_tries": 1})
    assert omics.get_run(id=left["id"])["tags"] == {}
    made = context(try_number=2, max_tries=1)
    assert start(airflow_tags=False).execute(made)["id"] == left["id"]
    cleared = context(try_number=3, max_tries=3)
    assert start(airflow_tags=False).execute(cleared)["id"] != left["id"]


def test_without_our_tags_an_author_s_name_tells_nothing(first_try: Any, start: Any, context: ContextMaker) -> None:
    left = first_try(airflow_tags=False, name="mine", at={"max_tries": 1})
    again = start(airflow_tags=False, name="mine").execute(context(try_number=2, max_tries=1))
    assert again["id"] != left["id"]


def test_a_dag_run_id_that_is_used_again(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    """After a deletion the same tokens are sent, the same name is given, and the old run must not be taken."""
    old = first_try(at={"max_tries": 1})
    omics_clock.advance(3600)
    made = context(max_tries=1)
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    new = start(wait_for_completion=False).execute(made)
    assert new["id"] != old["id"]
    again = context(try_number=2, max_tries=1)
    again["dag_run"] = made["dag_run"]
    assert start().execute(again)["id"] == new["id"]
    omics.delete_run(id=new["id"])
    assert start().execute(again)["uuid"] not in (old["uuid"], new["uuid"])  # AWS uses ids again


def test_a_dag_run_that_was_cleared_knows_its_runs(
    first_try: Any, start: Any, context: ContextMaker, omics_clock: Any
) -> None:
    left = first_try(at={"max_tries": 1})
    omics_clock.advance(3600)
    made = context(try_number=2, max_tries=1)
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now() + timedelta(seconds=1), clear_number=1)
    assert start().execute(made)["id"] == left["id"]


# --- tokens and permissions


def test_a_token_that_was_used_long_ago_is_replaced_once(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, logged: Logged
) -> None:
    old = first_try()
    omics_clock.advance(3600)
    made = context()
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    assert start().execute(made)["id"] != old["id"]
    assert f"has been used before, for run {old['id']}; another one is sent" in logged()


def test_an_author_s_token_is_respected(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, logged: Logged
) -> None:
    old = first_try(request_id="mine")
    omics_clock.advance(3600)
    made = context()
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    assert start(request_id="mine").execute(made)["id"] == old["id"]
    assert f"request_id mine has been used before, for run {old['id']}" in logged()


@pytest.mark.parametrize("denied", ["ListRuns", "GetRun"])
def test_who_may_not_look_does_not_start_again(
    denied: str, first_try: Any, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    first_try(at={"max_tries": 1})
    omics_faults.deny(denied)
    with pytest.raises(errors.AccessDenied, match=f"allow omics:{denied}"):
        start().execute(context(try_number=2, max_tries=1))
    assert omics_faults.calls["StartRun"] == 1


def test_a_run_that_is_deleted_while_it_is_looked_for(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    left = first_try(at={"max_tries": 1})
    omics_clock.advance(3600)
    omics_faults.list_lag = 7200
    omics.delete_run(id=left["id"])
    assert start().execute(context(try_number=2, max_tries=1))["status"] == "COMPLETED"
    assert omics_faults.calls["StartRun"] == 2


@both_modes
def test_what_a_first_try_costs(deferrable: bool, start: Any, context: ContextMaker, omics_faults: Any) -> None:
    finish(start(deferrable=deferrable, preflight=False), context())
    assert set(omics_faults.calls) == {"StartRun", "GetRun", "ListRunTasks"}
    assert (omics_faults.calls["StartRun"], omics_faults.calls["ListRunTasks"]) == (1, 1)


def test_a_clock_that_runs_fast_makes_no_replay_of_a_new_run(
    start: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an emulator's does: a minute may pass for the service while a call takes a tenth of a second."""
    original = OmicsHook.create

    def slow(self: OmicsHook, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        omics_clock.advance(60)
        return answer

    monkeypatch.setattr(OmicsHook, "create", slow)
    for try_number in (1, 2):
        start(wait_for_completion=False).execute(context(try_number=try_number, max_tries=1))
    assert len(omics.list_runs()["items"]) == 1
