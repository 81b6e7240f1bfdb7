"""A task that is ended in a process that does not know what an earlier one has started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics.compat import AirflowTaskTimeout
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks.omics import OmicsHook
from tests.conftest import ContextMaker, Logged
from tests.test_killing import STOPPED, the_run
from tests.waits import deferral_of, resumed

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

AIRFLOW_2 = version("apache-airflow").startswith("2.")


@pytest.fixture
def executing() -> Iterator[Any]:
    """Let this process execute a task, as Airflow does around everything that it asks of an operator."""
    try:
        from airflow.sdk.execution_time.context import set_current_context
    except ImportError:  # Airflow 2
        from airflow.models.taskinstance import set_current_context  # type: ignore[no-redef,attr-defined,unused-ignore]
    with ExitStack() as stack:
        yield lambda context: stack.enter_context(set_current_context(context))


@pytest.mark.parametrize("on_timeout", ["cancel", "leave"])
def test_airflow_2_ends_a_deferred_task_without_asking_it(
    on_timeout: str, executing: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    """Where ``execution_timeout`` is over before a worker takes the task up again, it calls ``on_kill`` alone."""
    start(wait_for_completion=False).execute(context())
    executing(context())
    try:
        raise AirflowTaskTimeout
    except AirflowTaskTimeout:
        start(deferrable=True, on_timeout=on_timeout).on_kill()
    assert (the_run(omics)["status"] in STOPPED) is (on_timeout == "cancel")
    assert (killing.TRY_ENDED in the_run(omics)["tags"]) is (on_timeout == "cancel")


@pytest.mark.parametrize("answered", [True, False], ids=["before-the-tag", "before-the-answer"])
@pytest.mark.parametrize("status", STOPPED)
def test_an_execution_timeout_that_interrupts_a_cancellation_lets_it_end(
    status: str,
    answered: bool,
    executing: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    omics_faults: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without its tag the next try would take the cancellation for somebody else's, and not start again."""
    operator, made = start(deferrable=True, run_timeout=60), context(max_tries=1)
    event = resumed(operator, deferral_of(operator, made))
    executing(made)

    def alarm() -> None:
        omics_clock.advance(0 if status == "STOPPING" else 3600)
        raise AirflowTaskTimeout

    if answered:
        omics_faults.fail("TagResource", "ThrottlingException")
        monkeypatch.setattr(killing, "sleep", lambda _: alarm())
    else:
        ask = OmicsHook.ask

        def ask_once(self: OmicsHook, operation: str, **members: Any) -> Any:
            monkeypatch.setattr(OmicsHook, "ask", ask)
            ask(self, operation, **members)
            alarm()

        monkeypatch.setattr(OmicsHook, "ask", ask_once)
    try:
        operator.execute_complete(made, event)
    except AirflowTaskTimeout:
        operator.on_kill()
    run = the_run(omics)
    assert (run["status"], run["tags"][killing.TRY_ENDED]) == (status, "run_timeout is over")
    assert omics_faults.calls["CancelRun"] == 1
    omics_clock.advance(3600)
    assert start().execute(context(try_number=2, max_tries=1))["status"] == "COMPLETED"


@pytest.mark.skipif(not AIRFLOW_2, reason="later versions do not count from the start of a task that was deferred")
def test_so_does_airflow_2_itself(executing: Any, start: Any, context: ContextMaker, omics: Any) -> None:
    from airflow.models.taskinstance import _execute_task  # type: ignore[attr-defined,unused-ignore]

    start(wait_for_completion=False).execute(context())
    resumed = context()
    executing(resumed)
    ti = resumed["ti"]
    ti.start_date = datetime.now(UTC) - timedelta(seconds=61)
    ti.task = start(deferrable=True, execution_timeout=timedelta(seconds=60))
    ti.next_method, ti.next_kwargs = "execute_complete", {"event": {}}
    with pytest.raises(AirflowTaskTimeout):
        _execute_task(ti, resumed, ti.task)
    assert the_run(omics)["status"] in STOPPED


