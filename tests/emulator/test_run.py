"""Runs and their tasks: start, course, cancel, delete, and what StartRun refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_omics.emulator import Plan, Task
from tests.emulator.wired import ACCOUNT, REGION, ROLE, WORKFLOW, Service

LOG = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/omics/WorkflowLog:log-stream:"


def listed(service: Service, **filters: Any) -> list[str]:
    return [run["id"] for run in service.client.list_runs(**filters)["items"]]


def test_start_answers_with_a_pending_run(service: Service) -> None:
    run = service.start(tags={"a": "b"})
    assert (run["status"], run["tags"]) == ("PENDING", {"a": "b"})
    assert run["arn"] == f"arn:aws:omics:us-east-1:123456789012:run/{run['id']}"
    assert run["runOutputUri"] == f"s3://genomes/out/{run['id']}/{run['uuid']}"


def test_a_run_goes_through_its_statuses_by_the_clock(service: Service) -> None:
    service.plan(Task("only", seconds=10))
    run_id = service.start()["id"]
    seen: list[str] = []
    for _ in range(30):
        run = service.client.get_run(id=run_id)
        if run["status"] not in seen[-1:]:
            seen.append(run["status"])
        service.clock.advance(1)
    assert seen == ["PENDING", "STARTING", "RUNNING", "STOPPING", "COMPLETED"]
    assert run["startTime"] - run["creationTime"] == timedelta(seconds=7)
    assert run["stopTime"] - run["startTime"] == timedelta(seconds=15)


def test_a_jump_of_the_clock_ends_as_waiting_does(service: Service) -> None:
    def times(step: int) -> list[timedelta]:
        run = service.start()
        for _ in range(3600 // step):
            service.clock.advance(step)
            service.client.list_runs()
        made = service.client.get_run(id=run["id"])
        ends = [task["stopTime"] for task in service.client.list_run_tasks(id=run["id"])["items"]]
        return [end - made["creationTime"] for end in [made["startTime"], *ends, made["stopTime"]]]

    assert times(step=3600) == times(step=5)


def test_a_run_shows_how_it_was_started(service: Service) -> None:
    asked = {"name": "cohort 7", "priority": 3, "parameters": {"reference": "s3://genomes/ref.fa"}, "logLevel": "ALL"}
    run = service.client.get_run(id=service.start(**asked)["id"])
    assert {name: run[name] for name in asked} == asked
    assert run["logLocation"]["engineLogStream"] == f"{LOG}run/{run['id']}/engine"
    assert (run["workflowId"], run["workflowType"], run["roleArn"]) == (WORKFLOW, "PRIVATE", ROLE)
    assert not {"cacheId", "cacheBehavior", "failureReason", "startTime", "runGroupId"} & set(run)


def test_list_items_have_neither_uuid_nor_cache(service: Service) -> None:
    service.start(cacheId=service.cache()["id"], name="a")
    (item,) = service.client.list_runs()["items"]
    assert not {"uuid", "cacheId", "cacheBehavior", "outputUri", "tags"} & set(item)


def test_runs_are_listed_by_name_status_and_group(service: Service) -> None:
    group_id = service.client.create_run_group()["id"]
    first = service.start(name="a", runGroupId=group_id)["id"]
    service.clock.advance(3600)
    second, third = service.start(name="a")["id"], service.start(name="ab")["id"]
    assert listed(service) == [first, second, third]
    assert listed(service, name="a") == [first, second]
    assert listed(service, status="COMPLETED") == [first]
    assert listed(service, status="PENDING", name="a") == [second]
    assert listed(service, runGroupId=group_id) == [first]
    assert listed(service, status="FAILED") == []
    service.store.faults.run_name_match = "prefix"
    assert listed(service, name="a", status="PENDING") == [second, third]


def test_pages_of_a_filtered_list_hold_every_run_once(service: Service) -> None:
    runs = [service.start(name="odd" if n % 2 else "even")["id"] for n in range(9)]
    pages = service.client.get_paginator("list_runs").paginate(name="odd", PaginationConfig={"PageSize": 2})
    assert [run["id"] for page in pages for run in page["items"]] == runs[1::2]


def test_tasks_appear_as_they_are_submitted(service: Service) -> None:
    service.plan(Task("a", seconds=10), Task("b", seconds=10, after=("a",), cpus=8, memory=32, gpus=1))
    run = service.start()
    assert service.tasks(run) == {}
    service.clock.advance(10)
    (task,) = service.client.list_run_tasks(id=run["id"], status="RUNNING")["items"]
    assert (task["name"], "cacheHit" in task) == ("a", False)
    service.clock.advance(3600)
    b = service.client.get_run_task(id=run["id"], taskId=service.tasks(run)["b"]["taskId"])
    assert (b["cpus"], b["memory"], b["gpus"]) == (8, 32, 1)
    assert b["logStream"] == f"{LOG}run/{run['id']}/task/{b['taskId']}"
    assert b["startTime"] >= service.tasks(run)["a"]["stopTime"]
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="7777777"):
        service.client.get_run_task(id=run["id"], taskId="7777777")


def test_a_failed_task_fails_its_run_and_stops_what_is_under_way(service: Service) -> None:
    service.plan(
        Task("quick", seconds=5, fail_first=1, failure_reason="OUT_OF_MEMORY_ERROR", status_message="Out of memory."),
        Task("long", seconds=500),
        Task("never", after=("quick",)),
    )
    run = service.run()
    assert (run["status"], run["failureReason"]) == ("FAILED", "OUT_OF_MEMORY_ERROR")
    assert run["statusMessage"] == "Task quick failed. Out of memory."
    tasks = service.tasks(run)
    assert {name: task["status"] for name, task in tasks.items()} == {"quick": "FAILED", "long": "CANCELLED"}
    detail = service.client.get_run_task(id=run["id"], taskId=tasks["quick"]["taskId"])
    assert (detail["failureReason"], detail["statusMessage"]) == ("OUT_OF_MEMORY_ERROR", "Out of memory.")


def test_a_run_fails_before_its_first_task_where_its_plan_says_so(service: Service) -> None:
    plan = Plan(
        (Task("only"),), failure_reason="IMPORT_FAILED", status_message="The import failed.", log=("one", "two")
    )
    service.store.plans.set(WORKFLOW, plan)
    run = service.run()
    assert (run["status"], run["failureReason"]) == ("FAILED", "IMPORT_FAILED")
    assert run["statusMessage"] == "The import failed."
    assert service.tasks(run) == {}
    lines = service.memory.logs[f"run/{run['id']}/engine"]
    assert lines == ["Workflow started", "one", "two", "Workflow failed: The import failed."]


def test_a_task_prints_what_its_plan_says(service: Service) -> None:
    service.plan(Task("only", log=("one", "two")))
    run = service.run()
    stream = f"run/{run['id']}/task/{service.tasks(run)['only']['taskId']}"
    assert service.memory.logs[stream] == ["one", "two", "Task only completed"]


def test_a_task_fails_as_many_runs_as_its_plan_says(service: Service) -> None:
    plan = Plan((Task("only", fail_first=2),))
    service.store.plans.set(WORKFLOW, plan)
    assert [service.run()["status"] for _ in range(4)] == ["FAILED", "FAILED", "COMPLETED", "COMPLETED"]
    service.store.plans.set(WORKFLOW, plan)
    assert service.run()["status"] == "FAILED"


def test_a_plan_picks_runs_by_name_and_counts_each_by_itself(service: Service) -> None:
    service.plan(Task("only", fail_first=1, fails_in=("a", "b")))
    ends = [service.run(name=name)["status"] for name in ("a", "c", "b", "a")]
    assert ends == ["FAILED", "COMPLETED", "FAILED", "COMPLETED"]


@pytest.mark.parametrize("after", [0, 3, 30])
def test_a_cancelled_run_stops_and_then_is_cancelled(service: Service, after: int) -> None:
    run = service.start()
    service.clock.advance(after)
    service.client.cancel_run(id=run["id"])
    assert service.client.get_run(id=run["id"])["status"] == "STOPPING"
    service.client.cancel_run(id=run["id"])
    service.clock.advance(3)
    ended = service.client.get_run(id=run["id"])
    assert ended["status"] == "CANCELLED"
    assert "failureReason" not in ended
    assert {task["status"] for task in service.tasks(run).values()} <= {"COMPLETED", "CANCELLED"}
    service.clock.advance(3600)
    assert service.client.get_run(id=run["id"])["stopTime"] == ended["stopTime"]


def test_a_run_that_has_ended_can_be_deleted_but_not_cancelled(service: Service) -> None:
    run = service.start()
    with pytest.raises(service.client.exceptions.ConflictException, match="PENDING"):
        service.client.delete_run(id=run["id"])
    service.clock.advance(3600)
    with pytest.raises(service.client.exceptions.ConflictException, match="COMPLETED"):
        service.client.cancel_run(id=run["id"])
    service.client.delete_run(id=run["id"])
    for call in (service.client.get_run, service.client.list_run_tasks, service.client.cancel_run):
        with pytest.raises(service.client.exceptions.ResourceNotFoundException, match=run["id"]):
            call(id=run["id"])


def test_a_deleted_runs_id_is_used_again_for_another_run(service: Service) -> None:
    run = service.run()
    service.client.delete_run(id=run["id"])
    again = service.start()
    assert again["id"] == run["id"]
    assert again["uuid"] != run["uuid"]


def test_outputs_and_logs_are_written(service: Service) -> None:
    run = service.run()
    written = {uri.removeprefix(run["runOutputUri"]) for uri in service.memory.objects}
    assert written == {"/logs/engine.log", "/logs/outputs.json", "/out/joint_call/joint_call.txt"}
    streams = {re.sub(r"task/\d+", "task", stream) for stream in service.memory.logs}
    assert streams == {f"run/{run['id']}", f"run/{run['id']}/engine", f"run/{run['id']}/task"}
    assert service.memory.logs[f"run/{run['id']}"][-1] == "Run is COMPLETED"


def test_a_run_that_logs_nothing_names_no_streams(service: Service) -> None:
    run = service.run(logLevel="OFF")
    assert service.memory.logs == {}
    assert "logLocation" not in run


def test_a_run_whose_bucket_is_gone_at_its_end_fails(service: Service) -> None:
    service.start()
    del service.memory.buckets["genomes"]
    service.clock.advance(3600)
    (run,) = service.client.list_runs()["items"]
    detail = service.client.get_run(id=run["id"])
    assert (detail["status"], detail["failureReason"]) == ("FAILED", "EXPORT_FAILED")
    assert "genomes" in detail["statusMessage"]


def test_a_run_repeats_an_earlier_one(service: Service) -> None:
    cache_id = service.cache()["id"]
    first = service.run(name="a", parameters={"x": 1}, cacheId=cache_id, tags={"not": "copied"})
    answer = service.client.start_run(runId=first["id"], roleArn=ROLE, outputUri="s3://genomes/again", name="b")
    second = service.client.get_run(id=answer["id"])
    assert (second["runId"], second["name"], second["outputUri"]) == (first["id"], "b", "s3://genomes/again")
    assert {key: second[key] for key in ("workflowId", "parameters", "cacheId")} == {
        "workflowId": WORKFLOW,
        "parameters": {"x": 1},
        "cacheId": cache_id,
    }
    assert second["tags"] == {}
    third = service.client.start_run(runId=second["id"], roleArn=ROLE, outputUri="s3://genomes/again")
    assert service.client.get_run(id=third["id"])["name"] == "b"


def test_a_repeated_run_has_every_setting_but_those_of_the_request(service: Service) -> None:
    service.needs("StartRun", "configurationName")
    service.needs("StartRun", "scratchStorageMode")
    group_id = service.client.create_run_group()["id"]
    settings = {
        **{"runGroupId": group_id, "priority": 7, "retentionMode": "REMOVE", "storageType": "DYNAMIC"},
        **{"logLevel": "ERROR", "networkingMode": "VPC", "scratchStorageMode": "LOCAL"},
    }
    first = service.run(**settings, configurationName="lab")
    answer = service.start(runId=first["id"], priority=8, logLevel="ALL")
    second = service.client.get_run(id=answer["id"])
    assert {name: second[name] for name in settings} == settings | {"priority": 8, "logLevel": "ALL"}


def test_a_deleted_run_cannot_be_repeated(service: Service) -> None:
    run = service.run()
    service.client.delete_run(id=run["id"])
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match=f"run {run['id']} .* to repeat"):
        service.start(runId=run["id"])


REFUSALS: dict[str, tuple[Callable[[Service], dict[str, Any]], str, str]] = {
    "unknown workflow": (lambda s: {"workflowId": "7777777"}, "ResourceNotFoundException", "workflow 7777777"),
    "another type": (lambda s: {"workflowType": "READY2RUN"}, "ResourceNotFoundException", "of type READY2RUN"),
    "unknown group": (lambda s: {"runGroupId": "7777777"}, "ResourceNotFoundException", "run group 7777777"),
    "unknown cache": (lambda s: {"cacheId": "7777777"}, "ResourceNotFoundException", "run cache 7777777"),
    "behaviour alone": (lambda s: {"cacheBehavior": "CACHE_ALWAYS"}, "ValidationException", "needs a cacheId"),
    "unknown earlier run": (lambda s: {"runId": "7777777"}, "ResourceNotFoundException", "run 7777777"),
    "not in S3": (lambda s: {"outputUri": "/tmp/out"}, "ValidationException", "not an S3 URI"),
    "missing bucket": (lambda s: {"outputUri": "s3://missing/out"}, "ValidationException", "bucket missing"),
    "parameters": (
        lambda s: {"workflowId": templated(s), "parameters": {"y": 1}},
        "ValidationException",
        "no y; it has x",
    ),
    "large parameters": (lambda s: {"parameters": {"x": "ä" * 128_000}}, "ValidationException", "have 256008"),
    "no text": (lambda s: {"parameters": {"x": ["\ud800"]}}, "ValidationException", r"'\\ud800' is no Unicode text"),
    "reserved tag": (lambda s: {"tags": {"aws:x": "y"}}, "ValidationException", "aws:x"),
}


def templated(service: Service) -> str:
    service.store.seed_workflow(ACCOUNT, REGION, "2222222", "picky", parameterTemplate={"x": {"optional": False}})
    return "2222222"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_start_refuses_what_cannot_be_run(service: Service, refusal: str) -> None:
    request, code, reason = REFUSALS[refusal]
    with pytest.raises(getattr(service.client.exceptions, code), match=reason):
        service.start(**request(service))
    assert listed(service) == []


def test_a_request_for_no_workflow_is_refused(service: Service) -> None:
    with pytest.raises(service.client.exceptions.ValidationException, match="needs a workflowId"):
        service.client.start_run(roleArn=ROLE, outputUri="s3://genomes/out")


def test_a_plan_is_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="two tasks 'a'"):
        Plan((Task("a"), Task("a")))
    with pytest.raises(ValueError, match="comes after b"):
        Plan((Task("a", after=("b",)), Task("b")))
