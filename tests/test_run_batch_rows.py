"""What a batch's samples become in XCom and in an error: pure functions."""

from __future__ import annotations

import pytest

from airflow_provider_omics.reports.run_batch import MOST_ROWS, NOT_STARTED, Sample, counts, failure, rows


def sample(number: int, status: str, reason: str | None = None) -> Sample:
    return Sample(f"sample_{number}", "7123456", status, run_id=str(number), reason=reason)


def test_of_many_samples_only_those_that_did_not_complete_go_into_xcom() -> None:
    many = [sample(n, "FAILED" if n % 100 == 0 else "COMPLETED") for n in range(100_000)]
    assert {row["status"] for row in rows(many)} == {"FAILED"}
    assert len(rows(many)) == 1000 == MOST_ROWS
    assert len(rows(many[:MOST_ROWS])) == MOST_ROWS
    assert len(rows(many[: MOST_ROWS + 1])) == 11


def test_every_sample_is_counted_once() -> None:
    statuses = ["COMPLETED", "FAILED", NOT_STARTED, "CANCELLED", "DELETED"]
    counted = counts([sample(n, status) for n, status in enumerate(statuses)], 9)
    assert counted == {
        "total": 9,
        "completed": 1,
        "failed": 1,
        "not_started": 1,
        "cancelled": 2,
        "not_submitted": 4,
    }
    assert sum(counted.values()) - counted["total"] == counted["total"]


@pytest.mark.parametrize(
    ("status", "reason", "heals"),
    [
        ("FAILED", "RUN_TASK_FAILED", True),
        ("FAILED", "INVALID_URI_INPUT", False),
        ("FAILED", None, True),
        ("CANCELLED", None, True),
        (NOT_STARTED, "AccessDeniedException", True),
        (NOT_STARTED, "ValidationException", False),
    ],
)
def test_what_a_retry_starts_again(status: str, reason: str | None, heals: bool) -> None:
    assert sample(1, status, reason).heals is heals


def test_an_error_names_the_most_frequent_reason_first_and_a_few_samples_of_each() -> None:
    samples = [
        sample(1, "COMPLETED"),
        Sample(
            "late", "7123456", NOT_STARTED, reason="AccessDeniedException", message="no: https://x?X-Amz-Signature=c0"
        ),
        *(sample(n, "FAILED", "OUT_OF_MEMORY_ERROR") for n in range(2, 10)),
    ]
    text = failure({"id": "7123456", "status": "PROCESSED"}, samples, counts(samples, 10), "A retry starts them again.")
    assert text.splitlines() == [
        "HealthOmics run batch 7123456 ended as PROCESSED. Samples: 10 total, 1 completed, 8 failed, 1 not started.",
        "FAILED, OUT_OF_MEMORY_ERROR: sample_2 (run 2), sample_3 (run 3), sample_4 (run 4), sample_5 (run 5), "
        "sample_6 (run 6) and 3 more.",
        "  Most likely it is for the author of the workflow: A task needed more memory than it had asked for.",
        "  Next: Raise the task's memory.",
        "NOT_STARTED, AccessDeniedException: late.",
        "  AWS says: no: https://x?X-Amz-Signature=[redacted]",
        "  Next: correct what AWS's message names; no run was started, and nothing was paid for.",
        "A retry starts them again.",
    ]
