"""Run groups: create, describe, list, update, delete, and what they do to the runs in them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_omics.emulator import Task
from tests.emulator.wired import Service

OVER = 3600
"""Seconds after which every run here has ended."""


def group(service: Service, **request: Any) -> str:
    return str(service.client.create_run_group(**request)["id"])


def statuses(service: Service, *runs: Any) -> list[str]:
    return [service.client.get_run(id=run["id"])["status"] for run in runs]


def test_create_answers_with_what_the_api_documents(service: Service) -> None:
    answer = service.client.create_run_group(name="cohort", tags={"team": "exome"})
    del answer["ResponseMetadata"]
    assert re.fullmatch(r"[0-9]{7}", answer["id"])
    arn = f"arn:aws:omics:us-east-1:123456789012:runGroup/{answer['id']}"
    assert answer == {"arn": arn, "id": answer["id"], "tags": {"team": "exome"}}
    assert service.client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "exome"}


def test_a_group_is_described_as_it_was_made_and_changed(service: Service) -> None:
    limits = {"maxCpus": 20, "maxGpus": 10, "maxRuns": 5, "maxDuration": 600}
    group_id = group(service, name="old", **limits)
    service.client.update_run_group(id=group_id, name="new", maxRuns=6)
    found = service.client.get_run_group(id=group_id)
    assert {name: found[name] for name in ("name", *limits)} == {**limits, "name": "new", "maxRuns": 6}
    assert found["creationTime"] == service.clock.now()
    assert "name" not in service.client.get_run_group(id=group(service))


def test_groups_are_listed_by_name_and_names_need_not_be_unique(service: Service) -> None:
    made = [group(service, name=name) for name in ("a", "b", "a")]

    def listed(**filters: Any) -> list[str]:
        return [item["id"] for item in service.client.list_run_groups(**filters)["items"]]

    assert listed() == made
    assert listed(name="a") == [made[0], made[2]]
    pages = service.client.get_paginator("list_run_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["items"]) for page in pages] == [2, 1]


def test_the_same_request_again_makes_no_second_group(service: Service) -> None:
    first = group(service, name="a", requestId="token")
    assert group(service, name="a", requestId="token") == first
    with pytest.raises(service.client.exceptions.ValidationException, match="token"):
        group(service, name="b", requestId="token")
    service.store.faults.idempotency = "off"
    assert group(service, name="a", requestId="token") != first


def test_a_group_is_deleted_when_its_runs_have_ended(service: Service) -> None:
    group_id = group(service)
    runs = [service.start(runGroupId=group_id)["id"] for _ in range(2)]
    for seconds, status in ((0, "PENDING"), (2, "STARTING"), (5, "RUNNING")):
        service.clock.advance(seconds)
        assert service.client.get_run(id=runs[0])["status"] == status
        with pytest.raises(service.client.exceptions.ConflictException, match=", ".join(runs)):
            service.client.delete_run_group(id=group_id)
    for run_id in runs:
        service.client.cancel_run(id=run_id)
    with pytest.raises(service.client.exceptions.ConflictException):
        service.client.delete_run_group(id=group_id)
    service.clock.advance(OVER)
    service.client.delete_run_group(id=group_id)
    assert service.client.list_run_groups()["items"] == []
    assert service.client.get_run(id=runs[0])["runGroupId"] == group_id


@pytest.mark.parametrize("call", ["get_run_group", "update_run_group", "delete_run_group"])
def test_an_unknown_group_is_not_found(service: Service, call: str) -> None:
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="no run group 7777777"):
        getattr(service.client, call)(id="7777777")


def test_the_1001st_group_is_over_the_quota(service: Service) -> None:
    for _ in range(1000):
        group(service)
    with pytest.raises(service.client.exceptions.ServiceQuotaExceededException, match="1000 run groups"):
        group(service)


def test_a_run_says_which_group_it_is_in_and_is_listed_by_it(service: Service) -> None:
    group_id = group(service)
    run, _ = service.start(runGroupId=group_id), service.start()
    assert service.client.get_run(id=run["id"])["runGroupId"] == group_id
    assert [item["id"] for item in service.client.list_runs(runGroupId=group_id)["items"]] == [run["id"]]


def test_runs_above_the_maximum_stay_pending_until_one_ends(service: Service) -> None:
    service.plan(Task("only", seconds=10))
    group_id = group(service, maxRuns=2)
    runs = [service.start(runGroupId=group_id) for _ in range(5)]
    outside = service.start()
    most, ended = 0, False
    while not ended:
        seen = Counter(statuses(service, *runs))
        most = max(most, seen["STARTING"] + seen["RUNNING"] + seen["STOPPING"])
        ended = seen["COMPLETED"] == 5
        service.clock.advance(1)
    assert most == 2
    described = [service.client.get_run(id=run["id"]) for run in runs]
    lasted = described[0]["stopTime"] - described[0]["startTime"]
    starting = timedelta(seconds=5)
    assert [run["startTime"] - described[0]["startTime"] for run in described] == [
        n * (lasted + starting) for n in (0, 0, 1, 1, 2)
    ]
    assert service.client.get_run(id=outside["id"])["startTime"] == described[0]["startTime"]


def test_who_waits_goes_on_by_priority_and_then_by_age(service: Service) -> None:
    group_id = group(service, maxRuns=1)
    first = service.start(runGroupId=group_id)
    service.clock.advance(2)
    asked = {"three": 3, "one": 1, "zero": 0, "another three": 3}
    runs = {"none": service.start(runGroupId=group_id)["id"]}
    runs |= {name: service.start(runGroupId=group_id, priority=n)["id"] for name, n in asked.items()}
    service.clock.advance(OVER * len(runs))
    began = {name: service.client.get_run(id=run_id)["startTime"] for name, run_id in runs.items()}
    assert sorted(began, key=lambda name: began[name]) == ["one", "three", "another three", "none", "zero"]
    assert service.client.get_run(id=first["id"])["startTime"] < min(began.values())


def test_a_queued_run_that_is_cancelled_never_starts_and_takes_no_place(service: Service) -> None:
    group_id = group(service, maxRuns=1)
    first, second, third = (service.start(runGroupId=group_id) for _ in range(3))
    service.clock.advance(30)
    assert statuses(service, first, second, third) == ["RUNNING", "PENDING", "PENDING"]
    service.client.cancel_run(id=second["id"])
    service.clock.advance(OVER)
    assert statuses(service, first, second, third) == ["COMPLETED", "CANCELLED", "COMPLETED"]
    cancelled = service.client.get_run(id=second["id"])
    assert "startTime" not in cancelled
    assert service.tasks(cancelled) == {}


def test_a_run_that_is_cancelled_makes_room_when_it_has_ended(service: Service) -> None:
    group_id = group(service, maxRuns=1)
    first, second = (service.start(runGroupId=group_id) for _ in range(2))
    service.clock.advance(30)
    service.client.cancel_run(id=first["id"])
    assert statuses(service, first, second) == ["STOPPING", "PENDING"]
    service.clock.advance(3)
    assert statuses(service, first, second) == ["CANCELLED", "STARTING"]


def test_a_larger_maximum_lets_queued_runs_go_on_and_a_smaller_one_stops_none(service: Service) -> None:
    group_id = group(service, maxRuns=1)
    runs = [service.start(runGroupId=group_id) for _ in range(4)]
    service.clock.advance(30)
    service.client.update_run_group(id=group_id, maxRuns=3)
    assert statuses(service, *runs) == ["RUNNING", "STARTING", "STARTING", "PENDING"]
    service.client.update_run_group(id=group_id, maxRuns=1)
    service.clock.advance(30)
    assert statuses(service, *runs) == ["RUNNING", "RUNNING", "RUNNING", "PENDING"]
    service.clock.advance(OVER * 2)
    assert set(statuses(service, *runs)) == {"COMPLETED"}


def test_a_run_above_the_maximum_duration_fails_and_saves_nothing(service: Service) -> None:
    service.plan(Task("quick", seconds=10), Task("long", seconds=100, after=("quick",)))
    cache_id = service.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    group_id = group(service, maxDuration=1)
    run = service.run(runGroupId=group_id, cacheId=cache_id)
    assert (run["status"], run["failureReason"]) == ("FAILED", "RUN_TIMED_OUT")
    assert "1 minutes" in run["statusMessage"]
    assert run["stopTime"] - run["startTime"] == timedelta(seconds=60 + 3)
    assert {name: task["status"] for name, task in service.tasks(run).items()} == {
        "quick": "COMPLETED",
        "long": "CANCELLED",
    }
    service.client.update_run_group(id=group_id, maxDuration=2)
    again = service.run(runGroupId=group_id, cacheId=cache_id)
    assert again["status"] == "COMPLETED"
    assert service.hits(again) == set()


def test_the_time_in_the_queue_does_not_count(service: Service) -> None:
    service.plan(Task("only", seconds=45))
    group_id = group(service, maxRuns=1, maxDuration=1)
    runs = [service.start(runGroupId=group_id) for _ in range(3)]
    service.clock.advance(OVER)
    assert set(statuses(service, *runs)) == {"COMPLETED"}
