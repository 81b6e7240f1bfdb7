"""Run batches: runs that fail, submissions that fail, cancelling and deleting."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics.emulator import Task
from tests.emulator.batches import THREE, counts, described, get_run, needs_status, runs, start_from_s3
from tests.emulator.wired import ACCOUNT, REGION, WORKFLOW, Service

pytestmark = needs_status("CREATING")


def test_processed_is_not_success(service: Service) -> None:
    service.plan(Task("only", fail_first=1, fails_in=("sample_2",)))
    for status in ("FAILED", "COMPLETED"):
        batch = service.start_batch(*THREE)
        service.clock.advance(3600)
        assert described(service, batch)["status"] == "PROCESSED"
        ends = {setting_id: get_run(service, batch, setting_id)["status"] for setting_id in runs(service, batch)}
        assert ends == {"sample_1": "COMPLETED", "sample_2": status, "sample_3": "COMPLETED"}


def test_a_submission_fails_and_the_batch_goes_on(service: Service) -> None:
    service.store.faults.fail_submission("sample_2", "ServiceQuotaExceededException", message="Too many.")
    batch = service.start_batch(*THREE)
    service.clock.advance(3600)
    assert runs(service, batch, submissionStatus="FAILED") == {
        "sample_2": {
            "runSettingId": "sample_2",
            "submissionStatus": "FAILED",
            "submissionFailureReason": "ServiceQuotaExceededException",
            "submissionFailureMessage": "Too many.",
        }
    }
    assert described(service, batch)["status"] == "PROCESSED"
    assert counts(service, batch) == {"successfulStartSubmission": 2, "failedStartSubmission": 1, "completedRun": 2}
    again = service.start_batch({"runSettingId": "sample_2"})
    service.clock.advance(3600)
    assert counts(service, again) == {"successfulStartSubmission": 1, "completedRun": 1}


def test_a_batch_of_which_no_run_was_submitted_is_processed(service: Service) -> None:
    service.store.faults.fail_submission("*", "ConflictException", times=3)
    batch = service.start_batch(*THREE)
    service.clock.advance(30)
    assert described(service, batch)["status"] == "PROCESSED"
    assert counts(service, batch) == {"failedStartSubmission": 3}


SUBMISSIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing bucket": ({"outputUri": "s3://missing/out"}, "ValidationException", "bucket missing"),
    "another's bucket": ({"outputBucketOwnerId": "999999999999"}, "AccessDeniedException", "999999999999"),
    "reserved tag": ({"runTags": {"aws:x": "y"}}, "ValidationException", "aws:x"),
    "parameters": ({"parameters": {"y": 1}}, "ValidationException", "no y; it has x"),
    "member of the batch": ({"cacheId": "1234567"}, "ValidationException", "cacheId"),
    "out of bounds": ({"priority": 100_001}, "ValidationException", "priority"),
    "parameters that are none": ({"parameters": [1]}, "ValidationException", "parameters"),
}


@pytest.mark.parametrize("case", SUBMISSIONS)
def test_what_startrun_refuses_fails_only_its_own_submission(service: Service, case: str) -> None:
    setting, reason, message = SUBMISSIONS[case]
    service.store.seed_workflow(ACCOUNT, REGION, WORKFLOW, "picky", parameterTemplate={"x": {"optional": True}})
    batch = start_from_s3(service, [{"runSettingId": "bad", **setting}, {"runSettingId": "good"}])
    service.clock.advance(5)
    found = runs(service, batch)
    assert (found["bad"]["submissionFailureReason"], found["good"]["submissionStatus"]) == (reason, "SUCCESS")
    assert message in found["bad"]["submissionFailureMessage"]
    assert "runId" not in found["bad"]


def test_a_cache_that_is_gone_by_then_fails_the_submissions(service: Service) -> None:
    cache_id = service.cache()["id"]
    batch = service.start_batch(*THREE, shared={"cacheId": cache_id})
    service.client.delete_run_cache(id=cache_id)
    service.clock.advance(5)
    assert {run["submissionFailureReason"] for run in runs(service, batch).values()} == {"ResourceNotFoundException"}


def test_a_cancelled_batch_stops_its_runs_and_starts_no_more(service: Service) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(3.2)
    service.client.cancel_run_batch(batchId=batch["id"])
    assert described(service, batch)["status"] == "STOPPING"
    service.clock.advance(30)
    assert described(service, batch)["status"] == "CANCELLED"
    assert {run["submissionStatus"] for run in runs(service, batch).values()} == {"CANCEL_SUCCESS"}
    expected = {"successfulStartSubmission": 2, "successfulCancelSubmission": 2, "cancelledRun": 2}
    assert counts(service, batch) == expected
    service.clock.advance(3600)
    assert counts(service, batch) == expected


def test_a_batch_that_is_cancelled_before_its_first_run_has_none(service: Service) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(2)
    service.client.cancel_run_batch(batchId=batch["id"])
    service.clock.advance(30)
    assert (described(service, batch)["status"], runs(service, batch)) == ("CANCELLED", {})


def test_runs_that_have_ended_stay_as_they_ended_when_the_batch_is_cancelled(service: Service) -> None:
    service.plan(Task("only", seconds=5, fail_first=1, fails_in=("sample_1",)), Task("long", seconds=500))
    batch = service.start_batch(*THREE)
    service.clock.advance(100)
    service.client.cancel_run_batch(batchId=batch["id"])
    service.clock.advance(30)
    assert runs(service, batch)["sample_1"]["submissionStatus"] == "SUCCESS"
    assert counts(service, batch) == {
        "successfulStartSubmission": 3,
        "successfulCancelSubmission": 2,
        "failedRun": 1,
        "cancelledRun": 2,
    }


def test_a_run_that_cannot_be_cancelled_is_waited_for(service: Service) -> None:
    service.store.faults.fail_submission("sample_2", "InternalServerException", operation="CancelRun")
    batch = service.start_batch(*THREE)
    service.clock.advance(10)
    service.client.cancel_run_batch(batchId=batch["id"])
    service.clock.advance(30)
    assert described(service, batch)["status"] == "STOPPING"
    assert list(runs(service, batch, submissionStatus="CANCEL_FAILED")) == ["sample_2"]
    service.clock.advance(3600)
    assert described(service, batch)["status"] == "CANCELLED"
    assert get_run(service, batch, "sample_2")["status"] == "COMPLETED"


def test_the_runs_of_a_batch_are_deleted_and_then_the_batch(service: Service) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(3600)
    service.client.delete_run_batch(batchId=batch["id"])
    assert described(service, batch)["status"] == "RUNS_DELETING"
    service.clock.advance(5)
    assert described(service, batch)["status"] == "RUNS_DELETED"
    assert counts(service, batch) == {
        "successfulStartSubmission": 3,
        "successfulDeleteSubmission": 3,
        "deletedRun": 3,
    }
    assert service.client.list_runs()["items"] == []
    service.client.delete_batch(batchId=batch["id"])
    assert service.client.list_batch()["items"] == []
    for call in ("get_batch", "list_runs_in_batch", "cancel_run_batch", "delete_run_batch", "delete_batch"):
        with pytest.raises(service.client.exceptions.ResourceNotFoundException, match=batch["id"]):
            getattr(service.client, call)(batchId=batch["id"])


@needs_status("RUNS_DELETE_FAILED")
def test_a_run_that_cannot_be_deleted_is_told(service: Service) -> None:
    service.store.faults.fail_submission("sample_2", "ThrottlingException", operation="DeleteRun")
    batch = service.start_batch(*THREE)
    service.clock.advance(3600)
    service.client.delete_run_batch(batchId=batch["id"])
    service.clock.advance(5)
    assert described(service, batch)["status"] == "RUNS_DELETE_FAILED"
    failed = runs(service, batch)["sample_2"]
    assert (failed["submissionStatus"], failed["submissionFailureReason"]) == ("DELETE_FAILED", "ThrottlingException")
    assert [run["id"] for run in service.client.list_runs()["items"]] == [failed["runId"]]


def test_deleting_a_batch_leaves_its_runs(service: Service) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(3600)
    run_id = runs(service, batch)["sample_1"]["runId"]
    service.client.delete_batch(batchId=batch["id"])
    assert service.client.get_run(id=run_id)["batchId"] == batch["id"]
    service.client.delete_run(id=run_id)
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.client.list_tags_for_resource(resourceArn=batch["arn"])


def test_another_run_under_a_deleted_runs_id_is_left_alone(service: Service) -> None:
    batch = service.start_batch({"runSettingId": "a"})
    service.clock.advance(3600)
    run_id = runs(service, batch)["a"]["runId"]
    service.client.delete_run(id=run_id)
    assert service.start()["id"] == run_id
    service.clock.advance(3600)
    service.client.delete_run_batch(batchId=batch["id"])
    service.clock.advance(5)
    assert described(service, batch)["status"] == "RUNS_DELETED"
    assert service.client.get_run(id=run_id)["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("seconds", "status", "refused"),
    [
        (0, "CREATING", ["cancel_run_batch", "delete_run_batch", "delete_batch"]),
        (2, "PENDING", ["delete_run_batch", "delete_batch"]),
        (3, "SUBMITTING", ["delete_run_batch", "delete_batch"]),
        (10, "INPROGRESS", ["delete_run_batch", "delete_batch"]),
        (3600, "PROCESSED", ["cancel_run_batch"]),
    ],
)
def test_what_does_not_fit_the_status_is_a_conflict(
    service: Service, seconds: int, status: str, refused: list[str]
) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(seconds)
    assert described(service, batch)["status"] == status
    for call in refused:
        with pytest.raises(service.client.exceptions.ConflictException, match=status):
            getattr(service.client, call)(batchId=batch["id"])
    if status == "INPROGRESS":
        service.client.cancel_run_batch(batchId=batch["id"])
        with pytest.raises(service.client.exceptions.ConflictException, match="STOPPING"):
            service.client.cancel_run_batch(batchId=batch["id"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "Oops"), "no error 'Oops'"),
        (("a", "ConflictException", "GetRun"), "not 'GetRun'"),
        (("a", "ConflictException", "StartRun", 0), "count from 1"),
    ],
)
def test_a_fault_of_a_submission_is_checked_when_it_is_set(
    service: Service, arguments: tuple[Any, ...], message: str
) -> None:
    names = ("operation", "times")
    with pytest.raises(ValueError, match=message):
        service.store.faults.fail_submission(*arguments[:2], **dict(zip(names, arguments[2:], strict=False)))
