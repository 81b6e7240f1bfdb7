"""The sensors against the emulator: looking in the worker, rescheduled and deferred."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import BaseSensorOperator
from airflow_provider_omics.hooks import schema
from airflow_provider_omics.sensors.base import OmicsBaseSensor
from airflow_provider_omics.sensors.run import RunSensor, RunTaskSensor
from airflow_provider_omics.sensors.run_batch import RunBatchSensor
from airflow_provider_omics.sensors.workflow import WorkflowSensor, WorkflowVersionSensor
from airflow_provider_omics.triggers.omics import OmicsTrigger
from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_status
from tests.waits import event_of

pytestmark = [pytest.mark.usefixtures("quick_waits", "_quick_pokes"), pytest.mark.matrix]

MODES: dict[str, dict[str, Any]] = {"poke": {}, "reschedule": {"mode": "reschedule"}, "deferred": {"deferrable": True}}
each_mode = pytest.mark.parametrize("mode", MODES)
AIRFLOWS = inspect.getmodule(BaseSensorOperator)
"""The module of Airflow's own sensor, which sleeps between two pokes."""

Finish = Callable[..., Any]
ROLE = "arn:aws:iam::123456789012:role/Omics"


class Seconds:
    """A clock that the emulator's moves with: what Airflow's sensor reads and sleeps by."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self.now, self.advance = 1_000_000.0, advance

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.advance(seconds)

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def seconds(omics_clock: Any) -> Seconds:
    return Seconds(omics_clock.advance)


@pytest.fixture
def _quick_pokes(monkeypatch: pytest.MonkeyPatch, seconds: Seconds) -> None:
    monkeypatch.setattr(AIRFLOWS, "time", SimpleNamespace(sleep=seconds.sleep, monotonic=seconds.monotonic))
    monkeypatch.setattr(AIRFLOWS, "_orig_start_date", lambda **_: None, raising=False)  # Airflow 2.11 asks its database


@pytest.fixture
def finish(seconds: Seconds) -> Finish:
    """Return what does for a sensor what Airflow does: reschedule it, or wait in the trigger and resume it."""

    def run(sensor: OmicsBaseSensor, context: Any) -> Any:
        context["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC)
        call: Callable[[], Any] = lambda: sensor.execute(context)  # noqa: E731
        for _ in range(100):
            sensor.__dict__.pop("hook", None)  # each is a new process
            try:
                return call()
            except BaseException as ended:
                call = resumption(sensor, context, ended)
        raise AssertionError("never ended")

    def resumption(sensor: OmicsBaseSensor, context: Any, ended: Any) -> Callable[[], Any]:
        if type(ended).__name__ == "AirflowRescheduleException":
            seconds.sleep((ended.reschedule_date - datetime.now(UTC)).total_seconds())
            return lambda: sensor.execute(context)
        if type(ended).__name__ != "TaskDeferred":
            raise ended
        _, kwargs = ended.trigger.serialize()
        event = json.loads(json.dumps(event_of(OmicsTrigger(**json.loads(json.dumps(kwargs))))))
        stored = json.loads(json.dumps(ended.kwargs))
        return lambda: sensor.resume_execution(ended.method_name, {**stored, "event": event}, context)

    return run


@pytest.fixture
def run_id(begin: Callable[..., str]) -> str:
    """Start a run that completes."""
    return begin()


@pytest.fixture
def failing_run_id(begin: Callable[..., str], omics_emulator: Any) -> str:
    """Start a run one of whose tasks fails."""
    plans = omics_emulator.store.plans
    plan = plans.plan_for("1234567")
    plans.set("*", replace(plan, tasks=tuple(replace(task, fail_first=1) for task in plan.tasks)))
    return begin()


def watch(run_id: str, mode: str = "poke", **arguments: Any) -> RunSensor:
    return RunSensor(task_id="watch", run_id=run_id, **(MODES[mode] | {"poke_interval": 20} | arguments))


@each_mode
def test_a_run_that_completes(
    mode: str, run_id: str, finish: Finish, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    found = finish(watch(run_id, mode), context())
    assert json.loads(json.dumps(found)) == found
    described = omics.get_run(id=run_id)
    assert (found["status"], found["uuid"], found["arn"]) == ("COMPLETED", described["uuid"], described["arn"])
    assert found["stopTime"].startswith("20")
    assert omics_faults.calls["GetRun"] > 3
    assert not omics_faults.calls["CancelRun"]


@each_mode
def test_a_run_that_fails_fails_the_task_for_good(
    mode: str, failing_run_id: str, finish: Finish, context: ContextMaker
) -> None:
    with pytest.raises(
        errors.ResourceFailed, match=f"HealthOmics run {failing_run_id} ended as FAILED: RUN_TASK_FAILED"
    ) as caught:
        finish(watch(failing_run_id, mode), context())
    assert (caught.value.status, caught.value.reason) == ("FAILED", "RUN_TASK_FAILED")
    assert caught.value.identifiers == {"id": failing_run_id}
    assert "Next: " in str(caught.value)


@each_mode
def test_a_run_that_is_cancelled_fails_the_task_too(
    mode: str, run_id: str, finish: Finish, context: ContextMaker, omics: Any
) -> None:
    omics.cancel_run(id=run_id)
    with pytest.raises(errors.ResourceFailed, match="ended as CANCELLED"):
        finish(watch(run_id, mode), context())


@each_mode
def test_soft_fail_skips(mode: str, failing_run_id: str, finish: Finish, context: ContextMaker) -> None:
    with pytest.raises(Exception, match=r"soft_fail|ended as FAILED") as caught:
        finish(watch(failing_run_id, mode, soft_fail=True), context())
    assert type(caught.value).__name__ == "AirflowSkipException"


@each_mode
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException", "RequestTimeoutException"])
def test_passing_errors_never_fail_a_poke(
    mode: str,
    code: str,
    run_id: str,
    finish: Finish,
    context: ContextMaker,
    omics_faults: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_faults.fail("GetRun", code, times=5)
    assert finish(watch(run_id, mode), context())["status"] == "COMPLETED"


@each_mode
def test_a_denied_look_fails_with_the_permission(
    mode: str, run_id: str, finish: Finish, context: ContextMaker, omics_faults: Any
) -> None:
    omics_faults.deny("GetRun")
    with pytest.raises(errors.AccessDenied, match="allow omics:GetRun"):
        finish(watch(run_id, mode), context())


@each_mode
def test_an_unknown_run_fails(mode: str, finish: Finish, context: ContextMaker) -> None:
    with pytest.raises(errors.NotFound, match="check the id"):
        finish(watch("9999999", mode), context())


@each_mode
def test_bad_input_is_refused_before_any_call(
    mode: str, finish: Finish, context: ContextMaker, omics_faults: Any
) -> None:
    with pytest.raises(errors.OmicsInputError, match="run_id: 'x' must be digits only"):
        finish(watch("x", mode), context())
    assert not omics_faults.calls


def test_the_timeout_in_the_worker(run_id: str, finish: Finish, context: ContextMaker, omics: Any) -> None:
    with pytest.raises(Exception, match="timed out") as caught:
        finish(watch(run_id, timeout=50), context())
    assert type(caught.value).__name__ == "AirflowSensorTimeout"
    assert omics.get_run(id=run_id)["status"] in ("PENDING", "STARTING", "RUNNING")


@each_mode
def test_a_task_of_a_run(
    mode: str, run_id: str, finish: Finish, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    while not (tasks := omics.list_run_tasks(id=run_id)["items"]):
        omics_clock.advance(10)
    sensor = RunTaskSensor(task_id="w", run_id=run_id, run_task_id=tasks[0]["taskId"], poke_interval=5, **MODES[mode])
    found = finish(sensor, context())
    assert (found["status"], found["taskId"], found["name"]) == ("COMPLETED", tasks[0]["taskId"], tasks[0]["name"])


@each_mode
def test_a_failed_task_of_a_run(
    mode: str, failing_run_id: str, finish: Finish, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    omics_clock.advance(3600)
    (failed, *_) = (task for task in omics.list_run_tasks(id=failing_run_id)["items"] if task["status"] == "FAILED")
    sensor = RunTaskSensor(task_id="w", run_id=failing_run_id, run_task_id=failed["taskId"], **MODES[mode])
    with pytest.raises(errors.ResourceFailed, match=f"run task {failing_run_id}/{failed['taskId']} ended as FAILED"):
        finish(sensor, context())


@pytest.fixture
def batch_id(omics: Any, workflow_id: str, omics_bucket: str) -> str:
    """Start a batch of three runs."""
    shared = {"workflowId": workflow_id, "roleArn": ROLE, "outputUri": f"s3://{omics_bucket}/runs"}
    samples = {"inlineSettings": [{"runSettingId": f"sample_{number}"} for number in (1, 2, 3)]}
    return str(omics.start_run_batch(defaultRunSetting=shared, batchRunSettings=samples)["id"])


@needs_status("CREATING")
@each_mode
def test_a_batch(mode: str, batch_id: str, finish: Finish, context: ContextMaker, omics_faults: Any) -> None:
    sensor = RunBatchSensor(task_id="w", batch_id=batch_id, **MODES[mode])
    found = finish(sensor, context())
    assert (found["id"], found["status"], found["runSummary"]["completedRunCount"]) == (batch_id, "PROCESSED", 3)
    assert json.loads(json.dumps(found)) == found
    assert omics_faults.calls["GetBatch"] > 2


@needs_status("CREATING")
@each_mode
def test_a_cancelled_batch(
    mode: str, batch_id: str, finish: Finish, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    while omics.get_batch(batchId=batch_id)["status"] == "CREATING":
        omics_clock.advance(1)
    omics.cancel_run_batch(batchId=batch_id)
    with pytest.raises(errors.ResourceFailed, match=f"HealthOmics run batch {batch_id} ended as CANCELLED"):
        finish(RunBatchSensor(task_id="w", batch_id=batch_id, **MODES[mode]), context())


@pytest.mark.skipif("GetBatch" in schema.service_model().operation_names, reason="the installed botocore has batches")
def test_a_batch_without_a_boto3_that_has_them_names_the_version(context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsVersionError, match=r"1\.42\.74"):
        RunBatchSensor(task_id="w", batch_id="1").execute(context())


@each_mode
def test_a_workflow_and_a_version(
    mode: str, finish: Finish, context: ContextMaker, omics: Any, workflow_id: str
) -> None:
    made = omics.create_workflow(name="cohort", definitionZip=archive(name="main.nf"))["id"]
    found = finish(WorkflowSensor(task_id="w", workflow_id=made, **MODES[mode]), context())
    assert (found["id"], found["status"], found["name"]) == (made, "ACTIVE", "cohort")
    failing = omics.create_workflow(definitionZip=b"no archive")["id"]
    with pytest.raises(errors.ResourceFailed, match=f"workflow {failing} ended as FAILED.*not a ZIP archive"):
        finish(WorkflowSensor(task_id="w", workflow_id=failing, **MODES[mode]), context())
    if "CreateWorkflowVersion" in schema.service_model().operation_names:
        which = {"workflowId": workflow_id, "versionName": "v1"}
        omics.create_workflow_version(**which, definitionZip=archive(name="main.nf"))
        sensor = WorkflowVersionSensor(task_id="w", workflow_id=workflow_id, version_name="v1", **MODES[mode])
        assert finish(sensor, context())["versionName"] == "v1"


def test_signatures_of_presigned_urls_reach_neither_xcom_nor_log(
    begin: Callable[..., str], finish: Finish, context: ContextMaker, logged: Logged
) -> None:
    url = "https://bucket.s3.amazonaws.com/reads?X-Amz-Signature=c0ffee&X-Amz-Expires=60"
    found = finish(watch(begin(parameters={"reads": [{"url": url}]})), context())
    assert found["parameters"]["reads"][0]["url"].endswith("?X-Amz-Signature=[redacted]&X-Amz-Expires=60")
    assert "c0ffee" not in logged()


def test_each_entry_of_a_result_has_an_xcom_key() -> None:
    assert watch("1").multiple_outputs
    assert not watch("1", do_xcom_push=False).multiple_outputs
