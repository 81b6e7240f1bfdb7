"""Whatever AWS HealthOmics says: no credential reaches Airflow, and no text looks like a line of its log."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks.client import OmicsClientHook
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators.run_batch_end import DeleteRunBatchOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator
from airflow_provider_omics.operators.run_group import CreateRunGroupOperator
from airflow_provider_omics.operators.workflow import CreateWorkflowOperator
from airflow_provider_omics.sensors.run import RunSensor, RunTaskSensor
from airflow_provider_omics.sensors.workflow import WorkflowSensor
from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.hostile import HOSTILE, check_error, check_shown, check_xcom
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")

CHOSEN_BY_USERS = {
    *("name", "description", "statusMessage", "submissionFailureMessage", "failureReason", "cacheS3Uri", "message"),
    *("submissionFailureReason", "engine", "digest", "logStream", "main", "image", "runOutputUri", "destination"),
}
"""Members of AWS's answers that users write, or in which AWS quotes what users wrote."""


def spoil(value: Any, members: Collection[str] = CHOSEN_BY_USERS) -> None:
    """Append the hostile text to every such member of an answer."""
    if isinstance(value, list):
        for each in value:
            spoil(each, members)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in members and isinstance(each, str):
                value[key] = each + HOSTILE
            else:
                spoil(each, members)
        if "tags" in value and isinstance(value["tags"], dict):
            value["tags"][HOSTILE] = HOSTILE


