"""A cancellation that is throttled, refused, lost or too late, in a worker and in the triggerer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowTaskTimeout
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.resources import RUN
from airflow_provider_omics.triggers import omics as trigger_module
from airflow_provider_omics.triggers.omics import OmicsTrigger
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.test_killing import STOPPED, the_run
from tests.waits import both_modes, deferral_of, finish, resumed

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]


@pytest.fixture(autouse=True)
def _quick_triggers(monkeypatch: pytest.MonkeyPatch, omics_clock: Any) -> None:
    """Let the clock move where a trigger would pause, after everything else that is due."""
    pause = asyncio.sleep

    async def advance(seconds: float) -> None:
        omics_clock.advance(seconds)
        await pause(0)

    monkeypatch.setattr(trigger_module, "sleep", advance)


@pytest.fixture
def run(start: Any, context: ContextMaker) -> dict[str, Any]:
    """Return a run that is under way."""
    made: dict[str, Any] = start(wait_for_completion=False).execute(context(max_tries=1))
    return made


def trigger_of(run: dict[str, Any]) -> OmicsTrigger:
    return OmicsTrigger(resource="run", identifiers={"id": run["id"]}, arn=run["arn"], waiter_delay=1, try_number=1)


def run_ids(omics: Any) -> list[str]:
    return [run["id"] for run in omics.list_runs()["items"]]


# --- what may pass is repeated


@pytest.mark.parametrize("operation", ["CancelRun", "TagResource"])
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
@pytest.mark.parametrize("where", ["worker", "triggerer"])
def test_what_may_pass_is_repeated(
    operation: str, code: str, where: str, run: Any, omics: Any, omics_faults: Any
) -> None:
    omics_faults.fail(operation, code, times=5)
    if where == "worker":
        killing.cancel(OmicsHook(), RUN, {"id": run["id"]}, run["arn"], "failed")
    else:
        asyncio.run(trigger_of(run).on_kill())
    found = the_run(omics)
    assert found["status"] in STOPPED
    assert killing.TRY_ENDED in found["tags"]
    assert omics_faults.calls[operation] == 6


def test_many_deferred_tasks_that_are_ended_at_a_time_are_all_cancelled(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any, omics_emulator: Any
) -> None:
    omics_emulator.store.plans.set("*", Plan((Task("align", seconds=1_000_000),)))
    made = [start(wait_for_completion=False, preflight=False).execute(context(map_index=i)) for i in range(40)]
    omics_faults.limit("CancelRun", per_second=10)
    omics_faults.limit("TagResource", per_second=5)

    async def end_all() -> None:
        await asyncio.gather(*(trigger_of(run).on_kill() for run in made))

    asyncio.run(end_all())
    found = [omics.get_run(id=run["id"]) for run in made]
    assert {run["status"] for run in found} <= set(STOPPED)
    assert all(killing.TRY_ENDED in run["tags"] for run in found)


def test_what_takes_longer_than_airflow_waits_goes_on_in_the_triggerer(
    run: Any, omics: Any, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_module, "KILL_SECONDS", 0)
    omics_faults.fail("CancelRun", "ThrottlingException", times=5)

    async def course() -> None:
        await trigger_of(run).on_kill()
        assert the_run(omics)["status"] not in STOPPED
        await asyncio.gather(*trigger_module._under_way)

    asyncio.run(course())
    assert the_run(omics)["status"] in STOPPED
    assert not trigger_module._under_way


def test_repeating_ends(run: Any, omics: Any, omics_faults: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(killing, "sleep", pauses.append)
    omics_faults.throttle("CancelRun", rate=1)
    ending = killing.cancel(OmicsHook(), RUN, {"id": run["id"]}, run["arn"], "failed")
    assert isinstance(ending.error, errors.Throttled)
    assert killing.WORKER_SECONDS - killing.LONGEST_PAUSE_SECONDS <= sum(pauses) <= killing.WORKER_SECONDS
    assert killing.TRY_ENDED in the_run(omics)["tags"]


def at_run_timeout(hook: OmicsHook, run: dict[str, Any]) -> killing.Ending:
    return killing.Ending(hook, RUN, {"id": run["id"]}, run["arn"], "run_timeout is over", uuid=run["uuid"])


def test_a_cancellation_whose_answer_was_lost_is_ours(run: Any, omics: Any, omics_faults: Any) -> None:
    omics_faults.lose_answer("CancelRun")
    ending = at_run_timeout(OmicsHook(), run)
    killing.cancel_at_limit(ending)
    assert ending.accepted
    assert the_run(omics)["tags"][killing.TRY_ENDED] == "run_timeout is over"


def test_after_a_timeout_whose_tag_was_throttled_the_next_try_starts_another_run(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    omics_faults.fail("TagResource", "ThrottlingException", times=5)
    with pytest.raises(errors.WaitTimeout):
        start(run_timeout=60).execute(context(max_tries=1))
    omics_clock.advance(300)
    assert start().execute(context(try_number=2, max_tries=1))["status"] == "COMPLETED"
    assert len(run_ids(omics)) == 2


# --- what has completed is not paid for again


@pytest.mark.parametrize("on_timeout", ["cancel", "leave"])
def test_a_run_that_completes_before_its_task_is_taken_up_gives_its_result(
    on_timeout: str, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, omics_faults: Any
) -> None:
    operator, made = start(deferrable=True, run_timeout=60, on_timeout=on_timeout), context(max_tries=1)
    deferred = deferral_of(operator, made)
    event = resumed(operator, deferred)
    assert (event["status"], event["limit"]) == ("RUNNING", "run_timeout")
    omics_clock.advance(3600)
    assert operator.execute_complete(made, event)["status"] == "COMPLETED"
    assert killing.TRY_ENDED not in the_run(omics)["tags"]
    assert not omics_faults.calls["CancelRun"]


def test_a_run_that_completes_before_aws_is_told_to_cancel_it_is_not_given_up(
    run: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, stale = OmicsHook(), omics.get_run(id=run["id"])
    omics_clock.advance(3600)
    monkeypatch.setattr(hook, "look", lambda *_, **__: stale)
    ending = at_run_timeout(hook, run)
    killing.cancel_at_limit(ending)
    assert ending.settled is not None
    assert (ending.accepted, ending.settled["status"]) == (False, "COMPLETED")
    assert killing.TRY_ENDED not in the_run(omics)["tags"]
    assert start().execute(context(try_number=2, max_tries=1))["id"] == run["id"]


@pytest.mark.parametrize(("why", "runs"), [("run_timeout is over", 1), ("cleared", 2)])
def test_a_run_that_completed_although_it_was_to_be_cancelled(
    why: str, runs: int, run: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    """Out of time, it is as good as any; whom a person gave up, nobody goes on with."""
    omics.tag_resource(resourceArn=run["arn"], tags={killing.TRY_ENDED: why})
    omics_clock.advance(3600)
    start().execute(context(try_number=2, max_tries=1))
    assert len(run_ids(omics)) == runs


@pytest.mark.parametrize("ended_by", ["execution_timeout", "a person"])
def test_a_task_that_is_ended_while_it_reads_the_results(
    ended_by: str, state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try takes what completed, but for a person who wants it anew."""
    operator = start()
    state("restarting")

    def read(*_: Any) -> None:
        if ended_by == "a person":
            operator.on_kill()
            raise SystemExit
        try:
            raise AirflowTaskTimeout
        except AirflowTaskTimeout:
            operator.on_kill()
            raise

    monkeypatch.setattr(operator, "outcome", read)
    with pytest.raises((AirflowTaskTimeout, SystemExit)):
        operator.execute(context(max_tries=1))
    assert the_run(omics)["status"] == "COMPLETED"
    assert start().execute(context(try_number=2, max_tries=1))["status"] == "COMPLETED"
    assert len(run_ids(omics)) == (1 if ended_by == "execution_timeout" else 2)


