"""StartRunBatchOperator against the emulator, waiting in the worker and deferred."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.samples import batches, by_sample
from tests.waits import both_modes, finish

pytestmark = [needs_batches, pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

KEYS = {"id", "arn", "uuid", "status", "batch_ids", "counts", "runs", "runs_left_out"}


@both_modes
def test_a_batch_that_completes(deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any) -> None:
    result = finish(start_batch(deferrable=deferrable), context())
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
    deferrable: bool, start_batch: Any, fail_in: Any, context: ContextMaker, omics: Any, cache_id: str
) -> None:
    fail_in("sample_2")
    made = context(max_tries=1)
    with pytest.raises(errors.RunBatchFailed) as caught:
        finish(start_batch(deferrable=deferrable), made)
    error = caught.value
    assert not isinstance(error, AirflowFailException)
    (failed,) = error.failed
    assert (failed["run_setting_id"], failed["status"], failed["reason"]) == ("sample_2", "FAILED", "RUN_TASK_FAILED")
    assert (error.status, error.counts["failed"], error.counts["completed"]) == ("PROCESSED", 1, 2)
    assert f"FAILED, RUN_TASK_FAILED: sample_2 (run {failed['run_id']})." in str(error)
    assert "Most likely it is for the author of the workflow: A task's command failed." in str(error)
    assert f"A retry starts the 1 sample that is left, on run cache {cache_id}." in str(error)
    assert made["ti"].pushed["counts"] == error.counts

    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
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
    deferrable: bool, start_batch: Any, fail_in: Any, context: ContextMaker, omics: Any
) -> None:
    fail_in("sample_2")
    with pytest.raises(errors.RunBatchFailed, match="A retry starts all samples"):
        finish(start_batch(deferrable=deferrable, retry_failed=False), context(max_tries=1))
    result = finish(start_batch(deferrable=deferrable, retry_failed=False), context(try_number=2, max_tries=1))
    assert [found["totalRuns"] for found in batches(omics)] == [3, 3]
    assert set(by_sample(result, "batch_id").values()) == {result["id"]}


@both_modes
@pytest.mark.parametrize("accept_failures", [1, 0.34])
def test_failures_that_are_accepted(
    accept_failures: float, deferrable: bool, start_batch: Any, fail_in: Any, context: ContextMaker, logged: Logged
) -> None:
    fail_in("sample_2")
    result = finish(start_batch(deferrable=deferrable, accept_failures=accept_failures), context())
    assert by_sample(result, "status") == {"sample_1": "COMPLETED", "sample_2": "FAILED", "sample_3": "COMPLETED"}
    assert "1 of 3 samples did not complete" in logged()


@pytest.mark.parametrize("accept_failures", [1, 0.34])
def test_one_failure_too_many(accept_failures: float, start_batch: Any, fail_in: Any, context: ContextMaker) -> None:
    fail_in("sample_1", "sample_2")
    with pytest.raises(errors.RunBatchFailed, match="1 completed, 2 failed"):
        finish(start_batch(accept_failures=accept_failures), context())


@both_modes
def test_a_sample_whose_run_cannot_be_started(
    deferrable: bool, start_batch: Any, context: ContextMaker, omics_faults: Any, omics: Any
) -> None:
    omics_faults.fail_submission("sample_3", "AccessDeniedException", message="not that role")
    with pytest.raises(errors.RunBatchFailed, match="NOT_STARTED, AccessDeniedException: sample_3") as caught:
        finish(start_batch(deferrable=deferrable), context(max_tries=1))
    assert "AWS says: not that role" in str(caught.value)
    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert (result["counts"]["completed"], batches(omics)[1]["totalRuns"]) == (3, 1)


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_what_no_retry_can_mend_is_not_retried(
    how: str, start_batch: Any, fail_in: Any, context: ContextMaker, omics_faults: Any
) -> None:
    if how == "refused":
        omics_faults.fail_submission("sample_3", "ValidationException", times=9)
    else:
        fail_in("sample_3", times=9, reason="INVALID_URI_INPUT")
    with pytest.raises(errors.RunBatchFailedForGood, match="No retry would change that") as caught:
        finish(start_batch(), context(max_tries=1))
    assert isinstance(caught.value, AirflowFailException)


@both_modes
def test_runs_that_lists_still_show_at_work_are_waited_for(
    deferrable: bool,
    start_batch: Any,
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
    result = finish(start_batch(deferrable=deferrable, waiter_delay=2), context())
    assert result["counts"]["completed"] == 3
    assert "runs of a batch that has ended have not, as far as AWS tells" in logged()