@pytest.fixture
def hostile_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what lets AWS HealthOmics answer what a hostile user could have it say, in answers to some operation."""
    made = OmicsClientHook.get_client_type

    def register(operation: str, members: Collection[str]) -> None:
        def get_client_type(self: Any, *args: Any, **kwargs: Any) -> Any:
            client = made(self, *args, **kwargs)
            client.meta.events.register(
                f"after-call.omics{operation}", lambda parsed, **_: spoil(parsed, members), unique_id=operation
            )
            return client

        monkeypatch.setattr(OmicsClientHook, "get_client_type", get_client_type)

    return register


@pytest.fixture
def hostile_aws(hostile_in: Callable[..., None]) -> None:
    """Let AWS HealthOmics answer what a hostile user could have it say."""
    hostile_in("", CHOSEN_BY_USERS)


@pytest.fixture
def act(logged: Logged, context: ContextMaker) -> Callable[[Any], None]:
    """Return what executes an operator, and checks log, error and XCom."""

    def checked(operator: Any) -> None:
        made = context()
        try:
            check_xcom(finish(operator, made))
        except errors.OmicsError as error:
            check_error(error)
        check_xcom(made["ti"].pushed)
        check_shown(logged())

    return checked


# --- answers of HealthOmics


@both_modes
@pytest.mark.parametrize("reason", [None, "RUN_TASK_FAILED", "AN_UNKNOWN_ONE"])
def test_a_run(
    reason: str | None, deferrable: bool, start: Any, cache_id: str, omics_emulator: Any, hostile_aws: None, act: Any
) -> None:
    if reason:
        plans = omics_emulator.store.plans
        *others, last = plans.plan_for("*").tasks
        failing = replace(last, fail_first=1, failure_reason=reason, status_message=HOSTILE, log=(HOSTILE, "the end"))
        plans.set("*", replace(plans.plan_for("*"), tasks=(*others, failing)))
    act(start(deferrable=deferrable, cache_id=cache_id, preflight=False))


def test_a_run_of_which_the_request_alone_is_shown(start: Any, context: ContextMaker, logged: Logged) -> None:
    with pytest.raises(BaseException, match="nothing was started"):
        start(dry_run=True, parameters={"reads": HOSTILE, HOSTILE: [HOSTILE]}).execute(context())
    check_shown(logged())


def test_preflight(start: Any, cache_id: str, hostile_aws: None, omics_emulator: Any, act: Any) -> None:
    template = {f"reads{HOSTILE}": {}, "depth": {"optional": True}}
    seeded = {"name": "cohort", "status": "FAILED", "parameterTemplate": template, "statusMessage": HOSTILE}
    omics_emulator.store.seed_workflow("123456789012", "us-east-1", "7654321", **seeded)
    act(start(workflow_id="7654321", cache_id=cache_id, parameters={f"raeds{HOSTILE}": HOSTILE}))


@needs_batches
@both_modes
def test_a_batch(deferrable: bool, start_batch: Any, fail_in: Any, hostile_aws: None, act: Any, omics: Any) -> None:
    fail_in("sample_1", "sample_3")
    act(start_batch(deferrable=deferrable))
    batch_id = omics.list_batch()["items"][0]["id"]
    act(DeleteRunBatchOperator(task_id="delete", batch_id=batch_id))


def test_a_copied_run(
    hostile_in: Any, first_try: Any, start: Any, context: ContextMaker, omics: Any, logged: Logged
) -> None:
    left = first_try(at={"max_tries": 1})["id"]
    hostile_in(".GetRun", {"outputUri"})
    result = finish(start(), context(try_number=2, max_tries=1))
    assert result["id"] != left
    assert f"Run {left} has the name and tags of this task's run, but output URI" in logged()
    check_shown(logged())


@needs_batches
@pytest.mark.parametrize(("operation", "members"), [(".GetRun", {"outputUri"}), (".ListRunsInBatch", {"runSettingId"})])
def test_a_copied_run_of_a_batch(
    operation: str, members: set[str], hostile_in: Any, start_batch: Any, context: ContextMaker, logged: Logged
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))["id"]
    hostile_in(operation, members)
    finish(start_batch(), context(try_number=2, max_tries=1))
    assert f"of run batch {left} was started with other settings than sample" in logged()
    check_shown(logged())


@pytest.mark.parametrize("definition", [archive(name="main.nf"), b"no archive"], ids=["active", "failed"])
def test_sensors(
    definition: bytes, hostile_aws: None, act: Any, omics: Any, begin: Any, omics_clock: Any, logged: Logged
) -> None:
    made = omics.create_workflow(name="cohort", definitionZip=definition)["id"]
    run_id = begin(parameters={"reads": HOSTILE, HOSTILE: [{"url": HOSTILE}]})
    omics_clock.advance(30)
    task_id = omics.list_run_tasks(id=run_id)["items"][0]["taskId"]
    omics_clock.advance(3600)
    act(WorkflowSensor(task_id="w", workflow_id=made))
    act(RunTaskSensor(task_id="t", run_id=run_id, run_task_id=task_id))
    act(RunSensor(task_id="r", run_id=run_id))


def test_what_is_created_once(
    hostile_aws: None, act: Any, tmp_path: Any, omics_bucket: str, monkeypatch: pytest.MonkeyPatch, omics_clock: Any
) -> None:
    from airflow_provider_omics.operators import ensure, ensure_workflow_version

    for module in (ensure, ensure_workflow_version):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)
    (tmp_path / "main.nf").write_text("workflow { }\n")
    act(CreateWorkflowOperator(task_id="workflow", definition=str(tmp_path / "main.nf")))
    location = f"s3://{omics_bucket}/cache"
    for behavior in ("CACHE_ALWAYS", "CACHE_ON_FAILURE"):
        act(
            CreateRunCacheOperator(
                task_id="cache", cache_s3_location=location, cache_behavior=behavior, tags={"a": "b"}
            )
        )
    act(CreateRunGroupOperator(task_id="group", name="g", max_cpus=1, if_exists="update", tags={"a": "b"}))


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", HOSTILE])
def test_an_error_of_aws(
    code: str, start: Any, act: Any, omics_faults: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": HOSTILE}}, "StartRun")

    hook = OmicsHook()
    monkeypatch.setattr(hook.conn, "get_run", answer, raising=False)
    with pytest.raises(errors.OmicsServiceError) as caught:
        hook.call("GetRun", id="1")
    check_error(caught.value)
