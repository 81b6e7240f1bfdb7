"""Who may cancel a run, and when: a kill, a deferred task that is ended, and time that runs out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import TRIGGER_TIMEOUTS, AirflowTaskTimeout
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks import omics as hook_module
from airflow_provider_omics.triggers import omics as trigger_module
from airflow_provider_omics.triggers import poller
from airflow_provider_omics.triggers.omics import OmicsTrigger
from tests.conftest import ContextMaker, FakeTaskInstance, Logged
from tests.waits import both_modes, finish

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

OVER = ["failed", "success", "skipped", "removed", "upstream_failed", "restarting", None]
GOES_ON = ["running", "deferred", "up_for_retry", "up_for_reschedule", "queued", "scheduled"]
STOPPED = ("STOPPING", "CANCELLED")


def killed_while_waiting(operator: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: float) -> None:
        operator.on_kill()
        raise SystemExit

    monkeypatch.setattr(hook_module, "sleep", killed)
    with pytest.raises(SystemExit):
        operator.execute(context)


def the_run(omics: Any) -> dict[str, Any]:
    (item,) = omics.list_runs()["items"]
    run: dict[str, Any] = omics.get_run(id=item["id"])
    return run


@pytest.mark.parametrize("found", [*OVER, *GOES_ON, LookupError("gone")], ids=str)
def test_a_worker_that_is_stopped_cancels_only_what_airflow_gave_up(
    found: Any, state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(found)
    killed_while_waiting(start(), context(max_tries=1), monkeypatch)
    run = the_run(omics)
    assert (run["status"] in STOPPED) is (found in OVER)
    assert (killing.TRY_ENDED in run["tags"]) is (found in OVER)


def test_a_worker_that_is_stopped_on_the_last_try_cancels(
    state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    state("running")
    killed_while_waiting(start(), context(try_number=2, max_tries=1), monkeypatch)
    assert the_run(omics)["status"] in STOPPED
    assert "killed on its last try. AWS saves what had completed to the run cache" in logged()


def test_without_cancel_on_kill_later_tries_are_told(
    state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state("restarting")
    killed_while_waiting(start(cancel_on_kill=False), context(), monkeypatch)
    run = the_run(omics)
    assert run["status"] not in STOPPED
    assert run["tags"][killing.TRY_ENDED] == "cleared"


def test_without_tags_of_ours_nothing_is_tagged(
    state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state("failed")
    killed_while_waiting(start(airflow_tags=False), context(), monkeypatch)
    run = the_run(omics)
    assert run["status"] in STOPPED
    assert run["tags"] == {}


@pytest.mark.parametrize(("found", "cancelled"), [("failed", True), ("running", False)])
def test_a_second_signal_asks_airflow_nothing_while_the_first_one_asks(
    found: str, cancelled: bool, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow 3.3 would wait for ever: its channel to the supervisor is locked while a question is under way."""
    operator, asked = start(), []

    def interrupted(*_: Any) -> str:
        asked.append(found)
        operator.on_kill()
        return found

    monkeypatch.setattr(killing, "task_state", interrupted)
    killed_while_waiting(operator, context(max_tries=1), monkeypatch)
    assert asked == [found]
    assert (the_run(omics)["status"] in STOPPED) is cancelled


