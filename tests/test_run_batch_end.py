"""CancelRunBatchOperator, DeleteRunBatchOperator and DeleteBatchOperator against the emulator."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.operators.ending import PATIENCE_SECONDS
from airflow_provider_omics.operators.run_batch_end import (
    CancelRunBatchOperator,
    DeleteBatchOperator,
    DeleteRunBatchOperator,
)
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.waits import both_modes, finish

pytestmark = [needs_batches, pytest.mark.usefixtures("quick_waits")]


@pytest.fixture
def batch_id(start_batch: Any, context: ContextMaker, omics_clock: Any) -> str:
    """Start a batch whose runs are at work."""
    started = start_batch(wait_for_completion=False).execute(context())
    omics_clock.advance(60)
    return str(started["id"])


def cancel(batch_id: str, **arguments: Any) -> CancelRunBatchOperator:
    return CancelRunBatchOperator(task_id="cancel", batch_id=batch_id, **arguments)


def delete_runs(batch_id: str, **arguments: Any) -> DeleteRunBatchOperator:
    return DeleteRunBatchOperator(task_id="delete_runs", batch_id=batch_id, **arguments)


def delete(batch_id: str, **arguments: Any) -> DeleteBatchOperator:
    return DeleteBatchOperator(task_id="delete", batch_id=batch_id, **arguments)


def runs(omics: Any) -> set[str]:
    return {run["status"] for run in omics.list_runs()["items"]}


@both_modes
def test_a_batch_is_cancelled_and_waited_for(
    deferrable: bool, batch_id: str, context: ContextMaker, omics: Any
) -> None:
    result = finish(cancel(batch_id, deferrable=deferrable), context())
    found = omics.get_batch(batchId=batch_id)
    assert result == {"id": batch_id, "arn": found["arn"], "uuid": found["uuid"], "status": "CANCELLED"}
    assert runs(omics) == {"CANCELLED"}


def test_without_waiting(batch_id: str, context: ContextMaker) -> None:
    assert cancel(batch_id, wait_for_completion=False).execute(context())["status"] == "STOPPING"


@pytest.mark.parametrize("ended_ok", [True, False])
def test_a_batch_that_has_ended(
    ended_ok: bool, batch_id: str, context: ContextMaker, omics_clock: Any, logged: Logged
) -> None:
    omics_clock.advance(3600)
    if ended_ok:
        assert cancel(batch_id).execute(context())["status"] == "PROCESSED"
        assert f"Run batch {batch_id} is PROCESSED already; there is nothing to cancel" in logged()
    else:
        with pytest.raises(errors.Conflict):
            cancel(batch_id, ended_ok=False).execute(context())


@both_modes
def test_runs_are_deleted_and_waited_for(
    deferrable: bool, batch_id: str, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    omics_clock.advance(3600)
    result = finish(delete_runs(batch_id, deferrable=deferrable), context())
    assert (result["id"], result["status"], result["deleted"]) == (batch_id, "RUNS_DELETED", 3)
    assert runs(omics) == set()
    again = finish(delete_runs(batch_id, deferrable=deferrable), context(try_number=2))
    assert again == result


def test_a_deletion_is_not_waited_for_unless_asked(batch_id: str, context: ContextMaker, omics_clock: Any) -> None:
    omics_clock.advance(3600)
    assert delete_runs(batch_id, wait_for_completion=False).execute(context())["status"] == "RUNS_DELETING"


@both_modes
def test_runs_that_cannot_be_deleted_are_named(
    deferrable: bool, batch_id: str, context: ContextMaker, omics_clock: Any, omics_faults: Any
) -> None:
    omics_clock.advance(3600)
    omics_faults.fail_submission("sample_2", "AccessDeniedException", operation="DeleteRun", message="not that one")
    with pytest.raises(errors.RunBatchNotDeleted, match=r"2 were deleted, 1 not: sample_2 \(run \d+\)") as caught:
        finish(delete_runs(batch_id, deferrable=deferrable), context())
    assert "AWS says: not that one" in str(caught.value)


def test_a_retry_tells_again_which_runs_could_not_be_deleted(
    batch_id: str, context: ContextMaker, omics_clock: Any, omics_faults: Any
) -> None:
    omics_clock.advance(3600)
    omics_faults.fail_submission("sample_2", "AccessDeniedException", operation="DeleteRun", message="not that one")
    for number, waiting in enumerate((True, True, False), start=1):
        with pytest.raises(errors.RunBatchNotDeleted, match=r"1 not: sample_2 \(run \d+\)"):
            delete_runs(batch_id, wait_for_completion=waiting).execute(context(try_number=number))


@both_modes
def test_a_batch_that_is_being_created_is_cancelled_as_soon_as_aws_does(
    deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    batch_id = start_batch(wait_for_completion=False).execute(context())["id"]
    assert omics.get_batch(batchId=batch_id)["status"] == "CREATING"
    assert finish(cancel(batch_id, deferrable=deferrable), context())["status"] == "CANCELLED"
    assert omics_faults.calls["CancelRunBatch"] > 1


def test_a_batch_that_stays_as_it_is_created_is_given_up(
    start_batch: Any, context: ContextMaker, omics_clock: Any, omics_faults: Any
) -> None:
    batch_id = start_batch(wait_for_completion=False).execute(context())["id"]
    omics_faults.fail("CancelRunBatch", "ConflictException", times=1000)
    before = omics_clock.now()
    with pytest.raises(errors.Conflict):
        cancel(batch_id).execute(context())
    assert 5 < (omics_clock.now() - before).total_seconds() <= PATIENCE_SECONDS


@pytest.mark.parametrize("make", [delete, delete_runs])
def test_a_batch_that_has_not_ended_is_left(make: Any, batch_id: str, context: ContextMaker, omics: Any) -> None:
    with pytest.raises(errors.Conflict):
        make(batch_id).execute(context())
    assert omics.get_batch(batchId=batch_id)["status"] == "INPROGRESS"


def test_a_batch_is_deleted_and_its_runs_stay(
    batch_id: str, context: ContextMaker, omics: Any, omics_clock: Any, logged: Logged
) -> None:
    omics_clock.advance(3600)
    assert delete(batch_id).execute(context()) == {"id": batch_id, "deleted": True}
    assert (omics.list_batch()["items"], runs(omics)) == ([], {"COMPLETED"})
    assert f"Deleted run batch {batch_id}. Its runs, their outputs in S3 and their logs stay." in logged()
    assert delete(batch_id, missing_ok=True).execute(context()) == {"id": batch_id, "deleted": False}
    with pytest.raises(errors.NotFound):
        delete(batch_id).execute(context())


@pytest.mark.parametrize("make", [cancel, delete_runs, delete])
def test_bad_input_is_refused_before_any_call(make: Any, context: ContextMaker, omics_faults: Any) -> None:
    with pytest.raises(errors.OmicsInputError, match="batch_id: 'one' must be digits only"):
        make("one").execute(context())
    assert not omics_faults.calls
