"""Which of the waiting tasks goes first, without any process."""

from __future__ import annotations

import pytest

from airflow_provider_omics.emulator import Store
from airflow_provider_omics.emulator.cache_key import CacheKey
from airflow_provider_omics.emulator.records import Run, RunGroup, RunTask, Workflow
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.emulator.wdl.slots import Place, Slots


class Queue:
    """Slots, and what has happened to the tasks that asked for one, by their names."""

    def __init__(self, cores: int = 100) -> None:
        self.slots = Slots(lambda: cores)
        self.begun: list[str] = []
        self.refused: dict[str, str] = {}
        self._runs = 0

    def run(self, group: RunGroup | None = None, priority: int = 0) -> tuple[Run, int]:
        """Start a run, and return it with its age."""
        self._runs += 1
        return Run({"priority": priority}, workflow=Workflow({}), tasks=Table(Store()), group=group), self._runs

    def ask(self, name: str, run: tuple[Run, int], cpus: int = 1, gpus: int = 0) -> Place:
        """Let a task of a run ask for its turn."""
        resources = {"cpus": cpus, "gpus": gpus}
        task = RunTask({"name": name, **resources}, key=CacheKey(name, "", {}, None, resources))

        def refuse(why: str) -> None:
            self.refused[name] = why

        place = Place(run[0], task, run[1], lambda: self.begun.append(name), refuse)
        self.slots.ask(place)
        return place


def test_who_waits_goes_on_by_priority_then_by_the_age_of_the_run_then_by_turn() -> None:
    queue = Queue(cores=1)
    first = queue.ask("first", queue.run())
    old, young, urgent, soon = (queue.run(priority=n) for n in (0, 0, 1, 2))
    places = {
        name: queue.ask(name, run)
        for name, run in (("y1", young), ("o1", old), ("s1", soon), ("y2", young), ("u1", urgent), ("o2", old))
    }
    assert queue.begun == ["first"]
    queue.slots.leave(first)
    for _ in places:
        queue.slots.leave(places[queue.begun[-1]])
    assert queue.begun == ["first", "u1", "s1", "o1", "o2", "y1", "y2"]


def test_no_task_overtakes_a_larger_one_of_its_group_and_other_groups_go_on() -> None:
    queue, group = Queue(), RunGroup({"maxCpus": 4})
    inside, outside, elsewhere = queue.run(group), queue.run(), queue.run(RunGroup({"maxCpus": 4}))
    small = [queue.ask(f"small{n}", inside) for n in range(2)]
    large = queue.ask("large", inside, cpus=4)
    queue.ask("late", inside)
    queue.ask("outside", outside, cpus=96)
    queue.ask("elsewhere", elsewhere, cpus=4)
    assert queue.begun == ["small0", "small1", "outside", "elsewhere"]
    queue.slots.leave(small[0])
    assert "large" not in queue.begun
    queue.slots.leave(small[1])
    assert queue.begun[4:] == ["large"]
    queue.slots.leave(large)
    assert queue.begun[5:] == ["late"]


@pytest.mark.parametrize(("limit", "asked"), [("maxCpus", "cpus"), ("maxGpus", "gpus")])
def test_tasks_of_all_runs_of_a_group_share_its_limit(limit: str, asked: str) -> None:
    queue, group = Queue(), RunGroup({limit: 5})
    one, two = queue.run(group), queue.run(group)
    places = [queue.ask(str(n), run, **{asked: 2}) for n, run in enumerate((one, two, one, two))]
    assert queue.begun == ["0", "1"]
    queue.slots.leave(places[0])
    assert queue.begun == ["0", "1", "2"]
    group.members = {limit: 8}
    queue.slots.advance()
    assert queue.begun == ["0", "1", "2", "3"]


def test_who_gives_up_makes_room_for_those_behind() -> None:
    queue, group = Queue(), RunGroup({"maxCpus": 4})
    queue.ask("running", queue.run(group), cpus=2)
    large = queue.ask("large", queue.run(group), cpus=4)
    queue.ask("small", queue.run(group), cpus=2)
    assert queue.begun == ["running"]
    queue.slots.leave(large)
    assert queue.begun == ["running", "small"]


def test_a_lowered_limit_stops_nothing_and_refuses_what_could_never_run() -> None:
    queue, group = Queue(), RunGroup({"maxCpus": 8, "maxGpus": 1})
    run = queue.run(group)
    large = queue.ask("large", run, cpus=6, gpus=1)
    queue.ask("medium", run, cpus=4)
    queue.ask("small", run, cpus=2)
    group.members = {"maxCpus": 3, "maxGpus": 1}
    queue.slots.advance()
    assert queue.begun == ["large"]
    assert queue.refused == {"medium": "It asks for 4 cpus, and maxCpus of its run group is 3."}
    queue.slots.leave(large)
    assert queue.begun == ["large", "small"]
