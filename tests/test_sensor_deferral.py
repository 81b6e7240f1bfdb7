"""A sensor that is deferred: its timeout, stale events, kills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_omics.compat import TRIGGER_FAILED, TRIGGER_TIMEOUTS
from airflow_provider_omics.sensors.run import RunSensor
from tests.conftest import ContextMaker

pytestmark = pytest.mark.matrix


@pytest.fixture
def run_id(begin: Callable[..., str]) -> str:
    """Start a run."""
    return begin()


def watch(run_id: str, **arguments: Any) -> RunSensor:
    return RunSensor(task_id="watch", run_id=run_id, deferrable=True, **arguments)


def deferral(call: Callable[[], Any]) -> Any:
    with pytest.raises(BaseException, check=lambda ended: type(ended).__name__ == "TaskDeferred") as caught:
        call()
    return caught.value


def test_no_answer_at_the_look_after_a_deferral_defers_again_until_the_same_deadline(
    run_id: str, context: ContextMaker, omics_faults: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_clock.advance(3600)
    omics_faults.fail("GetRun", "ThrottlingException", times=1)
    event = {"resource": "run", "identifiers": {"id": run_id}, "try_number": 1, "status": "COMPLETED", "attempts": 9}
    now = datetime.now(UTC).timestamp()
    sensor = watch(run_id, timeout=1000)
    deferred = deferral(lambda: sensor.execute_complete(context(), event, deadline=now + 60))
    assert deferred.kwargs == {"deadline": now + 60}
    assert timedelta(seconds=50) < deferred.timeout <= timedelta(seconds=60)


@pytest.mark.parametrize("error", sorted(TRIGGER_TIMEOUTS))
@pytest.mark.parametrize(
    ("soft_fail", "ended"), [(False, "AirflowSensorTimeout"), (True, "AirflowSkipException")], ids=["fail", "skip"]
)
def test_the_timeout_of_a_deferral_is_the_sensor_s(
    soft_fail: bool, ended: str, error: str, run_id: str, context: ContextMaker, omics_faults: Any
) -> None:
    sensor = watch(run_id, timeout=77, soft_fail=soft_fail)
    deferred = deferral(lambda: sensor.execute(context()))
    assert timedelta(seconds=76) < deferred.timeout <= timedelta(seconds=77)
    with pytest.raises(Exception, match=r"timeout|soft_fail") as caught:
        sensor.resume_execution(TRIGGER_FAILED, {"error": error}, context())
    assert type(caught.value).__name__ == ended
    assert not omics_faults.calls["CancelRun"]


def test_a_retry_that_is_handed_the_event_of_the_try_before_looks_for_itself(
    run_id: str, context: ContextMaker
) -> None:
    """As Airflow 3.0 does."""
    stale = {"resource": "run", "identifiers": {"id": run_id}, "try_number": 1, "status": "FAILED", "attempts": 1}
    sensor = watch(run_id, timeout=1000)
    deferred = deferral(lambda: sensor.execute_complete(context(try_number=2), stale, deadline=0.0))
    assert deferred.timeout > timedelta(seconds=900)
    assert deferred.trigger.serialize()[1]["try_number"] == 2


def test_a_killed_sensor_leaves_the_run(run_id: str, context: ContextMaker, omics_faults: Any) -> None:
    sensor = watch(run_id)
    trigger = deferral(lambda: sensor.execute(context())).trigger
    if hasattr(trigger, "on_kill"):
        asyncio.run(trigger.on_kill())
    sensor.on_kill()
    assert not omics_faults.calls["CancelRun"]
