"""What a run saves, by its cache's behaviour and by how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.emulator.wdl.lab import TWO, Lab
from tests.emulator.wired import Memory

pytestmark = pytest.mark.locked

ENDINGS = {"COMPLETED": "true", "FAILED": "exit 3", "CANCELLED": "sleep 60"}


@pytest.mark.parametrize("status", ENDINGS)
@pytest.mark.parametrize("behavior", ["CACHE_ALWAYS", "CACHE_ON_FAILURE"])
def test_a_run_saves_what_had_completed(lab: Lab, behavior: str, status: str) -> None:
    cache_id = lab.cache(cacheBehavior=behavior)["id"]
    lab.workflow(TWO)
    run = lab.start(cacheId=cache_id, parameters={"last": ENDINGS[status]})
    if status == "CANCELLED":
        lab.running(run["id"], "read")
        lab.client.cancel_run(id=run["id"])
    assert lab.ended(run["id"])["status"] == status
    saved = [uri for uri in lab.memory.objects if uri.startswith("s3://genomes/cache") and uri.endswith("file.txt")]
    assert len(saved) == (0 if (behavior, status) == ("CACHE_ON_FAILURE", "COMPLETED") else 1)
    assert lab.hits(lab.run(cacheId=cache_id, parameters={"last": ":"})) == ({"write"} if saved else set())


def test_a_run_that_took_too_long_saves_nothing(lab: Lab) -> None:
    group = lab.client.create_run_group(maxDuration=5)["id"]
    cache_id = lab.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    lab.workflow(TWO)
    run = lab.start(cacheId=cache_id, parameters={"last": "sleep 60"}, runGroupId=group)
    lab.running(run["id"], "read")
    lab.clock.advance(300)
    ended = lab.ended(run["id"])
    assert (ended["status"], ended["failureReason"]) == ("FAILED", "RUN_TIMED_OUT")
    assert {task["status"] for task in lab.tasks(run).values()} == {"COMPLETED", "CANCELLED"}
    assert not entries(lab.memory)


def test_a_run_whose_outputs_cannot_be_exported_saves_nothing(lab: Lab) -> None:
    cache_id = lab.cache(cacheS3Location="s3://genomes/cache", cacheBehavior="CACHE_ALWAYS")["id"]
    lab.workflow(TWO)
    run = lab.start(cacheId=cache_id, parameters={"last": "sleep 0.3"}, outputUri="s3://theirs/out")
    lab.running(run["id"], "read")
    del lab.memory.buckets["theirs"]
    assert lab.ended(run["id"])["failureReason"] == "EXPORT_FAILED"
    assert not entries(lab.memory)


def test_a_run_that_failed_before_its_first_task_had_completed_saves_nothing(lab: Lab) -> None:
    cache_id = lab.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    lab.workflow(TWO.replace("> file.txt", "> file.txt; exit 1"))
    assert lab.run(cacheId=cache_id)["failureReason"] == "RUN_TASK_FAILED"
    assert not entries(lab.memory)


@pytest.mark.parametrize("replaced", ["true", "mkfifo $file"])
def test_an_output_that_is_gone_when_the_run_ends_is_not_saved(lab: Lab, replaced: str) -> None:
    """A later task has the rights of the user, and may do that by mistake."""
    cache_id = lab.cache()["id"]
    lab.workflow(TWO)
    last = f"file=../../call-write/work/file.txt; rm $file && {replaced}; exit 3"
    run = lab.run(cacheId=cache_id, parameters={"last": last})
    assert (run["status"], run["failureReason"]) == ("FAILED", "RUN_TASK_FAILED")
    engine = "\n".join(lab.memory.logs[f"run/{run['id']}/engine"])
    assert "Task write could not be saved to the run cache: out/file/file.txt is no file any more" in engine
    assert not [uri for uri in lab.memory.objects if uri.startswith("s3://genomes/cache")]
    assert lab.hits(lab.run(cacheId=cache_id)) == set()


def test_two_runs_at_once_do_not_see_each_others_tasks(lab: Lab, folders: Path) -> None:
    """Entries are written at the end of a run."""
    cache_id = lab.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    lab.workflow(TWO)
    gate = folders / "gate"
    last = {"last": f"until test -e {gate}; do sleep 0.02; done"}
    runs = [lab.start(cacheId=cache_id, parameters=last) for _ in range(2)]
    for run in runs:
        lab.running(run["id"], "read")
    assert len(list(folders.glob("omics-wdl-*"))) == 2
    gate.touch()
    assert [lab.ended(run["id"])["status"] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert [lab.hits(run) for run in runs] == [set(), set()]
    assert lab.hits(lab.run(cacheId=cache_id, parameters=last)) == {"write", "read"}
    gate.unlink()


def entries(memory: Memory) -> list[Any]:
    """Return the manifests of all entries."""
    return [uri for uri in memory.objects if uri.startswith("s3://genomes/cache") and uri.endswith(".json")]