# --- what cannot be cancelled


@both_modes
def test_a_run_that_cannot_be_cancelled_is_said_to_go_on(
    deferrable: bool, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    omics_faults.deny("CancelRun")
    with pytest.raises(errors.WaitTimeout, match=r"could not be cancelled: .*allow omics:CancelRun") as caught:
        finish(start(deferrable=deferrable, run_timeout=60), context(max_tries=1))
    assert not caught.value.cancelled
    assert the_run(omics)["status"] == "RUNNING"
    assert start().execute(context(try_number=2, max_tries=1))["id"] == the_run(omics)["id"]


# --- ids that AWS uses again


@both_modes
def test_a_run_that_has_the_id_of_a_deleted_one_is_not_taken_for_it(
    deferrable: bool, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, begin: Any, monkeypatch: Any
) -> None:
    from airflow_provider_omics.hooks import omics as hook_module

    operator, made = start(deferrable=deferrable, parameters={"sample": "mine"}), context(max_tries=1)

    def replace_it() -> None:
        (run_id,) = run_ids(omics)
        omics_clock.advance(3600)
        omics.delete_run(id=run_id)
        assert begin(parameters={"sample": "another"}) == run_id
        omics_clock.advance(3600)

    if deferrable:
        deferred = deferral_of(operator, made)
        replace_it()
        with pytest.raises(errors.RunCancelled, match="ended as DELETED"):
            operator.execute_complete(made, resumed(operator, deferred))
        return
    pauses = iter([replace_it])
    monkeypatch.setattr(hook_module, "sleep", lambda _: next(pauses)())
    with pytest.raises(errors.RunCancelled, match="ended as DELETED"):
        operator.execute(made)


def test_an_id_that_was_given_away_before_a_deferred_task_is_taken_up(
    start: Any, context: ContextMaker, omics: Any
) -> None:
    """The trigger saw the end, and another run has the id since."""
    operator, made = start(deferrable=True), context()
    event = resumed(operator, deferral_of(operator, made))
    assert event["status"] == "COMPLETED"
    with pytest.raises(errors.RunCancelled, match="ended as DELETED"):
        operator.execute_complete(made, event | {"uuid": "another"})


def test_an_event_of_a_trigger_that_did_not_tell_the_uuid_is_understood(start: Any, context: ContextMaker) -> None:
    operator, made = start(deferrable=True), context()
    event = resumed(operator, deferral_of(operator, made))
    del event["uuid"]
    assert operator.execute_complete(made, event)["status"] == "COMPLETED"


@needs_batches
def test_a_batch_whose_id_was_given_away_is_gone(start_batch: Any, context: ContextMaker, omics: Any) -> None:
    """Batches have no status DELETED: both modes say what AWS says of a batch that was deleted."""
    operator, made = start_batch(deferrable=True), context()
    deferred = deferral_of(operator, made)
    deferred.trigger.uuid = "another"
    with pytest.raises(errors.NotFound, match="the id is another one's"):
        operator.execute_complete(made, resumed(operator, deferred))
    batch = omics.list_batch()["items"][0]["id"]
    with pytest.raises(errors.NotFound, match="the id is another one's"):
        OmicsHook().wait(operator.resource, uuid="another", batchId=batch)


def test_the_hint_to_defer_on_mwaa_is_given_once(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """A try may wait twice: for the end of an old run, and for its own."""
    monkeypatch.setenv("AIRFLOW_ENV_NAME", "genomics")
    left = first_try(at={"max_tries": 1})
    omics.tag_resource(resourceArn=left["arn"], tags={killing.TRY_ENDED: "cleared"})
    omics.cancel_run(id=left["id"])
    start().execute(context(try_number=2, max_tries=1))
    text = logged()  # which holds each line twice on Airflow 2
    assert text.count("prefer deferrable=True") == text.count("this try waits for its end") > 0