@pytest.mark.parametrize("found", ["failed", "running"])
def test_a_retry_that_was_still_looking_knows_what_it_would_have_gone_on_with(
    found: str, executing: Any, state: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    start(wait_for_completion=False).execute(context(max_tries=2))
    state(found)
    executing(context(try_number=2, max_tries=2))
    start().on_kill()
    assert (the_run(omics)["status"] in STOPPED) is (found == "failed")


def test_what_carries_no_tags_of_ours_is_found_by_its_name_and_not_tagged(
    executing: Any, state: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    start(wait_for_completion=False, airflow_tags=False).execute(context())
    state("failed")
    executing(context())
    start(airflow_tags=False).on_kill()
    assert the_run(omics)["status"] in STOPPED
    assert the_run(omics)["tags"] == {}


def test_what_cannot_be_looked_for_does_not_hide_the_kill(
    executing: Any, state: Any, start: Any, context: ContextMaker, omics_faults: Any, logged: Logged
) -> None:
    state("failed")
    executing(context())
    omics_faults.deny("ListRuns")
    start().on_kill()
    assert "Whether this task has a run under way is unknown" in logged()


def test_outside_a_task_nothing_is_looked_for(state: Any, start: Any, omics_faults: Any) -> None:
    state("failed")
    start().on_kill()
    assert not omics_faults.calls


@pytest.fixture
def killed_in_start(state: Any, executing: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what executes a task that a person ends while the answer of its first StartRun, or of a later one, is on
    its way."""

    def execute(operator: Any, made: Any, *, call: int = 1) -> None:
        create, calls = OmicsHook.create, []

        def killed(self: OmicsHook, *arguments: Any, **members: Any) -> Any:
            calls.append(create(self, *arguments, **members))
            if len(calls) == call:
                state("failed")
                operator.on_kill()
                raise SystemExit
            return calls[-1]

        executing(made)
        monkeypatch.setattr(OmicsHook, "create", killed)
        with pytest.raises(SystemExit):
            operator.execute(made)

    return execute


def test_a_kill_after_the_end_of_an_old_run_is_meant_for_the_new_one(
    killed_in_start: Any, first_try: Any, start: Any, context: ContextMaker, cache_id: str, omics: Any
) -> None:
    left = first_try(at={"max_tries": 2}, cache_id=cache_id)
    omics.cancel_run(id=left["id"])
    omics.tag_resource(resourceArn=left["arn"], tags={killing.TRY_ENDED: "cleared"})
    killed_in_start(start(cache_id=cache_id), context(try_number=2, max_tries=2))
    (new,) = [run for run in omics.list_runs()["items"] if run["id"] != left["id"]]
    assert new["status"] in STOPPED
    assert omics.get_run(id=left["id"])["tags"][killing.TRY_ENDED] == "cleared"


def test_a_kill_is_not_meant_for_an_older_run_of_the_same_token(
    killed_in_start: Any,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    omics_emulator: Any,
) -> None:
    """A DAG run's id is used again, and AWS answers the first token with a run that is still under way."""
    omics_emulator.store.plans.set("*", Plan((Task("align", seconds=86400),)))
    old = first_try()["id"]
    omics_clock.advance(3600)
    made = context()
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    killed_in_start(start(), made, call=2)
    runs = {run["id"]: run["status"] for run in omics.list_runs()["items"]}
    assert runs.pop(old) == "RUNNING"
    assert killing.TRY_ENDED not in omics.get_run(id=old)["tags"]
    (new,) = runs.values()
    assert new in STOPPED


def test_a_kill_after_a_token_was_replaced_is_meant_for_the_new_run(
    state: Any, first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    old = first_try()
    omics_clock.advance(3600)
    made = context()
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    operator = start(wait_for_completion=False)
    new = operator.execute(made)["id"]
    state("failed")
    operator.on_kill()
    assert new != old["id"]
    assert omics.get_run(id=new)["status"] in STOPPED
