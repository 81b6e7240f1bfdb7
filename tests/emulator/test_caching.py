"""Call caching: what matches, what a run saves, and what it says about it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from airflow_provider_omics.emulator import Plan, Task
from airflow_provider_omics.emulator.simulated import GENOME
from tests.emulator.wired import ACCOUNT, REGION, WORKFLOW, Service

ALL = {task.name for task in GENOME.tasks}
COHORT = {f"sample_{n}": f"s3://genomes/{n}.fq" for n in (1, 2, 3)} | {"reference": "s3://genomes/ref.fa"}


@pytest.fixture
def cache_id(service: Service) -> str:
    """Return a cache that every run writes to."""
    return str(service.cache(cacheBehavior="CACHE_ALWAYS")["id"])


@pytest.fixture
def samples(service: Service) -> None:
    for uri in COHORT.values():
        service.memory.objects[uri] = uri.encode()


def failing_last(**changes: Any) -> Plan:
    *others, last = GENOME.tasks
    return Plan((*others, dataclasses.replace(last, fail_first=1, **changes)))


def test_a_failed_run_saves_what_had_completed(service: Service) -> None:
    service.store.plans.set("*", failing_last())
    cache_id = service.cache()["id"]
    first = service.run(cacheId=cache_id)
    assert (first["cacheId"], first["cacheBehavior"]) == (cache_id, "CACHE_ON_FAILURE")
    assert (first["status"], service.hits(first)) == ("FAILED", set())
    second = service.run(cacheId=cache_id)
    assert (second["status"], service.hits(second)) == ("COMPLETED", ALL - {"joint_call"})
    assert second["stopTime"] - second["startTime"] < first["stopTime"] - first["startTime"]


def test_a_run_that_succeeds_saves_only_under_cache_always(service: Service) -> None:
    cache_id = service.cache()["id"]
    assert service.hits(service.run(cacheId=cache_id)) == set()
    assert service.hits(service.run(cacheId=cache_id, cacheBehavior="CACHE_ALWAYS")) == set()
    assert service.hits(service.run(cacheId=cache_id)) == ALL


def test_a_run_without_a_cache_computes_everything(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id)
    assert not any("cacheHit" in task for task in service.tasks(service.run()).values())


def test_a_cancelled_run_saves_what_had_completed(service: Service) -> None:
    cache_id = service.cache()["id"]
    run = service.start(cacheId=cache_id)
    service.clock.advance(100)
    service.client.cancel_run(id=run["id"])
    service.clock.advance(10)
    assert service.hits(service.run(cacheId=cache_id)) == {"index_reference"}


@pytest.mark.parametrize("reason", ["FILE_SYSTEM_OUT_OF_SPACE", "RUN_TIMED_OUT", "EXPORT_FAILED"])
def test_some_failures_save_nothing(service: Service, cache_id: str, reason: str) -> None:
    service.store.plans.set("*", failing_last(failure_reason=reason))
    assert service.run(cacheId=cache_id)["failureReason"] == reason
    assert service.hits(service.run(cacheId=cache_id)) == set()


def test_entries_are_there_when_the_run_has_ended_not_before(service: Service, cache_id: str) -> None:
    first, second = service.start(cacheId=cache_id), service.start(cacheId=cache_id)
    service.clock.advance(3600)
    assert service.hits(first) == service.hits(second) == set()
    assert service.hits(service.run(cacheId=cache_id)) == ALL


@pytest.mark.usefixtures("samples")
def test_a_file_counts_by_its_content(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id, parameters=COHORT)
    service.memory.objects["s3://genomes/moved.fq"] = service.memory.objects[COHORT["sample_2"]]
    moved = {**COHORT, "sample_2": "s3://genomes/moved.fq"}
    assert service.hits(service.run(cacheId=cache_id, parameters=moved)) == ALL
    service.memory.objects[COHORT["sample_2"]] = b"sequenced again"
    changed = service.run(cacheId=cache_id, parameters=COHORT)
    assert service.hits(changed) == ALL - {"align_2", "joint_call"}
    service.memory.objects[COHORT["reference"]] = b"another assembly"
    assert service.hits(service.run(cacheId=cache_id, parameters=COHORT)) == set()


@pytest.mark.parametrize(
    "change",
    [{"cpus": 16}, {"memory": 64}, {"gpus": 1}, {"container": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:2"}],
)
def test_a_task_with_other_resources_and_all_after_it_are_computed(
    service: Service, cache_id: str, change: dict[str, Any]
) -> None:
    service.run(cacheId=cache_id)
    tasks = tuple(dataclasses.replace(t, **change) if t.name == "align_1" else t for t in GENOME.tasks)
    service.plan(*tasks)
    assert service.hits(service.run(cacheId=cache_id)) == ALL - {"align_1", "joint_call"}


def test_another_definition_matches_nothing(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id)
    service.store.seed_workflow(ACCOUNT, REGION, "2222222", "cohort", digest="0" * 64)
    assert service.hits(service.run(cacheId=cache_id, workflowId="2222222")) == set()
    assert service.hits(service.run(cacheId=cache_id, workflowId=WORKFLOW)) == ALL


def test_two_caches_share_nothing(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id)
    assert service.hits(service.run(cacheId=service.cache()["id"])) == set()


def test_a_task_that_opts_out_is_always_computed(service: Service, cache_id: str) -> None:
    service.plan(Task("a"), Task("b", cacheable=False), Task("c", after=("b",)))
    service.run(cacheId=cache_id)
    assert service.hits(service.run(cacheId=cache_id)) == {"a", "c"}


def test_a_deleted_or_changed_object_is_a_miss_and_no_failure(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id)
    saved = [uri for uri in service.memory.objects if uri.startswith("s3://genomes/cache") and uri.endswith(".txt")]
    del service.memory.objects[next(uri for uri in saved if "align_1" in uri)]
    service.memory.objects[next(uri for uri in saved if "align_2" in uri)] = b"tampered with"
    again = service.run(cacheId=cache_id)
    assert (again["status"], service.hits(again)) == ("COMPLETED", ALL - {"align_1", "align_2"})
    assert service.hits(service.run(cacheId=cache_id)) == ALL


def test_an_entry_lies_where_and_looks_as_documented(service: Service, cache_id: str) -> None:
    service.plan(Task("only"))
    first = service.run(cacheId=cache_id)
    cache = service.client.get_run_cache(id=cache_id)
    task = service.tasks(first)["only"]
    hit = service.tasks(service.run(cacheId=cache_id))["only"]
    folder = hit["cacheS3Uri"]
    assert folder.rpartition("/")[0] == f"{cache['cacheS3Uri']}{first['id']}/{task['taskId']}"
    uuid = folder.rpartition("/")[2]
    objects = {u.removeprefix(f"{folder}/"): body for u, body in service.memory.objects.items() if u.startswith(folder)}
    assert set(objects) == {f"{uuid}.json", "out/only/only.txt"}
    manifest = json.loads(objects[f"{uuid}.json"])
    assert manifest["version"] == 2
    assert manifest["s3uri"] == folder
    assert manifest["arn"] == f"{cache['arn']}/cacheEntry/{uuid}"
    assert manifest["taskArn"] == f"arn:aws:omics:us-east-1:123456789012:task/{task['taskId']}"
    key = f"{folder}/out/only/only.txt".removeprefix("s3://genomes/")
    (output,) = manifest["files"]
    assert output == {"name": "only", "path": "out/only/only.txt", "etag": service.memory.etag("genomes", key)}


def test_a_hit_takes_a_second_and_has_the_same_output(service: Service, cache_id: str) -> None:
    service.plan(Task("only"))
    runs = [service.run(cacheId=cache_id) for _ in range(2)]
    computed, reused = (service.memory.objects[f"{run['runOutputUri']}/out/only/only.txt"] for run in runs)
    assert computed == reused
    hit = service.tasks(runs[1])["only"]
    assert hit["startTime"] == hit["stopTime"]


def test_the_caches_log_stream_tells_misses_entries_and_hits(service: Service, cache_id: str) -> None:
    service.plan(Task("only"))
    runs = [service.run(cacheId=cache_id)["id"] for _ in range(2)]
    uuid = service.client.get_run_cache(id=cache_id)["cacheS3Uri"].split("/")[-2]
    events = [json.loads(message)["logMessage"] for message in service.memory.logs[f"runCache/{cache_id}/{uuid}"]]
    assert [event.split(":")[0] for event in events] == ["CACHE_MISS", "CACHE_ENTRY_CREATED", "CACHE_HIT"]
    assert [event.partition("run: ")[2].partition(",")[0] for event in events] == [runs[0], runs[0], runs[1]]


def test_what_was_saved_stays_when_the_cache_is_deleted(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id)
    before = dict(service.memory.objects)
    service.client.delete_run_cache(id=cache_id)
    assert service.memory.objects == before


@pytest.mark.usefixtures("samples")
def test_a_miss_says_why(service: Service, cache_id: str) -> None:
    service.run(cacheId=cache_id, parameters=COHORT)
    service.memory.objects[COHORT["sample_2"]] = b"sequenced again"
    run = service.run(cacheId=cache_id, parameters=COHORT)
    uuid = service.client.get_run_cache(id=cache_id)["cacheS3Uri"].split("/")[-2]
    events = [json.loads(line) for line in service.memory.logs[f"runCache/{cache_id}/{uuid}"]]
    misses = [event for event in events if "cacheMiss" in event and f"run: {run['id']}," in event["logMessage"]]
    changes = [[change["name"] for change in event["cacheMiss"]["changes"]] for event in misses]
    assert changes == [["sample_2"], ["align_2 (a task)", "sample_2"]]
    assert "name: align_2, input sample_2 changed (compared with s3://genomes/cache/" in misses[0]["logMessage"]
