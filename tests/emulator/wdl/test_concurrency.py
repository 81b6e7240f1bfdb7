"""How many tasks run at once: what the machine and their run group allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.wdl.lab import Lab, one

pytestmark = pytest.mark.locked


@pytest.fixture
def gate(lab: Lab, folders: Path) -> Path:
    """Let every run have three tasks of two CPUs, which wait for this file; each then takes a moment."""
    gate = folders / "gate"
    waiting = f"until test -e {gate}; do sleep 0.02; done; sleep 0.1; echo > out.txt"
    lab.workflow(scattered(waiting, runtime='container: "tools" cpu: 2'))
    cores(lab, 20)
    return gate


def scattered(command: str, **parts: str) -> str:
    """Return a workflow of three times the same task."""
    return one(command, **parts).replace("call only { input:  }", "scatter (n in range(3)) { call only }")


def cores(lab: Lab, number: int) -> None:
    """Let the machine have so many cores."""
    assert lab.store.wdl
    lab.store.wdl.cores = number


def statuses(lab: Lab, *runs: str) -> Counter[str]:
    """Count the tasks of runs by their status."""
    with lab.store.lock:  # so that no task moves on between two looks
        return Counter(task.status for run_id in runs for task in lab.record(run_id).by_name.values())


def open_up(lab: Lab, gate: Path, *runs: str) -> list[Any]:
    """Let all tasks of runs come to their end, and return what they show."""
    gate.touch()
    assert {lab.ended(run_id)["status"] for run_id in runs} == {"COMPLETED"}
    gate.unlink()
    return [task for run_id in runs for task in lab.client.list_run_tasks(id=run_id)["items"]]


def most_at_once(tasks: Sequence[Any]) -> int:
    """Return how many of these CPUs were in use at once, at most."""
    spans = [(task["startTime"], task["stopTime"], int(task["cpus"])) for task in tasks]
    return max(sum(cpus for start, stop, cpus in spans if start <= moment < stop) for moment, _, _ in spans)


def test_only_so_many_tasks_run_at_once_as_there_are_cores(lab: Lab, gate: Path) -> None:
    cores(lab, 2)
    runs = [lab.start()["id"] for _ in range(2)]
    lab.until(lambda: statuses(lab, *runs) == {"RUNNING": 2, "PENDING": 4})
    assert most_at_once(open_up(lab, gate, *runs)) == 4


def test_the_tasks_of_all_runs_of_a_group_share_its_cpus(lab: Lab, gate: Path) -> None:
    group_id = lab.client.create_run_group(maxCpus=5)["id"]
    runs = [lab.start(runGroupId=group_id)["id"] for _ in range(2)]
    outside = lab.start()["id"]
    lab.until(lambda: statuses(lab, *runs) == {"RUNNING": 2, "PENDING": 4} and statuses(lab, outside)["RUNNING"] == 3)
    tasks = open_up(lab, gate, *runs, outside)
    assert most_at_once(tasks[:6]) == 4
    assert most_at_once(tasks[6:]) == 6


def test_a_run_of_a_group_without_a_free_cpu_stays_pending(lab: Lab, gate: Path) -> None:
    group_id = lab.client.create_run_group(maxCpus=4)["id"]
    first = lab.start(runGroupId=group_id)["id"]
    lab.until(lambda: statuses(lab, first)["RUNNING"] == 2)

    def status_after_an_hour(run_id: str) -> Any:
        lab.clock.advance(3600)
        return lab.client.get_run(id=run_id)["status"]

    second = lab.start(runGroupId=group_id)["id"]
    assert status_after_an_hour(second) == "PENDING"
    lab.client.update_run_group(id=group_id, maxCpus=5)
    assert lab.client.get_run(id=second)["status"] == "STARTING"
    lab.client.update_run_group(id=group_id, maxCpus=4)
    third = lab.start(runGroupId=group_id)["id"]
    assert status_after_an_hour(third) == "PENDING"
    assert most_at_once(open_up(lab, gate, first, second, third)) == 4


def test_more_room_lets_waiting_tasks_run_at_once_and_less_stops_none(lab: Lab, gate: Path) -> None:
    group_id = lab.client.create_run_group(maxCpus=2)["id"]
    run_id = lab.start(runGroupId=group_id)["id"]
    lab.until(lambda: statuses(lab, run_id) == {"RUNNING": 1, "PENDING": 2})
    lab.client.update_run_group(id=group_id, maxCpus=4)
    assert statuses(lab, run_id) == {"RUNNING": 2, "PENDING": 1}
    lab.client.update_run_group(id=group_id, maxCpus=2)
    assert statuses(lab, run_id) == {"RUNNING": 2, "PENDING": 1}
    assert most_at_once(open_up(lab, gate, run_id)) == 4


@pytest.mark.usefixtures("gate")
def test_a_limit_that_is_lowered_too_far_ends_who_waits(lab: Lab) -> None:
    group_id = lab.client.create_run_group(maxCpus=4)["id"]
    run_id = lab.start(runGroupId=group_id)["id"]
    lab.until(lambda: statuses(lab, run_id) == {"RUNNING": 2, "PENDING": 1})
    lab.client.update_run_group(id=group_id, maxCpus=1)
    run = lab.ended(run_id)
    assert (run["status"], run["failureReason"]) == ("FAILED", "INVALID_TASK_RESOURCE_VALUE")
    assert statuses(lab, run_id) == {"FAILED": 1, "CANCELLED": 2}


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ({"maxCpus": 7}, "It asks for 8 cpus, and maxCpus of its run group is 7."),
        ({"maxCpus": 8, "maxGpus": 1}, "It asks for 2 gpus, and maxGpus of its run group is 1."),
        ({"maxCpus": 8, "maxGpus": 2}, None),
        ({"maxRuns": 1}, None),
    ],
)
def test_a_task_that_asks_for_more_than_its_group_may_have(lab: Lab, limit: dict[str, int], why: str | None) -> None:
    lab.workflow(one("echo > out.txt", runtime='container: "tools" cpu: 8 gpuCount: 2'))
    run = lab.run(runGroupId=lab.client.create_run_group(**limit)["id"])
    task = lab.client.get_run_task(id=run["id"], taskId=lab.tasks(run)["only"]["taskId"])
    if why is None:
        assert (run["status"], task["status"]) == ("COMPLETED", "COMPLETED")
        return
    assert (run["status"], run["failureReason"]) == ("FAILED", "INVALID_TASK_RESOURCE_VALUE")
    assert run["statusMessage"] == f"Task only failed. {why}"
    assert (task["status"], task["statusMessage"], "startTime" in task) == ("FAILED", why, False)


def test_a_cancelled_run_leaves_its_room_to_others(lab: Lab) -> None:
    cores(lab, 2)
    lab.workflow(scattered("sleep 60"))
    run_id = lab.start()["id"]
    lab.until(lambda: statuses(lab, run_id) == {"RUNNING": 2, "PENDING": 1})
    lab.client.cancel_run(id=run_id)
    assert lab.ended(run_id)["status"] == "CANCELLED"
    lab.workflow(one("echo > out.txt"))
    assert lab.run()["status"] == "COMPLETED"
