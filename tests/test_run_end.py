"""CancelRunOperator and DeleteRunOperator against the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.operators.run_end import CancelRunOperator, DeleteRunOperator
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]


@pytest.fixture
def run_id(begin: Callable[..., str]) -> str:
    """Start a run."""
    return begin()


def cancel(run_id: str, **arguments: Any) -> CancelRunOperator:
    return CancelRunOperator(task_id="cancel", run_id=run_id, **arguments)


def delete(run_id: str, **arguments: Any) -> DeleteRunOperator:
    return DeleteRunOperator(task_id="delete", run_id=run_id, **arguments)


@both_modes
def test_a_run_is_cancelled_and_waited_for(
    deferrable: bool, run_id: str, context: ContextMaker, omics: Any, omics_clock: Any, omics_faults: Any
) -> None:
    omics_clock.advance(90)
    result = finish(cancel(run_id, deferrable=deferrable), context())
    run = omics.get_run(id=run_id)
    assert result == {"id": run_id, "arn": run["arn"], "uuid": run["uuid"], "status": "CANCELLED"}
    assert omics_faults.calls["CancelRun"] == 1


def test_without_waiting(run_id: str, context: ContextMaker, omics_clock: Any) -> None:
    omics_clock.advance(90)
    assert cancel(run_id, wait_for_completion=False).execute(context())["status"] in ("STOPPING", "CANCELLED")


@both_modes
def test_a_run_that_completes_first_is_no_error(
    deferrable: bool, run_id: str, context: ContextMaker, omics_clock: Any, omics: Any, logged: Logged
) -> None:
    while omics.get_run(id=run_id)["status"] != "STOPPING":
        omics_clock.advance(1)
    assert finish(cancel(run_id, deferrable=deferrable), context())["status"] == "COMPLETED"
    assert f"Run {run_id} ended as COMPLETED before it could be cancelled" in logged()


@both_modes
@pytest.mark.parametrize("code", ["ConflictException", "ValidationException"])
def test_a_run_that_has_ended_is_no_error_unless_wanted(
    deferrable: bool,
    code: str,
    run_id: str,
    context: ContextMaker,
    omics_clock: Any,
    omics_faults: Any,
    logged: Logged,
) -> None:
    """Whatever AWS answers: it is not documented."""
    omics_clock.advance(3600)
    omics_faults.fail("CancelRun", code, times=2, message="it has ended")
    assert finish(cancel(run_id, deferrable=deferrable), context())["status"] == "COMPLETED"
    assert f"Run {run_id} is COMPLETED already; there is nothing to cancel" in logged()
    with pytest.raises((errors.Conflict, errors.ValidationFailed), match="it has ended"):
        cancel(run_id, ended_ok=False).execute(context())


def test_a_refusal_of_a_run_that_goes_on_is_passed_on(run_id: str, context: ContextMaker, omics_faults: Any) -> None:
    omics_faults.fail("CancelRun", "ConflictException", times=1000, message="not now")
    with pytest.raises(errors.Conflict, match="not now"):
        cancel(run_id).execute(context())


def test_a_run_that_is_stopping_already_is_waited_for(
    run_id: str, context: ContextMaker, omics: Any, omics_clock: Any, omics_faults: Any
) -> None:
    omics_clock.advance(90)
    omics.cancel_run(id=run_id)
    assert omics.get_run(id=run_id)["status"] == "STOPPING"
    omics_faults.fail("CancelRun", "ConflictException")
    assert cancel(run_id).execute(context())["status"] == "CANCELLED"


@pytest.mark.parametrize("make", [cancel, delete])
def test_an_unknown_run_is_an_error(make: Any, omics: Any, context: ContextMaker) -> None:
    with pytest.raises(errors.NotFound, match="check the id"):
        make("9999999").execute(context())


@pytest.mark.parametrize("make", [cancel, delete])
def test_bad_input_is_refused_before_any_call(make: Any, context: ContextMaker, omics_faults: Any) -> None:
    with pytest.raises(errors.OmicsInputError, match="run_id: 'one' must be digits only"):
        make("one").execute(context())
    assert not omics_faults.calls


def test_an_ended_run_is_deleted_and_its_outputs_stay(
    run_id: str, context: ContextMaker, omics: Any, omics_clock: Any, omics_bucket: str, logged: Logged
) -> None:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    omics_clock.advance(3600)
    assert omics.get_run(id=run_id)["status"] == "COMPLETED"
    before = S3Hook().list_keys(omics_bucket)
    assert before
    assert delete(run_id).execute(context()) == {"id": run_id, "deleted": True}
    assert omics.list_runs()["items"] == []
    assert S3Hook().list_keys(omics_bucket) == before
    assert "Its outputs in S3 and its logs stay; AWS may give the id to a new run" in logged()


@pytest.mark.parametrize("missing_ok", [False, True])
def test_a_run_that_is_gone(missing_ok: bool, run_id: str, context: ContextMaker, omics_clock: Any) -> None:
    omics_clock.advance(3600)
    delete(run_id).execute(context())
    if missing_ok:
        assert delete(run_id, missing_ok=True).execute(context()) == {"id": run_id, "deleted": False}
    else:
        with pytest.raises(errors.NotFound):
            delete(run_id).execute(context())


def test_a_run_that_has_not_ended_is_not_deleted(run_id: str, context: ContextMaker, omics: Any) -> None:
    with pytest.raises(errors.Conflict, match="only a run that has ended can be deleted"):
        delete(run_id).execute(context())
    assert omics.get_run(id=run_id)["status"]
