"""Why a run failed, in words: the data, the report, and what the operator makes of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_omics.failures import AUTHOR, AWS, OPERATOR, REASONS, UNKNOWN, reason_of
from airflow_provider_omics.redaction import redacted
from airflow_provider_omics.reports.run import failed_last, failure, summarize

DOCUMENTED = {
    "ASSUME_ROLE_FAILED",
    "CANNOT_START_CONTAINER_ERROR",
    "CANNOT_START_CONTAINER_SIZE_ERROR",
    "ECR_PERMISSION_ERROR",
    "EXPORT_FAILED",
    "FILE_SYSTEM_OUT_OF_SPACE",
    "IMAGE_VERIFICATION_FAILURE",
    "IMPORT_FAILED",
    "INACTIVE_OMICS_STORAGE_RESOURCE",
    "INPUT_URI_NOT_FOUND",
    "INSTANCE_RESERVATION_FAILED",
    "INVALID_ECR_IMAGE_URI",
    "INVALID_TASK_RESOURCE_VALUE",
    "INVALID_URI_INPUT",
    "MODIFIED_INPUT_RESOURCE",
    "OUT_OF_MEMORY_ERROR",
    "RUN_TASK_FAILED",
    "RUN_TIMED_OUT",
    "SERVICE_ERROR",
    "TASK_TIMED_OUT",
    "UNSUPPORTED_INPUT_SIZE",
    "WORKFLOW_RUN_FAILED",
    "WORKFLOW_VER_VALIDATION_FAILED",
    "UNSUPPORTED_GPU_INSTANCE_TYPE",
}
"""https://docs.aws.amazon.com/omics/latest/dev/workflows-run-errors.html"""

TASKS: list[dict[str, Any]] = [
    {"name": "index", "status": "COMPLETED", "cacheHit": True, "cacheS3Uri": "s3://genomes/cache/uuid/1/2/entry/"},
    {"name": "align", "status": "COMPLETED", "cacheHit": False},
    {"name": "align", "status": "COMPLETED", "cacheHit": False},
    {"name": "call", "status": "FAILED"},
    {"name": "report", "status": "CANCELLED"},
]


def run(reason: str | None = "RUN_TASK_FAILED", status: str = "FAILED", **members: Any) -> dict[str, Any]:
    return {"id": "3456789", "status": status, "failureReason": reason, "cacheId": "2345678", **members}


def test_every_documented_reason_is_known() -> None:
    assert set(REASONS) == DOCUMENTED
    assert len(REASONS) == 24
    assert {reason.owner for reason in REASONS.values()} == {AUTHOR, OPERATOR, AWS}
    for reason in REASONS.values():
        assert reason.cause.endswith(".")
        assert reason.action.endswith(".")
        assert reason.heals or reason.saved, "what cannot heal fails before there is anything to save"


def test_what_cannot_heal_and_what_is_not_saved() -> None:
    assert {name for name, reason in REASONS.items() if not reason.heals} == {
        "INVALID_URI_INPUT",
        "INVALID_ECR_IMAGE_URI",
        "INVALID_TASK_RESOURCE_VALUE",
        "UNSUPPORTED_INPUT_SIZE",
        "UNSUPPORTED_GPU_INSTANCE_TYPE",
        "WORKFLOW_VER_VALIDATION_FAILED",
        "CANNOT_START_CONTAINER_SIZE_ERROR",
    }
    assert {name for name, reason in REASONS.items() if not reason.saved} == {
        "FILE_SYSTEM_OUT_OF_SPACE",
        "RUN_TIMED_OUT",
        "EXPORT_FAILED",
    }


def test_an_unknown_reason_still_gives_a_good_message() -> None:
    assert reason_of("NEW_REASON") is reason_of(None) is UNKNOWN
    text = failure(run("NEW_REASON", statusMessage="AWS has news"), [], None, ["Log: somewhere"])
    assert text.splitlines() == [
        "HealthOmics run 3456789 ended as FAILED: NEW_REASON.",
        "AWS says: AWS has news",
        f"Most likely it is for {UNKNOWN.owner}: {UNKNOWN.cause}",
        f"Next: {UNKNOWN.action}",
        "What had completed is saved to its run cache 2345678: a retry on it reuses that.",
        "Log: somewhere",
    ]


@pytest.mark.parametrize("reason", sorted(DOCUMENTED))
def test_a_message_has_owner_cause_and_next_step(reason: str) -> None:
    text = failure(run(reason, statusMessage="m"), [], summarize(TASKS, "2345678"), [])
    known = REASONS[reason]
    assert f"ended as FAILED: {reason}." in text
    assert f"for {known.owner}: {known.cause}" in text
    assert f"Next: {known.action}" in text
    assert ("AWS saves nothing" in text) is not known.saved


def test_failed_tasks_are_named_with_their_own_message() -> None:
    task = {
        "name": "call",
        "taskId": "4567890",
        "statusMessage": "exit code 137",
        "failureReason": "OUT_OF_MEMORY_ERROR",
    }
    text = failure(run(), [task, {"name": "other", "taskId": "4567891"}], None, [])
    assert "Task call (4567890) failed: OUT_OF_MEMORY_ERROR: exit code 137" in text
    assert f"Next: {REASONS['OUT_OF_MEMORY_ERROR'].action}" in text
    assert "Task other (4567891) failed: no message" in text


