"""How the tasks of all runs share the machine's cores and what their run groups allow.

"If you set the maximum concurrent vCPU, GPU, or runs, run tasks will queue when the maximum is reached":
https://docs.aws.amazon.com/omics/latest/dev/creating-run-groups.html; by the priority of their runs:
https://docs.aws.amazon.com/omics/latest/dev/workflow-run-tasks.html.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_omics.emulator import queueing
from airflow_provider_omics.emulator.records import Run, RunGroup, RunTask


@dataclass(eq=False)
class Place:
    """A task that waits for its turn, or has it."""

    run: Run
    task: RunTask
    age: int
    """The place of its run in the order in which runs were started."""
    begin: Callable[[], None]
    """Called when it may run."""
    refuse: Callable[[str], None]
    """Called, with the reason, when it never can."""

    @property
    def rank(self) -> tuple[float, int]:
        """What comes first has the lowest."""
        return queueing.rank(self.run), self.age

    @property
    def excess(self) -> str | None:
        """Why it never can, or None."""
        return queueing.excess(self.run.group, self.task) if self.run.group else None


class Slots:
    """Lets tasks run: one for each core, and in a run group no more than its CPUs and GPUs allow.

    They go by the priority of their runs and then by the age of these. None overtakes one of its own group that waits
    for room there, so that a large one gets its turn; tasks of other runs go on meanwhile.

    :param cores: asked each time how many may run at once.
    """

    def __init__(self, cores: Callable[[], int]) -> None:
        self._cores = cores
        self._waiting: list[Place] = []
        self._running: set[Place] = set()

    def ask(self, place: Place) -> None:
        """Let a task begin as soon as there is room."""
        bisect.insort(self._waiting, place, key=lambda each: each.rank)
        self.advance()

    def leave(self, *places: Place) -> None:
        """Let go of tasks that need no room any more, or not even wait for it."""
        self._waiting = [place for place in self._waiting if place not in places]
        for place in self._running.intersection(places):
            self._running.remove(place)
            if place.run.group:
                queueing.give_back(place.run.group, place.task)
        self.advance()

    def advance(self) -> None:
        """Let as many tasks begin as there is room for; to be called, too, when a group's limits have changed."""
        while place := self._next():
            self._waiting.remove(place)
            # What is called may come back here, since a refused task ends its run.
            if why := place.excess:
                place.refuse(why)
            else:
                self._running.add(place)
                if place.run.group:
                    queueing.take(place.run.group, place.task)
                place.begin()

    def _next(self) -> Place | None:
        """Return the first task that may leave the queue."""
        full: set[RunGroup] = set()
        for place in self._waiting:
            group = place.run.group
            if place.excess:
                return place
            if len(self._running) >= self._cores() or group in full:
                continue
            if group is None or queueing.has_room(group, place.task):
                return place
            full.add(group)
        return None
