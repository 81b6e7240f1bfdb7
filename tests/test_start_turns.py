"""A start that AWS refuses for now: it waits for its turn, and gives up in time."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.operators import run_start, starting
from airflow_provider_omics.triggers import pause as pause_module
from tests.conftest import ContextMaker
from tests.waits import both_modes, finish

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch, omics_clock: Any) -> list[float]:
    """Let this machine's clock go with the emulator's, and note for how long a start waits."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        omics_clock.advance(seconds)

    async def pause(seconds: float) -> None:
        sleep(seconds)

    def time() -> float:
        now: float = omics_clock.now().timestamp()
        return now

    for module in (starting, run_start, pause_module):
        monkeypatch.setattr(module, "time", time)
    monkeypatch.setattr(starting, "sleep", sleep)
    monkeypatch.setattr(pause_module, "sleep", pause)
    return waited


@both_modes
def test_a_throttled_start_waits_for_its_turn(
    deferrable: bool, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, turns: list[float]
) -> None:
    omics_faults.fail("StartRun", "ThrottlingException", times=3 * 4)
    assert finish(start(deferrable=deferrable), context())["status"] == "COMPLETED"
    assert len(omics.list_runs()["items"]) == 1
    assert len(turns) == 4
    assert all(7 <= turn <= 120 for turn in turns)
    assert omics_faults.calls["GetWorkflow"] == 1  # the preflight is not made again


@both_modes
def test_a_start_waits_for_a_quota_until_its_time_is_over(
    deferrable: bool, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, turns: list[float]
) -> None:
    omics_faults.fail("StartRun", "ServiceQuotaExceededException", times=1000)
    with pytest.raises(errors.StartTimeout, match="its turn did not come within") as caught:
        finish(start(deferrable=deferrable, start_timeout=600), context())
    assert caught.value.waited >= 600
    assert sum(turns) == pytest.approx(600, abs=5)
    assert omics.list_runs()["items"] == []


@pytest.mark.parametrize("resumes_anew", [False, True], ids=["", "airflow-3.0-to-3.2"])
def test_a_deferred_start_gives_up_in_time_for_execution_timeout(
    resumes_anew: bool,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_faults: Any,
    omics_clock: Any,
    turns: list[float],
) -> None:
    made = context()
    made["ti"].start_date = omics_clock.now()
    omics_faults.fail("StartRun", "ThrottlingException", times=1000)
    operator = start(deferrable=True, execution_timeout=timedelta(minutes=10))
    start_again = operator.start_again

    def resumed(*arguments: Any, **kwargs: Any) -> Any:
        if resumes_anew:
            made["ti"].start_date = omics_clock.now()
        return start_again(*arguments, **kwargs)

    operator.start_again = resumed
    with pytest.raises(errors.StartTimeout, match=r"within 600 s \(execution_timeout\).*raise execution_timeout"):
        finish(operator, made)
    assert 600 - run_start.LONGEST_PAUSE_SECONDS - 10 < sum(turns) < 590
    assert omics.list_runs()["items"] == []


@pytest.mark.parametrize(
    ("refused", "carried"),
    [(True, True), (True, False), (False, False)],
    ids=["waiting-for-its-turn", "by-an-earlier-release", "not-sent-yet"],
)
def test_a_deferred_start_that_is_resumed_too_late_starts_nothing(
    refused: bool,
    carried: bool,
    start: Any,
    context: ContextMaker,
    omics_faults: Any,
    omics_clock: Any,
    turns: list[float],
) -> None:
    """A worker took it up after ``execution_timeout``: the run would be cancelled at once."""
    made = context()
    made["ti"].start_date = omics_clock.now()
    operator = start(deferrable=True, execution_timeout=timedelta(hours=1))
    if refused:
        omics_faults.fail("StartRun", "ThrottlingException", times=3)
        with pytest.raises(BaseException) as deferred:  # noqa: PT011 - TaskDeferred, which each Airflow keeps elsewhere
            operator.execute(made)
        trigger: Any = deferred.value.trigger  # type: ignore[attr-defined]
        event = {"try_number": 1, "carried": json.loads(json.dumps(trigger.carried))}
        if not carried:
            del event["carried"]["turn"]["deadline"]
        going_on = partial(operator.start_again, made, event)
    else:
        going_on = partial(operator.execute, made)
    omics_clock.advance(7200)
    with pytest.raises(errors.StartTimeout, match="execution_timeout") as caught:
        going_on()
    assert ("AWS's last answer: AWS HealthOmics refused StartRun" in str(caught.value)) is refused
    assert omics_faults.calls["StartRun"] == (3 if refused else 0)
