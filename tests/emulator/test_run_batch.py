"""Run batches: settings, course, lists, and what StartRunBatch refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.batches import (
    THREE,
    counts,
    described,
    get_run,
    needs_status,
    put_settings,
    runs,
    start_from_s3,
)
from tests.emulator.wired import ROLE, WORKFLOW, Service

pytestmark = needs_status("CREATING")


def test_start_answers_with_a_batch_that_is_being_created(service: Service) -> None:
    batch = service.start_batch(*THREE, batchName="cohort", tags={"a": "b"})
    assert batch["arn"] == f"arn:aws:omics:us-east-1:123456789012:runBatch/{batch['id']}"
    assert (batch["status"], batch["tags"]) == ("CREATING", {"a": "b"})
    found = described(service, batch)
    assert (found["uuid"], found["name"]) == (batch["uuid"], "cohort")
    assert found["defaultRunSetting"] == {"workflowId": WORKFLOW, "roleArn": ROLE, "outputUri": "s3://genomes/out"}
    assert service.client.list_tags_for_resource(resourceArn=batch["arn"])["tags"] == {"a": "b"}


def test_a_batch_goes_through_its_statuses_by_the_clock(service: Service) -> None:
    batch = service.start_batch(*({"runSettingId": str(n)} for n in range(20)))
    seen: list[str] = []
    for _ in range(600):
        status = described(service, batch)["status"]
        if status not in seen[-1:]:
            seen.append(status)
        service.clock.advance(0.5)
    assert seen == ["CREATING", "PENDING", "SUBMITTING", "INPROGRESS", "PROCESSED"]
    found = described(service, batch)
    assert found["creationTime"] < found["submittedTime"] < found["processedTime"]
    assert found["totalRuns"] == 20


def test_a_jump_of_the_clock_ends_as_waiting_does(service: Service) -> None:
    def end(step: int) -> tuple[Any, Any]:
        batch = service.start_batch(*THREE)
        for _ in range(3600 // step):
            service.clock.advance(step)
            service.client.list_batch()
        found = described(service, batch)
        return found["processedTime"] - found["creationTime"], counts(service, batch)

    assert end(step=3600) == end(step=5)


def test_runs_are_submitted_one_after_another(service: Service) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(3)
    assert list(runs(service, batch)) == ["sample_1"]
    assert counts(service, batch) == {"successfulStartSubmission": 1, "pendingStartSubmission": 2, "pendingRun": 1}
    service.clock.advance(0.4)
    assert list(runs(service, batch)) == ["sample_1", "sample_2", "sample_3"]
    service.clock.advance(10)
    assert counts(service, batch) == {"successfulStartSubmission": 3, "runningRun": 3}


def test_each_runs_settings_are_laid_over_the_shared_ones(service: Service) -> None:
    shared = {
        "name": "shared",
        "priority": 1,
        "logLevel": "OFF",
        "parameters": {"reference": "s3://genomes/ref.fa", "depth": 30},
        "runTags": {"study": "x", "kind": "shared"},
    }
    own = {"name": "own", "priority": 2, "parameters": {"depth": 60}, "runTags": {"kind": "own"}}
    own["outputUri"] = "s3://genomes/own"
    batch = service.start_batch({"runSettingId": "plain"}, {"runSettingId": "own", **own}, shared=shared)
    service.clock.advance(5)
    plain, special = get_run(service, batch, "plain"), get_run(service, batch, "own")
    assert {name: plain[name] for name in ("name", "priority", "parameters", "outputUri")} == {
        "name": "shared",
        "priority": 1,
        "parameters": shared["parameters"],
        "outputUri": "s3://genomes/out",
    }
    assert (special["name"], special["priority"], special["outputUri"]) == ("own", 2, "s3://genomes/own")
    assert special["parameters"] == {"reference": "s3://genomes/ref.fa", "depth": 60}
    assert (plain["tags"], special["tags"]) == (shared["runTags"], {"study": "x", "kind": "own"})
    assert plain["logLevel"] == special["logLevel"] == "OFF"
    assert "logLocation" not in plain


def test_a_run_tells_its_batch_and_the_batch_its_runs(service: Service) -> None:
    alone, batch = service.start()["id"], service.start_batch(*THREE)
    service.clock.advance(5)
    found = runs(service, batch)
    run = get_run(service, batch, "sample_2")
    assert run["batchId"] == batch["id"]
    assert found["sample_2"] == {
        "runSettingId": "sample_2",
        "runId": run["id"],
        "runArn": run["arn"],
        "runInternalUuid": run["uuid"],
        "submissionStatus": "SUCCESS",
    }
    listed = [item["id"] for item in service.client.list_runs(batchId=batch["id"])["items"]]
    assert listed == [run["runId"] for run in found.values()]
    assert "batchId" not in service.client.get_run(id=alone)


def test_runs_of_a_batch_use_the_cache(service: Service) -> None:
    shared = {"cacheId": service.cache()["id"], "cacheBehavior": "CACHE_ALWAYS"}
    for _ in range(2):
        batch = service.start_batch({"runSettingId": "a"}, shared=shared)
        service.clock.advance(3600)
    run = get_run(service, batch, "a")
    assert {name: run[name] for name in shared} == shared
    assert service.hits(run) == {"index_reference", "align_1", "align_2", "align_3", "joint_call"}


def test_settings_come_from_a_file_in_s3(service: Service) -> None:
    settings = [{"runSettingId": f"sample_{n}", "parameters": {"n": n}} for n in range(150)]
    batch = start_from_s3(service, settings)
    service.clock.advance(3600)
    assert described(service, batch)["totalRuns"] == 150
    assert counts(service, batch) == {"successfulStartSubmission": 150, "completedRun": 150}
    pages = service.client.get_paginator("list_runs_in_batch").paginate(batchId=batch["id"])
    assert [run["runSettingId"] for page in pages for run in page["runs"]] == [s["runSettingId"] for s in settings]
    assert get_run(service, batch, "sample_7")["parameters"] == {"n": 7}


BROKEN: dict[str, tuple[Any, str]] = {
    "not JSON": (b"[{", "settings.json is not JSON"),
    "not text": (b"\xff", "settings.json is not JSON"),
    "an object": ({"runSettingId": "a"}, "must be a JSON array"),
    "empty": ([], "at least one object"),
    "not an object": ([{"runSettingId": "a"}, "b"], "settings of run 2"),
    "no id": ([{"name": "a"}], "settings of run 1"),
    "twice": ([{"runSettingId": "a"}, {"runSettingId": "a"}], "2 runs have 1"),
    "too many": ([{"runSettingId": str(n)} for n in range(100_001)], "100000 runs; this one has 100001"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_settings_fail_the_batch(service: Service, case: str) -> None:
    settings, reason = BROKEN[case]
    batch = start_from_s3(service, settings)
    assert batch["status"] == "CREATING"
    service.clock.advance(5)
    found = described(service, batch)
    assert found["status"] == "FAILED"
    assert reason in found["failureReason"]
    assert found["failedTime"] > found["creationTime"]
    assert service.client.list_runs()["items"] == []


@pytest.mark.parametrize(("change", "reason"), [(b"[]", "was changed"), (None, "cannot be read")])
def test_a_file_that_changes_after_the_start_fails_the_batch(
    service: Service, change: bytes | None, reason: str
) -> None:
    batch = start_from_s3(service, THREE)
    if change is None:
        service.memory.objects.clear()
    else:
        put_settings(service, change)
    service.clock.advance(5)
    assert reason in described(service, batch)["failureReason"]


def test_inline_settings_with_one_id_twice_fail_the_batch(service: Service) -> None:
    batch = service.start_batch({"runSettingId": "a"}, {"runSettingId": "a"})
    service.clock.advance(5)
    assert described(service, batch)["status"] == "FAILED"


def test_batches_are_listed_by_one_filter_at_a_time(service: Service) -> None:
    group_id = service.client.create_run_group(name="g")["id"]
    first = service.start_batch(*THREE, batchName="first", shared={"runGroupId": group_id})["id"]
    service.clock.advance(3600)
    second = service.start_batch({"runSettingId": "a"})["id"]

    def listed(**filters: Any) -> list[str]:
        return [batch["id"] for batch in service.client.list_batch(**filters)["items"]]

    assert listed() == [first, second]
    assert listed(name="first") == listed(status="PROCESSED") == listed(runGroupId=group_id) == [first]
    assert listed(status="CREATING") == [second]
    (item,) = service.client.list_batch(maxItems=1)["items"]
    assert (item["workflowId"], item["totalRuns"], "createdAt" in item) == (WORKFLOW, 3, True)
    pages = service.client.get_paginator("list_batch").paginate(PaginationConfig={"PageSize": 1})
    assert [batch["id"] for page in pages for batch in page["items"]] == [first, second]
    with pytest.raises(service.client.exceptions.ValidationException, match="one filter"):
        listed(name="first", status="PROCESSED")


def test_runs_of_a_batch_are_listed_by_one_filter_at_a_time(service: Service) -> None:
    batch = service.start_batch(*THREE)
    service.clock.advance(5)
    run_id = runs(service, batch)["sample_3"]["runId"]
    assert list(runs(service, batch, runSettingId="sample_3")) == list(runs(service, batch, runId=run_id))
    assert list(runs(service, batch, runSettingId="sample_3")) == ["sample_3"]
    with pytest.raises(service.client.exceptions.ValidationException, match="one filter"):
        runs(service, batch, runId=run_id, submissionStatus="SUCCESS")


def test_the_same_request_again_starts_no_second_batch(service: Service) -> None:
    batches = [service.start_batch(*THREE, requestId="r")["id"] for _ in range(2)]
    assert batches[0] == batches[1]
    with pytest.raises(service.client.exceptions.ValidationException, match="requestId 'r'"):
        service.start_batch({"runSettingId": "other"}, requestId="r")
    service.clock.advance(5)
    assert len(service.client.list_runs()["items"]) == 3


REFUSALS: dict[str, tuple[Callable[[Service], dict[str, Any]], str, str]] = {
    "workflow": (lambda s: {"shared": {"workflowId": "7777777"}}, "ResourceNotFoundException", "workflow 7777777"),
    "cache": (lambda s: {"shared": {"cacheId": "7777777"}}, "ResourceNotFoundException", "run cache 7777777"),
    "group": (lambda s: {"shared": {"runGroupId": "7777777"}}, "ResourceNotFoundException", "7777777"),
    "behaviour alone": (lambda s: {"shared": {"cacheBehavior": "CACHE_ALWAYS"}}, "ValidationException", "a cacheId"),
    "Ready2Run": (lambda s: {"shared": {"workflowType": "READY2RUN"}}, "ValidationException", "Ready2Run"),
    "reserved tag": (lambda s: {"tags": {"aws:x": "y"}}, "ValidationException", "aws:x"),
    "no file": (lambda s: {"batchRunSettings": {"s3UriSettings": "s3://genomes/x"}}, "ValidationException", "exist"),
    "no key": (lambda s: {"batchRunSettings": {"s3UriSettings": "s3://genomes"}}, "ValidationException", "exist"),
    "no bucket": (lambda s: {"batchRunSettings": {"s3UriSettings": "s3://no/x"}}, "ValidationException", "bucket no"),
    "not in S3": (lambda s: {"batchRunSettings": {"s3UriSettings": "/x"}}, "ValidationException", "not an S3 URI"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_start_refuses_at_once_what_no_run_could_do_with(service: Service, refusal: str) -> None:
    request, code, reason = REFUSALS[refusal]
    with pytest.raises(getattr(service.client.exceptions, code), match=reason):
        service.start_batch(*THREE, **request(service))
    assert service.client.list_batch()["items"] == []


def test_parameters_that_are_too_large_are_refused(service: Service) -> None:
    service.start(parameters={"x": "y" * (256_000 - len('{"x":""}'))})
    with pytest.raises(service.client.exceptions.ValidationException, match="can have 256000 bytes"):
        service.start_batch(*THREE, shared={"parameters": {"x": "y" * 256_000}})
    merged = {"runSettingId": "sample_4", "parameters": {"z": "y" * 100_000}}
    batch = service.start_batch(*THREE, merged, shared={"parameters": {"x": "y" * 200_000}})
    service.clock.advance(3600)
    assert counts(service, batch) == {"successfulStartSubmission": 3, "failedStartSubmission": 1, "completedRun": 3}
    assert "can have 256000 bytes" in runs(service, batch)["sample_4"]["submissionFailureMessage"]
