"""What a try of StartRunBatchOperator makes of the batches of earlier tries: completed samples are paid for once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.pytest_plugin import BUCKET
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.operators import run_batch_course
from airflow_provider_omics.operators.run_batch_course import RunBatchCourse
from airflow_provider_omics.resources import RUN_BATCH
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.samples import SAMPLES, batches, by_sample
from tests.waits import both_modes, finish

pytestmark = [needs_batches, pytest.mark.usefixtures("quick_waits")]


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch, omics_clock: Any) -> None:
    """Let the emulator's clock move where a deferred pause would last."""
    from airflow_provider_omics.triggers import pause

    async def advance(seconds: float) -> None:
        omics_clock.advance(max(seconds, 3))

    monkeypatch.setattr(pause, "sleep", advance)


@pytest.fixture
def half_done(start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any, omics_emulator: Any) -> Any:
    """Return what starts a batch and lets two of its three samples complete: its shared settings, and its answer."""

    def start(list_lag: float = 0, **members: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        omics_emulator.store.plans.set("*", Plan((Task("align", seconds=100),)))
        shared = {"runGroupId": omics.create_run_group(maxRuns=2)["id"], **members}
        left = start_batch(shared, wait_for_completion=False).execute(context(max_tries=2))
        while omics.get_batch(batchId=left["id"])["runSummary"]["completedRunCount"] < 2:
            omics_clock.advance(1)
            omics_emulator.store.faults.list_lag = list_lag
        return shared, left

    return start


@pytest.fixture
def cancel(start_batch: Any, omics: Any, omics_clock: Any) -> Callable[..., None]:
    """Return what cancels a batch as Airflow does when time is over, and lets it be CANCELLED."""

    def cancelling(batch: dict[str, Any]) -> None:
        killing.cancel(start_batch().hook, RUN_BATCH, {"batchId": batch["id"]}, batch["arn"], "timeout")
        while omics.get_batch(batchId=batch["id"])["status"] != "CANCELLED":
            omics_clock.advance(0.5)

    return cancelling


@both_modes
def test_what_a_cancelled_batch_had_completed_is_not_started_again_though_the_lists_lag(
    deferrable: bool,
    half_done: Any,
    cancel: Any,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    def interval(look: int, _: float) -> float:
        looks.append(look)
        return 3.0

    monkeypatch.setattr(run_batch_course, "interval", interval)
    shared, left = half_done(list_lag=15)
    cancel(left)
    result = finish(start_batch(shared, deferrable=deferrable), context(try_number=2, max_tries=2))
    assert result["batch_ids"] == [left["id"], result["id"]]
    assert by_sample(result, "batch_id") == {
        "sample_1": left["id"],
        "sample_2": left["id"],
        "sample_3": result["id"],
    }
    assert "runs of a batch that has ended have not, as far as AWS tells" in logged()
    assert looks[:2] == [1, 2]
    assert omics.get_batch(batchId=result["id"])["totalRuns"] == 1


@pytest.mark.parametrize(("event_of", "first"), [(2, 5), (1, 1)], ids=["this try", "another try"])
def test_a_deferred_look_goes_on_counting(
    event_of: int,
    first: int,
    half_done: Any,
    cancel: Any,
    start_batch: Any,
    context: ContextMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pause(_: Any, _context: Any, _report: Any, look: int, *_more: Any) -> None:
        raise LookupError(look)

    monkeypatch.setattr(RunBatchCourse, "_pause", pause)
    shared, left = half_done(list_lag=15)
    cancel(left)
    event = {"try_number": event_of, "carried": {"turn": None, "looks": 4}}
    with pytest.raises(LookupError, match=f"^{first}$"):
        start_batch(shared).start_again(context(try_number=2, max_tries=2), event)


def test_a_run_of_a_cancelled_batch_that_is_not_listed_yet_is_not_started_again(
    half_done: Any,
    cancel: Any,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared, left = half_done()
    cancel(left)
    operator, listed_from = start_batch(shared), omics_clock.now() + timedelta(seconds=10)
    iterate = operator.hook.iterate

    def lagging(operation: str, **members: Any) -> list[dict[str, Any]]:
        found = list(iterate(operation, **members))
        late = operation == "ListRunsInBatch" and omics_clock.now() < listed_from
        return [each for each in found if each["runSettingId"] != "sample_1"] if late else found

    monkeypatch.setattr(operator.hook, "iterate", lagging)
    result = operator.execute(context(try_number=2, max_tries=2))
    assert by_sample(result, "batch_id")["sample_1"] == left["id"]
    assert omics.get_batch(batchId=result["id"])["totalRuns"] == 1


@both_modes
@pytest.mark.parametrize("accept_failures", [1, 0.4])
def test_a_batch_that_airflow_cut_off_is_no_success_for_accepted_failures(
    accept_failures: float, deferrable: bool, half_done: Any, cancel: Any, start_batch: Any, context: ContextMaker
) -> None:
    shared, left = half_done()
    cancel(left)
    operator = start_batch(shared, deferrable=deferrable, accept_failures=accept_failures)
    result = finish(operator, context(try_number=2, max_tries=2))
    assert (result["counts"]["completed"], result["status"]) == (3, "PROCESSED")


@both_modes
@pytest.mark.parametrize("after", [3.3, 5], ids=["SUBMITTING", "INPROGRESS"])
def test_what_somebody_cancels_is_not_started_again_though_it_is_stopping_yet(
    after: float, deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(after)
    omics.cancel_run_batch(batchId=left["id"])
    assert omics.get_batch(batchId=left["id"])["status"] == "STOPPING"
    with pytest.raises(errors.RunBatchCancelledForGood, match=r"ended as CANCELLED"):
        finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert len(batches(omics)) == 1


@both_modes
def test_what_somebody_cancels_is_no_success_for_accepted_failures(
    deferrable: bool, half_done: Any, start_batch: Any, context: ContextMaker, omics: Any
) -> None:
    shared, left = half_done()
    omics.cancel_run_batch(batchId=left["id"])
    with pytest.raises(errors.RunBatchCancelledForGood, match="2 completed, 1 cancelled"):
        finish(start_batch(shared, accept_failures=0.4, deferrable=deferrable), context(try_number=2, max_tries=2))


def test_retry_cancelled_starts_what_somebody_cut_off(
    half_done: Any, start_batch: Any, context: ContextMaker, omics: Any
) -> None:
    shared, left = half_done()
    omics.cancel_run_batch(batchId=left["id"])
    result = start_batch(shared, retry_cancelled=True).execute(context(try_number=2, max_tries=2))
    assert by_sample(result, "batch_id") == {
        "sample_1": left["id"],
        "sample_2": left["id"],
        "sample_3": result["id"],
    }


# --- judged together


@both_modes
def test_a_batch_that_ended_unseen_is_judged_with_those_that_it_completes(
    deferrable: bool, start_batch: Any, fail_in: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    fail_in("sample_2")
    with pytest.raises(errors.RunBatchFailed):
        start_batch().execute(context(max_tries=2))
    start_batch(wait_for_completion=False).execute(context(try_number=2, max_tries=2))
    omics_clock.advance(3600)
    result = finish(start_batch(deferrable=deferrable), context(try_number=3, max_tries=2))
    assert len(batches(omics)) == 2
    assert set(by_sample(result, "status")) == {"sample_1", "sample_2", "sample_3"}
    assert result["counts"]["completed"] == 3


@both_modes
@pytest.mark.parametrize("retry_failed", [True, False])
def test_accepted_failures_of_a_batch_that_ended_unseen(
    retry_failed: bool,
    deferrable: bool,
    start_batch: Any,
    fail_in: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
) -> None:
    fail_in("sample_2")
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    operator = start_batch(accept_failures=1, retry_failed=retry_failed, deferrable=deferrable)
    result = finish(operator, context(try_number=2, max_tries=1))
    assert (result["id"], result["counts"]["failed"], len(batches(omics))) == (left["id"], 1, 1)


def test_a_batch_that_ended_unseen_with_what_no_retry_mends_starts_nothing(
    start_batch: Any, fail_in: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    fail_in("sample_2", times=9, reason="INVALID_URI_INPUT")
    start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    with pytest.raises(errors.RunBatchFailedForGood, match="No retry would change that"):
        start_batch().execute(context(try_number=2, max_tries=1))
    assert len(batches(omics)) == 1


@pytest.mark.parametrize("how", ["rewritten", "deleted"])
@pytest.mark.parametrize(("airflow_tags", "name"), [(True, None), (True, "the author's"), (False, None)])
def test_a_list_that_changes_in_s3_while_its_batch_runs(
    how: str,
    airflow_tags: bool,
    name: str | None,
    start_batch: Any,
    fail_in: Any,
    context: ContextMaker,
    omics_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    s3: Any = S3Hook().get_conn()
    s3.put_object(Bucket=BUCKET, Key="cohort.json", Body=json.dumps(SAMPLES).encode())
    arguments = {
        "batch_run_settings": f"s3://{BUCKET}/cohort.json",
        "airflow_tags": airflow_tags,
        "batch_name": name,
    }
    fail_in("sample_2")
    with pytest.raises(errors.RunBatchFailed):
        start_batch(**arguments).execute(context(max_tries=1))
    operator = start_batch(**arguments)
    wait = operator.hook.wait

    def change(*args: Any, **kwargs: Any) -> Any:
        if how == "deleted":
            s3.delete_object(Bucket=BUCKET, Key="cohort.json")
        else:
            more = [*SAMPLES, {"runSettingId": "sample_4"}]
            s3.put_object(Bucket=BUCKET, Key="cohort.json", Body=json.dumps(more).encode())
        return wait(*args, **kwargs)

    monkeypatch.setattr(operator.hook, "wait", change)
    result = operator.execute(context(try_number=2, max_tries=1))
    assert by_sample(result, "status") == dict.fromkeys(("sample_1", "sample_2", "sample_3"), "COMPLETED")
    assert result["counts"]["total"] == 3


# --- which runs are looked up


def test_of_many_failed_runs_those_that_cannot_heal_are_started_until_that_is_known(
    start_batch: Any, fail_in: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_omics.operators import run_batch_report

    monkeypatch.setattr(run_batch_report, "DESCRIBED", 4)
    many = [{"runSettingId": f"sample_{n}"} for n in range(10)]
    fail_in(*(each["runSettingId"] for each in many), times=9, reason="INVALID_URI_INPUT")
    for number in (1, 2):
        with pytest.raises(errors.RunBatchFailed, match=r"A retry starts the [26] samples that are left") as caught:
            start_batch(batch_run_settings=many).execute(context(try_number=number, max_tries=9))
        assert not isinstance(caught.value, errors.RunBatchFailedForGood)
    with pytest.raises(errors.RunBatchFailedForGood, match="10 failed"):
        start_batch(batch_run_settings=many).execute(context(try_number=3, max_tries=9))
    assert [found["totalRuns"] for found in batches(omics)] == [10, 6, 2]
