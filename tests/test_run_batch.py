"""StartRunBatchOperator against the emulator, waiting in the worker and deferred."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.emulator.simulated import Plan, Task
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_status
from tests.waits import both_modes, finish

pytestmark = [needs_status("CREATING"), pytest.mark.usefixtures("quick_waits")]

SAMPLES = [{"runSettingId": f"sample_{n}", "parameters": {"sample": f"s3://genomes/{n}.bam"}} for n in (1, 2, 3)]
KEYS = {"id", "arn", "uuid", "status", "batch_ids", "counts", "runs", "runs_left_out"}


@pytest.fixture
def batch(workflow_id: str, omics_bucket: str, cache_id: str) -> Callable[..., Any]:
    """Return a maker of StartRunBatchOperators."""
    from airflow_provider_omics.operators.run_batch import StartRunBatchOperator

    def make(shared: dict[str, Any] | None = None, **arguments: Any) -> Any:
        default = {
            "workflowId": workflow_id,
            "roleArn": "arn:aws:iam::123456789012:role/Omics",
            "outputUri": f"s3://{omics_bucket}/runs",
            "cacheId": cache_id,
        }
        defaults = {"default_run_setting": default | (shared or {}), "batch_run_settings": SAMPLES}
        return StartRunBatchOperator(task_id="cohort", **(defaults | arguments))

    return make


@pytest.fixture
def fail(omics_emulator: Any) -> Callable[..., None]:
    """Return what lets samples fail so often in their second task."""

    def failing(*samples: str, times: int = 1, reason: str = "RUN_TASK_FAILED") -> None:
        task = Task("call", after=("align",), fail_first=times, fails_in=samples, failure_reason=reason)
        omics_emulator.store.plans.set("*", Plan((Task("align"), task)))

    failing()
    return failing


def batches(omics: Any) -> list[dict[str, Any]]:
    found = [omics.get_batch(batchId=item["id"]) for item in omics.list_batch()["items"]]
    return sorted(found, key=lambda batch: batch["creationTime"])


def by_sample(result: dict[str, Any], key: str) -> dict[str, Any]:
    return {row["run_setting_id"]: row[key] for row in result["runs"]}


@both_modes
def test_a_batch_that_completes(
    deferrable: bool, batch: Any, fail: Any, context: ContextMaker, omics: Any
) -> None:
    result = finish(batch(deferrable=deferrable), context())
    assert set(result) == KEYS
    assert json.loads(json.dumps(result)) == result
    (found,) = batches(omics)
    assert (result["id"], result["arn"], result["uuid"]) == (found["id"], found["arn"], found["uuid"])
    assert (result["status"], result["batch_ids"], result["runs_left_out"]) == ("PROCESSED", [found["id"]], 0)
    assert {how: number for how, number in result["counts"].items() if number} == {"total": 3, "completed": 3}
    assert found["name"].startswith("genomes.task-")
    first = result["runs"][0]
    run = omics.get_run(id=first["run_id"])
    assert first == {
        "run_setting_id": "sample_1",
        "batch_id": found["id"],
        "run_id": run["id"],
        "arn": run["arn"],
        "uuid": run["uuid"],
        "status": "COMPLETED",
        "reason": None,
        "tasks_computed": 2,
        "tasks_reused": 0,
    }


@both_modes
def test_a_processed_batch_with_a_failed_run_fails_and_its_retry_starts_only_that_one(
    deferrable: bool, batch: Any, fail: Any, context: ContextMaker, omics: Any, cache_id: str
) -> None:
    fail("sample_2")
    made = context(max_tries=1)
    with pytest.raises(errors.RunBatchFailed) as caught:
        finish(batch(deferrable=deferrable), made)
    error = caught.value
    assert not isinstance(error, AirflowFailException)
    (failed,) = error.failed
    assert (failed["run_setting_id"], failed["status"], failed["reason"]) == ("sample_2", "FAILED", "RUN_TASK_FAILED")
    assert (error.status, error.counts["failed"], error.counts["completed"]) == ("PROCESSED", 1, 2)
    assert f"FAILED, RUN_TASK_FAILED: sample_2 (run {failed['run_id']})." in str(error)
    assert "Most likely it is for the author of the workflow: A task's command failed." in str(error)
    assert f"A retry starts the 1 samples that are left, on run cache {cache_id}." in str(error)
    assert made["ti"].pushed["counts"] == error.counts

    result = finish(batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    first, second = batches(omics)
    assert result["batch_ids"] == [first["id"], second["id"]]
    assert second["totalRuns"] == 1
    assert set(by_sample(result, "status").values()) == {"COMPLETED"}
    assert by_sample(result, "batch_id") == {
        "sample_1": first["id"],
        "sample_2": second["id"],
        "sample_3": first["id"],
    }
    assert by_sample(result, "tasks_reused") == {"sample_1": 0, "sample_2": 1, "sample_3": 0}


@both_modes
def test_without_retry_failed_a_retry_starts_all(
    deferrable: bool, batch: Any, fail: Any, context: ContextMaker, omics: Any
) -> None:
    fail("sample_2")
    with pytest.raises(errors.RunBatchFailed, match="A retry starts all samples"):
        finish(batch(deferrable=deferrable, retry_failed=False), context(max_tries=1))
    result = finish(batch(deferrable=deferrable, retry_failed=False), context(try_number=2, max_tries=1))
    assert [found["totalRuns"] for found in batches(omics)] == [3, 3]
    assert set(by_sample(result, "batch_id").values()) == {result["id"]}


@both_modes
@pytest.mark.parametrize("accept_failures", [1, 0.34])
def test_failures_that_are_accepted(
    accept_failures: float, deferrable: bool, batch: Any, fail: Any, context: ContextMaker, logged: Logged
) -> None:
    fail("sample_2")
    result = finish(batch(deferrable=deferrable, accept_failures=accept_failures), context())
    assert by_sample(result, "status") == {"sample_1": "COMPLETED", "sample_2": "FAILED", "sample_3": "COMPLETED"}
    assert "1 of 3 samples did not complete" in logged()


@pytest.mark.parametrize("accept_failures", [1, 0.34])
def test_one_failure_too_many(accept_failures: float, batch: Any, fail: Any, context: ContextMaker) -> None:
    fail("sample_1", "sample_2")
    with pytest.raises(errors.RunBatchFailed, match="1 completed, 2 failed"):
        finish(batch(accept_failures=accept_failures), context())


@both_modes
def test_a_sample_whose_run_cannot_be_started(
    deferrable: bool, batch: Any, fail: Any, context: ContextMaker, omics_faults: Any, omics: Any
) -> None:
    omics_faults.fail_submission("sample_3", "AccessDeniedException", message="not that role")
    with pytest.raises(errors.RunBatchFailed, match="NOT_STARTED, AccessDeniedException: sample_3") as caught:
        finish(batch(deferrable=deferrable), context(max_tries=1))
    assert "AWS says: not that role" in str(caught.value)
    result = finish(batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert (result["counts"]["completed"], batches(omics)[1]["totalRuns"]) == (3, 1)


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_what_no_retry_can_mend_is_not_retried(
    how: str, batch: Any, fail: Any, context: ContextMaker, omics_faults: Any
) -> None:
    if how == "refused":
        omics_faults.fail_submission("sample_3", "ValidationException", times=9)
    else:
        fail("sample_3", times=9, reason="INVALID_URI_INPUT")
    with pytest.raises(errors.RunBatchFailedForGood, match="No retry would change that") as caught:
        finish(batch(), context(max_tries=1))
    assert isinstance(caught.value, AirflowFailException)


@both_modes
def test_runs_that_lists_still_show_at_work_are_waited_for(
    deferrable: bool,
    batch: Any,
    fail: Any,
    context: ContextMaker,
    omics_faults: Any,
    omics_clock: Any,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow_provider_omics.triggers import pause

    async def advance(seconds: float) -> None:
        omics_clock.advance(max(seconds, 3))

    monkeypatch.setattr(pause, "sleep", advance)
    omics_faults.list_lag = 20
    result = finish(batch(deferrable=deferrable, waiter_delay=2), context())
    assert result["counts"]["completed"] == 3
    assert "runs of a batch that is PROCESSED have not ended, as far as AWS tells" in logged()


# --- exactly once


@both_modes
@pytest.mark.parametrize("name", [None, "the author's"])
def test_the_next_try_goes_on_with_the_batch(
    name: str | None, deferrable: bool, batch: Any, fail: Any, context: ContextMaker, omics: Any
) -> None:
    left = batch(batch_name=name, wait_for_completion=False).execute(context(max_tries=1))
    result = finish(batch(batch_name=name, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["id"] for found in batches(omics)] == [left["id"]]
    assert (result["id"], result["counts"]["completed"]) == (left["id"], 3)


@both_modes
def test_a_batch_that_ended_unseen_gives_its_result(
    deferrable: bool, batch: Any, fail: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    result = finish(batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["id"] for found in batches(omics)] == [left["id"]]
    assert result["counts"]["completed"] == 3


@pytest.mark.parametrize("name", [None, "the author's"])
def test_a_lost_answer_starts_no_second_batch(
    name: str | None, batch: Any, fail: Any, context: ContextMaker, omics: Any, omics_faults: Any, logged: Logged
) -> None:
    omics_faults.idempotency, omics_faults.list_lag = "off", 5
    omics_faults.lose_answer("StartRunBatch")
    result = batch(batch_name=name).execute(context())
    assert [found["id"] for found in batches(omics)] == [result["id"]]
    assert f"Run batch {result['id']} was started all the same" in logged()


def test_other_samples_are_another_batch(batch: Any, fail: Any, context: ContextMaker, omics: Any) -> None:
    left = batch(wait_for_completion=False).execute(context(max_tries=1))
    result = batch(batch_run_settings=SAMPLES[:2]).execute(context(try_number=2, max_tries=1))
    assert {found["id"]: found["status"] for found in batches(omics)} == {
        left["id"]: "CANCELLED",
        result["id"]: "PROCESSED",
    }
    assert result["counts"]["total"] == 2


@pytest.mark.parametrize("name", [None, "the author's"])
def test_without_tags_of_ours(name: str | None, batch: Any, fail: Any, context: ContextMaker, omics: Any) -> None:
    arguments = {"airflow_tags": False, "batch_name": name}
    left = batch(wait_for_completion=False, **arguments).execute(context(max_tries=1))
    result = batch(**arguments).execute(context(try_number=2, max_tries=1))
    assert all(found["tags"] == {} for found in batches(omics))
    assert (result["id"] == left["id"]) is (name is None)


def test_a_throttled_start_waits_its_turn(
    batch: Any, fail: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.fail("StartRunBatch", "ThrottlingException", times=8)
    assert batch(wait_for_completion=False).execute(context())["id"] == batches(omics)[0]["id"]
