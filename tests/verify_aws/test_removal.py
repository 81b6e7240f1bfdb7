"""Whatever happens, what a verification has made is removed, and nothing else is touched."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_omics.emulator import Clock, Store
from airflow_provider_omics.emulator.assumptions import questions
from tests.verify_aws.accounts import client

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("operation", ["CreateRunCache", "StartRun", "CreateWorkflow", "CancelRun", "ListRunCaches"])
@pytest.mark.parametrize("fault", ["InternalServerException", "AccessDeniedException", "lost"])
def test_one_failure_leaves_the_other_questions_and_nothing_behind(
    fault: str, operation: str, verification: ModuleType, account: Any, omics_mock: Store, others: dict[str, Any]
) -> None:
    if fault == "lost":
        omics_mock.faults.lose_answer(operation, on_call=2, times=2)
    else:
        omics_mock.faults.fail(operation, fault, on_call=2, times=2)
    omics_mock.faults.token_seconds = 600
    said: list[str] = []
    outcome = verification.verify(account, say=said.append)
    assert outcome.left == [], said
    assert len(outcome.answers) + len(outcome.unanswered) == len(questions())
    assert len(outcome.answers) > 10


@pytest.mark.parametrize("naps", [1, 3, 8])
def test_an_interruption_leaves_nothing_behind(
    naps: int, verification: ModuleType, account: Any, omics_mock: Store, others: dict[str, Any], clock: Clock
) -> None:
    omics_mock.faults.list_lag = 3  # it waits often
    slept: list[float] = []

    def interrupted(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)
        if len(slept) == naps:
            raise KeyboardInterrupt

    account.sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        verification.verify(account, say=lambda line: None)
    assert len(slept) >= naps


def test_what_cannot_be_removed_is_told_and_can_be_removed_later(
    verification: ModuleType, account: Any, omics_mock: Store, omics_bucket: str, others: dict[str, Any]
) -> None:
    omics_mock.faults.deny("DeleteRunGroup")
    outcome = verification.verify(account, asked=["group_name_match"], checked=())
    (left,) = outcome.left
    assert left.startswith("run group 5678913: ")
    assert "not authorized to perform omics:DeleteRunGroup" in left
    assert not outcome.complete
    omics_mock.faults.clear()
    again = type(account)(client("omics"), client("s3"), omics_bucket, name=account.name)
    assert again.clean_up() == []


def test_objects_that_s3_refuses_to_remove_are_told(
    verification: ModuleType, account: Any, omics_bucket: str, others: dict[str, Any]
) -> None:
    s3, key = client("s3"), f"{account.name}/cache/kept"
    resource = f"arn:aws:s3:::{omics_bucket}/{key}"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": resource}
    for each in (key, f"{account.name}/cache/other"):
        s3.put_object(Bucket=omics_bucket, Key=each, Body=b"x")
    s3.put_bucket_policy(Bucket=omics_bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    outcome = verification.verify(account, asked=(), checked=())
    assert outcome.left == [f"s3://{omics_bucket}/{key}: AccessDenied: Access Denied"]
    assert not outcome.complete
    s3.delete_bucket_policy(Bucket=omics_bucket)
    assert account.clean_up() == []


@pytest.mark.parametrize("name", ["", "omics-verify-", "omics-verify-0123456789ab-x", "cohort"])
def test_only_a_verification_can_be_cleaned_up(name: str, verification: ModuleType, account: Any) -> None:
    with pytest.raises(ValueError, match="not the name of a verification"):
        type(account)(None, None, "bucket", name=name or " ")


def test_an_answer_that_nobody_thought_of_stays_open(verification: ModuleType, account: Any, omics_mock: Store) -> None:
    omics_mock.faults.fail("DeleteRunCache", "ServiceQuotaExceededException", on_call=2, message="out of words")
    outcome = verification.verify(account, asked=["delete_again"], checked=())
    assert "out of words" in outcome.unanswered["delete_again"]
    assert not outcome.complete
