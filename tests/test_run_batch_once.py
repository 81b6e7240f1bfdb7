"""StartRunBatchOperator exactly once: what later tries do, whoever ended the batch, and who may cancel it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.hooks import killing, schema
from airflow_provider_omics.hooks import omics as hook_module
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.samples import SAMPLES, batches, by_sample
from tests.waits import both_modes, finish

pytestmark = [needs_batches, pytest.mark.usefixtures("quick_waits")]


@both_modes
@pytest.mark.parametrize("name", [None, "the author's"])
def test_the_next_try_goes_on_with_the_batch(
    name: str | None, deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any
) -> None:
    left = start_batch(batch_name=name, wait_for_completion=False).execute(context(max_tries=1))
    result = finish(start_batch(batch_name=name, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["id"] for found in batches(omics)] == [left["id"]]
    assert (result["id"], result["counts"]["completed"]) == (left["id"], 3)


@both_modes
def test_a_batch_that_ended_unseen_gives_its_result(
    deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["id"] for found in batches(omics)] == [left["id"]]
    assert result["counts"]["completed"] == 3


@both_modes
@pytest.mark.parametrize("ended", [False, True], ids=["active", "processed"])
def test_a_batch_of_which_aws_tells_the_own_account_as_the_workflow_s_owner_is_gone_on_with(
    ended: bool,
    deferrable: bool,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    omics_emulator: Any,
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    known = omics_emulator.store.region("123456789012", "us-east-1").run_batches
    shared = omics.get_batch(batchId=left["id"])["defaultRunSetting"]
    known.change(left["id"], defaultRunSetting={**shared, "workflowOwnerId": "123456789012"})
    if ended:
        omics_clock.advance(3600)
    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["id"] for found in batches(omics)] == [left["id"]]
    assert (result["id"], result["counts"]["completed"]) == (left["id"], 3)


@both_modes
def test_runs_that_are_listed_without_their_uuid_have_completed(
    deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any, omics_emulator: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    assert batches(omics)[0]["status"] == "PROCESSED"
    submitted = omics_emulator.store.region("123456789012", "us-east-1").run_batches.get(left["id"]).submitted
    for sample in ("sample_1", "sample_2", "sample_3"):
        submitted.change(sample, runInternalUuid=None)
    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["id"] for found in batches(omics)] == [left["id"]]
    assert result["counts"]["completed"] == 3


@both_modes
def test_null_in_the_settings_in_s3_makes_no_sample_another(
    deferrable: bool,
    start_batch: Any,
    fail_in: Any,
    context: ContextMaker,
    omics: Any,
    omics_bucket: str,
) -> None:
    """It means the same as an absent member: for the comparison, and where the samples that are left are sent again."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    body = json.dumps([{**sample, "outputUri": None, "priority": None} for sample in SAMPLES]).encode()
    s3: Any = S3Hook().get_conn()
    s3.put_object(Bucket=omics_bucket, Key="cohort.json", Body=body)
    uri = f"s3://{omics_bucket}/cohort.json"
    fail_in("sample_2")
    with pytest.raises(errors.RunBatchFailed):
        start_batch(batch_run_settings=uri).execute(context(max_tries=1))
    result = finish(start_batch(batch_run_settings=uri, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert [found["totalRuns"] for found in batches(omics)] == [3, 1]
    assert result["counts"]["completed"] == 3


@pytest.mark.parametrize("name", [None, "the author's"])
def test_a_lost_answer_starts_no_second_batch(
    name: str | None,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_faults: Any,
    logged: Logged,
) -> None:
    omics_faults.idempotency, omics_faults.list_lag = "off", 5
    omics_faults.lose_answer("StartRunBatch")
    result = start_batch(batch_name=name).execute(context())
    assert [found["id"] for found in batches(omics)] == [result["id"]]
    assert f"Run batch {result['id']} was started all the same" in logged()


def test_other_samples_are_another_batch(start_batch: Any, context: ContextMaker, omics: Any) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    result = start_batch(batch_run_settings=SAMPLES[:2]).execute(context(try_number=2, max_tries=1))
    assert {found["id"]: found["status"] for found in batches(omics)} == {
        left["id"]: "CANCELLED",
        result["id"]: "PROCESSED",
    }
    assert result["counts"]["total"] == 2


@both_modes
def test_another_shared_member_that_counts_is_another_batch(
    deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any
) -> None:
    members = schema.input_shape("StartRunBatch", {}).members["defaultRunSetting"].members  # type: ignore[attr-defined]
    if "engineSettings" not in members:
        pytest.skip("the installed botocore's defaultRunSetting has no engineSettings")
    first, second = ({"engineSettings": {"profile": name}} for name in ("test", "prod"))
    left = start_batch(first, wait_for_completion=False).execute(context(max_tries=1))
    made = context(try_number=2, max_tries=1)
    assert finish(start_batch(first, deferrable=deferrable), made)["id"] == left["id"]
    assert finish(start_batch(second, deferrable=deferrable), made)["id"] != left["id"]


@pytest.mark.parametrize("name", [None, "the author's"])
def test_without_tags_of_ours(name: str | None, start_batch: Any, context: ContextMaker, omics: Any) -> None:
    arguments = {"airflow_tags": False, "batch_name": name}
    left = start_batch(wait_for_completion=False, **arguments).execute(context(max_tries=1))
    result = start_batch(**arguments).execute(context(try_number=2, max_tries=1))
    assert all(found["tags"] == {} for found in batches(omics))
    assert (result["id"] == left["id"]) is (name is None)


def test_a_throttled_start_waits_its_turn(
    start_batch: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.fail("StartRunBatch", "ThrottlingException", times=8)
    assert start_batch(wait_for_completion=False).execute(context())["id"] == batches(omics)[0]["id"]


# --- ended by somebody, or by Airflow


@both_modes
@pytest.mark.parametrize("retry_cancelled", [False, True])
def test_a_batch_that_somebody_cancelled(
    retry_cancelled: bool, deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(30)
    omics.cancel_run_batch(batchId=left["id"])
    omics_clock.advance(600)
    operator = start_batch(deferrable=deferrable, retry_cancelled=retry_cancelled)
    if retry_cancelled:
        assert finish(operator, context(try_number=2, max_tries=1))["counts"]["completed"] == 3
    else:
        with pytest.raises(
            errors.RunBatchCancelledForGood, match=r"ended as CANCELLED\. Samples: 3 total, 3 cancelled"
        ):
            finish(operator, context(try_number=2, max_tries=1))
        assert len(batches(omics)) == 1


def test_a_run_that_somebody_cancelled_is_not_started_again(
    start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(30)
    (run,) = omics.list_runs_in_batch(batchId=left["id"], runSettingId="sample_2")["runs"]
    omics.cancel_run(id=run["runId"])
    with pytest.raises(errors.RunBatchFailedForGood, match=r"CANCELLED: sample_2 \(run \d+\)"):
        start_batch().execute(context(try_number=2, max_tries=1))
    assert len(batches(omics)) == 1


@both_modes
def test_after_a_timeout_the_next_try_starts_only_what_had_not_completed(
    deferrable: bool,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    omics_emulator: Any,
) -> None:
    slow = Task("call", seconds=3000, after=("align",), inputs=("slow",), fail_first=0)
    omics_emulator.store.plans.set("*", Plan((Task("align"), slow)))
    group = omics.create_run_group(maxRuns=2)["id"]
    shared = {"runGroupId": group}
    with pytest.raises(errors.WaitTimeout, match=r"waiter_max_attempts is over\. It is being cancelled"):
        finish(start_batch(shared, deferrable=deferrable, waiter_max_attempts=150), context(max_tries=1))
    result = finish(start_batch(shared, deferrable=deferrable), context(try_number=2, max_tries=1))
    first, second = batches(omics)
    assert (first["status"], second["totalRuns"]) == ("CANCELLED", 1)
    assert by_sample(result, "batch_id") == {
        "sample_1": first["id"],
        "sample_2": first["id"],
        "sample_3": second["id"],
    }


@pytest.mark.parametrize("seconds", [0, 30], ids=["CREATING", "INPROGRESS"])
def test_a_kill_cancels_the_batch(
    seconds: float,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = start_batch()
    monkeypatch.setattr(killing, "task_state", lambda *_: "failed")

    def killed(_: float) -> None:
        omics_clock.advance(seconds)
        operator.on_kill()
        raise SystemExit

    monkeypatch.setattr(hook_module, "sleep", killed)
    with pytest.raises(SystemExit):
        operator.execute(context())
    (batch,) = batches(omics)
    assert batch["status"] in ("STOPPING", "CANCELLED")
    assert batch["tags"][killing.TRY_ENDED] == "failed"


def test_a_trigger_cancels_the_batch(start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any) -> None:
    with pytest.raises(BaseException) as deferred:  # noqa: PT011 - TaskDeferred stands elsewhere in each Airflow
        start_batch(deferrable=True).execute(context())
    trigger: Any = deferred.value
    omics_clock.advance(30)
    asyncio.run(trigger.trigger.on_kill())
    (batch,) = batches(omics)
    assert batch["status"] == "STOPPING"
    assert killing.TRY_ENDED in batch["tags"]


def test_a_later_try_that_may_not_list_batches_starts_none(
    start_batch: Any, context: ContextMaker, omics_faults: Any
) -> None:
    start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_faults.deny("ListBatch")
    with pytest.raises(errors.AccessDenied, match="allow omics:ListBatch"):
        start_batch().execute(context(try_number=2, max_tries=1))
    assert omics_faults.calls["StartRunBatch"] == 1


@both_modes
def test_a_cleared_task_starts_all_samples_anew(
    deferrable: bool, start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=2))
    assert result["batch_ids"] == [result["id"]] != [left["id"]]
    assert result["counts"]["completed"] == 3


@both_modes
def test_a_processed_batch_of_an_earlier_try_is_not_judged_before_its_runs_are_told_of(
    deferrable: bool,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    omics_faults: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow_provider_omics.triggers import pause

    async def advance(seconds: float) -> None:
        omics_clock.advance(max(seconds, 3))

    monkeypatch.setattr(pause, "sleep", advance)
    omics_faults.list_lag = 20
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    while omics.get_batch(batchId=left["id"])["status"] != "PROCESSED":
        omics_clock.advance(1)
    result = finish(start_batch(deferrable=deferrable), context(try_number=2, max_tries=1))
    assert (result["id"], result["counts"]["completed"]) == (left["id"], 3)
    assert omics_faults.calls["StartRunBatch"] == 1