@pytest.mark.parametrize("on_timeout", ["cancel", "leave"])
def test_an_execution_timeout_in_the_worker_is_told_from_a_kill(
    on_timeout: str, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow handles its own exception when it calls ``on_kill``."""
    operator = start(on_timeout=on_timeout, cancel_on_kill=False)

    def time_out(_: float) -> None:
        try:
            raise AirflowTaskTimeout
        except AirflowTaskTimeout:
            operator.on_kill()
            raise

    monkeypatch.setattr(hook_module, "sleep", time_out)
    with pytest.raises(AirflowTaskTimeout):
        operator.execute(context())
    assert (the_run(omics)["status"] in STOPPED) is (on_timeout == "cancel")
    assert (killing.TRY_ENDED in the_run(omics)["tags"]) is (on_timeout == "cancel")


def test_what_cannot_be_cancelled_does_not_break_the_kill(
    state: Any, start: Any, context: ContextMaker, omics_faults: Any, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    state("failed")
    omics_faults.deny("CancelRun")
    omics_faults.deny("TagResource")
    killed_while_waiting(start(), context(), monkeypatch)
    assert "could not be cancelled: AWS HealthOmics refused CancelRun" in logged()


# --- deferred


def trigger_of(run: dict[str, Any], **arguments: Any) -> OmicsTrigger:
    trigger = OmicsTrigger(
        resource="run", identifiers={"id": run["id"]}, arn=run["arn"], waiter_delay=1, try_number=1, **arguments
    )
    trigger.task_instance = cast(Any, FakeTaskInstance())
    return trigger


async def cancelled_twice(trigger: OmicsTrigger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel a trigger while it waits, and again while it finds out why: so does Airflow 3.0."""
    waits = asyncio.Event()

    async def wait_for_ever(*_: Any) -> None:
        waits.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(poller, "pause", wait_for_ever)

    async def consume(events: AsyncIterator[Any]) -> None:
        async for _ in events:
            raise AssertionError("no event is due")

    task = asyncio.ensure_future(consume(trigger.run()))
    await waits.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("found", [*OVER, *GOES_ON, LookupError("gone")], ids=str)
def test_before_airflow_3_3_a_cancelled_trigger_asks_why(
    found: Any, state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(found)
    monkeypatch.setattr(trigger_module, "TELLS_TRIGGERS_OF_KILLS", False)
    run = start(wait_for_completion=False).execute(context())
    asyncio.run(cancelled_twice(trigger_of(run), monkeypatch))
    assert (the_run(omics)["status"] in STOPPED) is (found in OVER)


def test_from_airflow_3_3_on_a_cancelled_trigger_leaves_it_to_on_kill(
    state: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state("failed")
    monkeypatch.setattr(trigger_module, "TELLS_TRIGGERS_OF_KILLS", True)
    run = start(wait_for_completion=False).execute(context())
    asyncio.run(cancelled_twice(trigger_of(run), monkeypatch))
    assert the_run(omics)["status"] not in STOPPED
    asyncio.run(trigger_of(run, cancel_on_kill=False).on_kill())
    assert the_run(omics)["status"] not in STOPPED
    asyncio.run(trigger_of(run).on_kill())
    assert the_run(omics)["status"] in STOPPED


# --- running out of time


@both_modes
@pytest.mark.parametrize("on_timeout", ["cancel", "leave"])
@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ({"waiter_max_attempts": 2, "waiter_delay": 1}, "(PENDING|STARTING)"),
        ({"pending_timeout": 1, "waiter_delay": 1}, "(PENDING|STARTING)"),
        ({"run_timeout": timedelta(seconds=60)}, "RUNNING"),
    ],
    ids=lambda limit: next(iter(limit)) if isinstance(limit, dict) else "",
)
def test_a_wait_that_runs_out_of_time(
    deferrable: bool,
    on_timeout: str,
    limit: dict[str, Any],
    status: str,
    start: Any,
    context: ContextMaker,
    omics: Any,
    logged: Logged,
) -> None:
    name = next(iter(limit))
    with pytest.raises(errors.WaitTimeout, match=f"status {status}: {name} is over") as caught:
        finish(start(deferrable=deferrable, on_timeout=on_timeout, **limit), context())
    run = the_run(omics)
    assert caught.value.cancelled is (on_timeout == "cancel")
    assert (run["status"] in STOPPED) is (on_timeout == "cancel")
    assert (f"{name} is over. AWS saves what had completed" in logged()) is (on_timeout == "cancel")


@both_modes
@pytest.mark.parametrize("on_timeout", ["cancel", "leave"])
def test_a_run_that_somebody_is_stopping_is_not_said_to_go_on(
    on_timeout: str, deferrable: bool, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = hook_module.OmicsHook.look

    def stopped(self: hook_module.OmicsHook, *arguments: Any, **members: Any) -> Any:
        omics.cancel_run(id=members["id"])
        monkeypatch.setattr(hook_module.OmicsHook, "look", look)
        return look(self, *arguments, **members)

    monkeypatch.setattr(hook_module.OmicsHook, "look", stopped)
    operator = start(deferrable=deferrable, waiter_max_attempts=1, on_timeout=on_timeout)
    with pytest.raises(errors.WaitTimeout, match=r"status STOPPING.*It was stopping already\. Next: a retry waits"):
        finish(operator, context())
    assert killing.TRY_ENDED not in the_run(omics)["tags"]


def test_a_run_that_waits_for_capacity_is_not_held_to_run_timeout(start: Any, context: ContextMaker) -> None:
    assert start(run_timeout=3600, pending_timeout=36000).execute(context())["status"] == "COMPLETED"


@pytest.mark.parametrize("on_timeout", ["cancel", "leave"])
def test_a_deferred_execution_timeout_ends_in_the_trigger(
    on_timeout: str, first_try: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    first_try(at={"max_tries": 1})
    made = context(try_number=2, max_tries=1)
    made["ti"].start_date = datetime.now(UTC) - timedelta(seconds=55)
    operator = start(deferrable=True, execution_timeout=timedelta(seconds=60), on_timeout=on_timeout)
    with pytest.raises(errors.WaitTimeout, match="execution_timeout is over"):
        finish(operator, made)
    assert (the_run(omics)["status"] in STOPPED) is (on_timeout == "cancel")


@pytest.mark.parametrize("said", sorted(TRIGGER_TIMEOUTS))
def test_where_airflow_itself_ended_the_wait_the_run_is_found_and_cancelled(
    said: str, start: Any, context: ContextMaker, omics: Any
) -> None:
    """As it does where the triggerer was down at the deadline."""
    start(wait_for_completion=False).execute(context())
    with pytest.raises(errors.WaitTimeout, match="execution_timeout is over"):
        start(deferrable=True).resume_execution("__fail__", {"error": said}, context())
    assert the_run(omics)["status"] in STOPPED


def test_a_trigger_that_crashed_leaves_the_run(start: Any, context: ContextMaker, omics: Any) -> None:
    start(wait_for_completion=False).execute(context())
    with pytest.raises(Exception, match="Trigger failure") as caught:
        start(deferrable=True).resume_execution("__fail__", {"error": "Trigger failure"}, context())
    assert not isinstance(caught.value, errors.OmicsError)
    assert the_run(omics)["status"] not in STOPPED


@pytest.mark.parametrize("argument", ["pending_timeout", "run_timeout", "start_timeout"])
def test_durations_must_be_positive(argument: str, start: Any, context: ContextMaker, omics_faults: Any) -> None:
    with pytest.raises(errors.OmicsInputError, match=f"{argument}: must be above 0 seconds"):
        start(**{argument: timedelta(0)}).execute(context())
    assert not omics_faults.calls


def test_the_limits_travel_as_plain_json(start: Any, context: ContextMaker) -> None:
    limits = start(run_timeout=timedelta(hours=1)).limits(context()).plain()
    assert json.loads(json.dumps(limits))["run_timeout"] == 3600


def test_a_synchronous_wait_on_mwaa_hints_at_deferring(
    start: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("AIRFLOW_ENV_NAME", "genomics")
    start().execute(context())
    assert "prefer deferrable=True" in logged()
