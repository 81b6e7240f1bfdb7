"""StartRunOperator and its trigger against the emulator, waiting in the worker and deferred."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowSkipException
from airflow_provider_omics.hooks.schema import service_model
from airflow_provider_omics.links.omics import RUN_LINKS
from tests.conftest import ContextMaker, FakeTaskInstance, Logged
from tests.waits import both_modes, finish

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

KEYS = {"id", "arn", "uuid", "status", "run_output_uri", "tasks_computed", "tasks_reused", "cache_summary", "outputs"}


@both_modes
def test_a_run_that_completes(deferrable: bool, start: Any, cache_id: str, context: ContextMaker, omics: Any) -> None:
    result = finish(start(cache_id=cache_id, deferrable=deferrable), context())
    assert set(result) == KEYS
    assert json.loads(json.dumps(result)) == result
    run = omics.get_run(id=result["id"])
    assert (result["status"], result["uuid"], result["arn"]) == ("COMPLETED", run["uuid"], run["arn"])
    assert result["run_output_uri"] == run["runOutputUri"]
    assert (result["tasks_computed"], result["tasks_reused"]) == (5, 0)
    assert (run["cacheId"], run["name"][:13]) == (cache_id, "genomes.task-")


@both_modes
def test_a_failed_run_says_why_and_its_retry_reuses(
    deferrable: bool, start: Any, cache_id: str, context: ContextMaker, omics_emulator: Any
) -> None:
    plans = omics_emulator.store.plans
    plan = plans.plan_for("1234567")
    tasks = tuple(replace(task, fail_first=1) if task.name == "joint_call" else task for task in plan.tasks)
    plans.set("*", replace(plan, tasks=tasks))
    with pytest.raises(errors.RunFailed) as caught:
        finish(start(cache_id=cache_id, deferrable=deferrable), context())
    assert caught.value.status == "FAILED"
    assert caught.value.reason == "RUN_TASK_FAILED"
    assert f"0 of 5 tasks were reused from cache {cache_id}. 4 tasks were computed and saved to it" in str(caught.value)
    again = finish(start(cache_id=cache_id, deferrable=deferrable), context(try_number=2))
    assert (again["tasks_computed"], again["tasks_reused"]) == (1, 4)


@both_modes
def test_a_cancelled_run(deferrable: bool, start: Any, context: ContextMaker, omics: Any, omics_clock: Any) -> None:
    operator = start(deferrable=deferrable, wait_for_completion=True)
    original = operator.wait

    def cancel_first(context: Any, answer: Any) -> Any:
        omics.cancel_run(id=answer["id"])
        return original(context, answer)

    operator.wait = cancel_first
    with pytest.raises(errors.RunCancelled, match="ended as CANCELLED"):
        finish(operator, context())


@both_modes
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException", "RequestTimeoutException"])
def test_passing_errors_do_not_end_a_wait(
    deferrable: bool, code: str, start: Any, context: ContextMaker, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_faults.fail("GetRun", code, times=5)
    assert finish(start(deferrable=deferrable), context())["status"] == "COMPLETED"


@both_modes
def test_a_denied_look_ends_the_wait_with_the_permission(
    deferrable: bool, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    omics_faults.deny("GetRun")
    with pytest.raises(errors.AccessDenied, match="allow omics:GetRun"):
        finish(start(deferrable=deferrable), context())


@both_modes
def test_denied_counts_do_not_fail_a_completed_run(
    deferrable: bool, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    omics_faults.deny("ListRunTasks")
    result = finish(start(deferrable=deferrable), context())
    assert set(result) == KEYS - {"tasks_computed", "tasks_reused", "cache_summary"}


@pytest.mark.parametrize(("retries", "cached", "warned"), [(2, False, True), (2, True, False), (0, False, False)])
def test_retries_without_a_cache_are_warned_about(
    retries: int, cached: bool, warned: bool, start: Any, cache_id: str, context: ContextMaker, logged: Logged
) -> None:
    start(retries=retries, cache_id=cache_id if cached else None, wait_for_completion=False).execute(context())
    assert ("retries but no run cache" in logged()) is warned


def test_a_run_that_is_repeated_lends_its_cache(
    first_try: Any, start: Any, cache_id: str, context: ContextMaker, omics: Any, logged: Logged
) -> None:
    repeated = first_try(at={"task_id": "earlier"}, cache_id=cache_id)["id"]
    operator = start(run_id=repeated, workflow_id=None, retries=2, wait_for_completion=False)
    assert omics.get_run(id=operator.execute(context())["id"])["cacheId"] == cache_id
    assert "retries but no run cache" not in logged()


def test_only_what_was_given_is_sent(start: Any, context: ContextMaker) -> None:
    request = start().checked_request(context())
    assert set(request) == {"workflowId", "roleArn", "outputUri", "name", "requestId", "tags"}
    assert set(start(airflow_tags=False).checked_request(context())) == set(request) - {"tags"}


def test_without_waiting(start: Any, context: ContextMaker) -> None:
    result = start(wait_for_completion=False).execute(context())
    assert (result["status"], set(result)) == (
        "PENDING",
        KEYS - {"tasks_computed", "tasks_reused", "cache_summary", "outputs"},
    )


def test_the_link_is_pushed_as_soon_as_the_run_is_started(start: Any, context: ContextMaker) -> None:
    made = context()
    result = start(wait_for_completion=False).execute(made)
    ti: FakeTaskInstance = made["ti"]
    assert ti.pushed == {link.key: link.url("us-east-1", result["id"]) for link in RUN_LINKS}
    silent = context()
    start(wait_for_completion=False, do_xcom_push=False, name="other").execute(silent)
    assert silent["ti"].pushed == {}


@pytest.mark.parametrize("use_cache", [False, "False", "false", "0", "no", ""])
def test_use_cache_off_leaves_the_cache_out(
    use_cache: Any, start: Any, cache_id: str, context: ContextMaker, omics: Any
) -> None:
    operator = start(cache_id=cache_id, cache_behavior="CACHE_ALWAYS", use_cache=use_cache, wait_for_completion=False)
    assert "cacheId" not in omics.get_run(id=operator.execute(context())["id"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"use_cache": "perhaps"}, "use_cache: must be true or false, not 'perhaps'"),
        ({"workflow_id": None}, "workflow_id: must be given"),
        ({"waiter_delay": 0}, "waiter_delay: must be above 0 seconds"),
        ({"waiter_max_attempts": 0}, "waiter_max_attempts: must be 1 or more"),
        ({"cache_behavior": "CACHE_ALWAYS"}, "cache_behavior: says nothing without a cache_id"),
        ({"cache_id": "None"}, "cache_id: 'None' must be digits only"),
        ({"priority": "high"}, "priority: must be a whole number"),
        ({"priority": 100001}, "priority: is 100001; 0 to 100000 are allowed"),
        ({"log_level": "DEBUG"}, "log_level: must be one of OFF, FATAL, ERROR, ALL"),
        ({"role_arn": "OmicsRole"}, "role_arn: 'OmicsRole' must match the pattern arn:"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    arguments: dict[str, Any], message: str, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    with pytest.raises(errors.OmicsInputError, match=message):
        start(**arguments).execute(context())
    assert not omics_faults.calls


def test_every_member_of_the_api_is_reachable(start: Any, context: ContextMaker, omics: Any, cache_id: str) -> None:
    operator = start(
        name="mine",
        parameters={"sample": "NA12878"},
        cache_id=cache_id,
        cache_behavior="CACHE_ALWAYS",
        priority="7",
        storage_type="STATIC",
        storage_capacity=1200,
        log_level="ERROR",
        retention_mode="REMOVE",
        tags={"team": "genomics"},
        wait_for_completion=False,
        extra_request={"workflowType": "PRIVATE"},
    )
    run = omics.get_run(id=operator.execute(context())["id"])
    assert (run["name"], run["priority"], run["storageCapacity"]) == ("mine", 7, 1200)
    assert (run["cacheBehavior"], run["retentionMode"], run["logLevel"]) == ("CACHE_ALWAYS", "REMOVE", "ERROR")
    assert run["parameters"] == {"sample": "NA12878"}
    assert {"team": "genomics", "airflow_try_number": "1"}.items() <= run["tags"].items()


def test_a_retry_that_is_handed_the_event_of_the_try_before_starts_its_own_run(
    start: Any, context: ContextMaker, omics: Any
) -> None:
    """As Airflow 3.0 does."""
    first = start(wait_for_completion=False).execute(context())
    stale = {"resource": "run", "identifiers": {"id": first["id"]}, "try_number": 1, "status": "FAILED", "limit": None}
    again = start().execute_complete(context(try_number=2, max_tries=2), stale)
    assert again["status"] == "COMPLETED"
    assert again["id"] != first["id"]


def test_a_log_names_account_region_and_endpoint(
    start: Any, context: ContextMaker, omics_emulator: Any, logged: Logged
) -> None:
    start(wait_for_completion=False).execute(context())
    assert f"AWS account 123456789012, region us-east-1, endpoint {omics_emulator.url}" in logged()


def test_a_dry_run_shows_the_exact_request_and_starts_nothing(
    start: Any, context: ContextMaker, cache_id: str, omics_faults: Any, logged: Logged
) -> None:
    operator = start(dry_run=True, cache_id=cache_id, parameters={"sample": "NA12878"})
    with pytest.raises(AirflowSkipException, match="nothing was started"):
        operator.execute(context())
    shown = logged()
    for part in ('"sample": "NA12878"', f'"cacheId": "{cache_id}"', '"requestId": "'):
        assert part in shown
    # An older boto3 does not show a workflow's storage type.
    workflow: Any = service_model().operation_model("GetWorkflow").output_shape
    told = "storageType" in workflow.members
    assert ('"storageType": "DYNAMIC"' in shown) is told
    assert omics_faults.calls["StartRun"] == 0


@both_modes
def test_a_preflight_reports_everything_at_once_and_starts_nothing(
    deferrable: bool, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    with pytest.raises(errors.PreflightFailed) as caught:
        finish(start(deferrable=deferrable, workflow_id="7654321", cache_id="1111111"), context())
    assert "workflow_id" in str(caught.value)
    assert "cache_id" in str(caught.value)
    assert omics_faults.calls["StartRun"] == 0


# --- a start that has to wait for its turn


def test_lazy_sequences_in_parameters_become_lists(start: Any, context: ContextMaker, omics: Any) -> None:
    """As the gathered results of mapped tasks are."""

    class Lazy(Sequence[str]):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: Any) -> Any:
            return ["a.bam", "b.bam"][index]

    operator = start(parameters={"alignments": Lazy()}, wait_for_completion=False)
    run = operator.execute(context())
    assert omics.get_run(id=run["id"])["parameters"] == {"alignments": ["a.bam", "b.bam"]}