def at(hour: int) -> datetime:
    return datetime(2026, 11, 1, hour, tzinfo=UTC)


RETRIED: list[dict[str, Any]] = [
    {"name": "align", "taskId": "1", "status": "FAILED", "creationTime": at(1), "stopTime": at(2)},
    {"name": "align", "taskId": "2", "status": "COMPLETED", "creationTime": at(3), "stopTime": at(4)},
    {"name": "align", "taskId": "3", "status": "COMPLETED", "creationTime": at(1), "stopTime": at(4)},
    {"name": "call", "taskId": "4", "status": "FAILED", "creationTime": at(4), "stopTime": at(5)},
    {"name": "call", "taskId": "5", "status": "FAILED", "creationTime": at(6), "stopTime": at(7)},
    {"name": "sort", "taskId": "6", "status": "FAILED"},
]
"""AWS tries a task again as one of another id; a scatter's tasks share their name."""


def test_what_no_other_try_made_good_comes_first() -> None:
    assert [task["taskId"] for task in failed_last(RETRIED)] == ["5", "4", "6", "1"]
    assert summarize(RETRIED, None).failed == {"call": 2, "sort": 1}


def test_tasks_that_the_model_lets_be_nameless() -> None:
    nameless = {"taskId": "4567890", "status": "FAILED"}
    assert summarize([nameless], None).failed == {"task 4567890": 1}
    assert "task 4567890" in failure(run(), [nameless], None, [])


def test_the_summary() -> None:
    summary = summarize(TASKS, "2345678")
    assert summary.plain() == {
        "cache_id": "2345678",
        "computed": {"align": 2},
        "reused": {"index": 1},
        "failed": {"call": 1},
        "reused_from": {"index": "s3://genomes/cache/uuid/1/2/entry/"},
    }
    assert summary.sentence() == "1 of 4 tasks was reused from cache 2345678"
    assert summarize(TASKS, None).sentence() == "2 tasks were computed; the run used no cache"


@pytest.mark.parametrize(
    ("members", "tasks", "expected"),
    [
        ({}, TASKS, "2 tasks were computed and saved to it: a retry on it reuses that."),
        ({}, TASKS[:1], "No other task had completed, so that nothing new is saved."),
        ({"cacheId": None}, TASKS, "used no cache. A retry computes everything again."),
        ({"failureReason": "RUN_TIMED_OUT"}, TASKS, "After RUN_TIMED_OUT AWS saves nothing: a retry computes"),
        ({"status": "CANCELLED", "failureReason": None}, TASKS, "saved to it: a retry on it reuses that."),
    ],
)
def test_what_a_retry_would_compute(members: dict[str, Any], tasks: list[dict[str, Any]], expected: str) -> None:
    described = {name: value for name, value in {**run(), **members}.items() if value is not None}
    assert expected in failure(described, [], summarize(tasks, described.get("cacheId")), [])


def test_where_a_tasks_own_reason_tells_more_cause_and_retry_are_of_that_reason() -> None:
    task = {"name": "call", "taskId": "4567890", "failureReason": "FILE_SYSTEM_OUT_OF_SPACE"}
    text = failure(run("RUN_TASK_FAILED"), [task], summarize(TASKS, "2345678"), [])
    assert REASONS["FILE_SYSTEM_OUT_OF_SPACE"].cause in text
    assert "After FILE_SYSTEM_OUT_OF_SPACE AWS saves nothing: a retry computes everything" in text
    assert "a retry on it reuses that" not in text


def test_presigned_urls_are_redacted() -> None:
    url = "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA%2F1&X-Amz-Expires=60&X-Amz-Signature=abc123 next"
    assert redacted(url).endswith("k?X-Amz-Credential=[redacted]&X-Amz-Expires=60&X-Amz-Signature=[redacted] next")
    assert redacted("https://b/k?AWSAccessKeyId=AKIA1&Expires=60&Signature=abc%3D next").endswith(
        "k?AWSAccessKeyId=[redacted]&Expires=60&Signature=[redacted] next"
    )
    assert "abc123" not in failure(
        run(statusMessage=url), [{"name": "n", "taskId": "1", "statusMessage": url}], None, []
    )


def test_a_dry_run_shows_the_request_and_no_signature() -> None:
    from airflow_provider_omics.reports.request import rendered

    url = "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA%2Fx&X-Amz-Signature=5ec2e7"
    request = {
        "workflowId": "1234567",
        "parameters": {"reads": [url], "nested": json.dumps({"reads": url}), "ä": 1},
        "priority": 3,
    }
    text = rendered(request)
    assert text == rendered(dict(reversed(request.items())))
    shown = json.loads(text)
    assert shown["priority"] == 3
    assert json.loads(shown["parameters"]["nested"])["reads"] == shown["parameters"]["reads"][0]
    assert "5ec2e7" not in text
    assert "AKIA" not in text
    assert '"ä": 1' in text
