"""How the runs of a run group wait for one another, and what their tasks may take.

Sources: https://docs.aws.amazon.com/omics/latest/dev/creating-run-groups.html and, for "A run remains in Pending if the
run is part of a run group that has reached any of its resource maximum values",
https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html. CPUs and GPUs are counted where tasks really run, in
the engine ``wdl``; how these tasks wait is in ``wdl/slots.py``.
"""

from __future__ import annotations

import heapq
import math

from airflow_provider_omics.emulator.records import Run, RunGroup, RunTask
from airflow_provider_omics.resources import RUN

_LIMITS = {"cpus": "maxCpus", "gpus": "maxGpus"}
"""What of a task counts against which limit of its run's group."""


def enter(group: RunGroup, run: Run) -> None:
    """Take in a run that has just been started."""
    group.started += 1
    group.active_runs[run.members["id"]] = group.started


def wait(group: RunGroup, run: Run) -> None:
    """Let a PENDING run go on as soon as the group has room for it and no other is before it."""
    heapq.heappush(group.queue, (rank(run), group.active_runs[run.members["id"]], run))
    advance(group)


def rank(run: Run) -> float:
    """Return what is the lower the sooner a run is to go on; among equals, the one that started first goes before.

    AWS's pages differ in whether a higher priority is a higher number: "highest: 1", says the API reference, which is
    followed here; 0, like none, comes last.
    """
    return run.members.get("priority") or math.inf


def leave(group: RunGroup, run: Run) -> None:
    """Let go of a run that has ended."""
    run_id = run.members["id"]
    del group.active_runs[run_id]
    group.under_way.discard(run_id)
    advance(group)


def advance(group: RunGroup) -> None:
    """Let as many runs go on as there is room for."""
    limit = group.members.get("maxRuns", math.inf)
    if any(group.taken[asked] >= _limit(group, asked) for asked in _LIMITS):
        return
    while group.queue and len(group.under_way) < limit:
        run = heapq.heappop(group.queue)[-1]
        if run.status in RUN.progress:  # else it was cancelled in the queue
            group.under_way.add(run.members["id"])
            run.course.start()


def excess(group: RunGroup, task: RunTask) -> str | None:
    """Return why a task could not even run alone in a group, or None if it could."""
    for asked, name in _LIMITS.items():
        if task.members[asked] > _limit(group, asked):
            return f"It asks for {task.members[asked]} {asked}, and {name} of its run group is {group.members[name]}."
    return None


def has_room(group: RunGroup, task: RunTask) -> bool:
    """Return whether a task may run beside those that run already."""
    wanted = {asked: task.members[asked] for asked in _LIMITS}
    # What asks for nothing may run even where a limit was lowered below what is taken.
    return all(not more or group.taken[asked] + more <= _limit(group, asked) for asked, more in wanted.items())


def take(group: RunGroup, task: RunTask) -> None:
    """Count a task that begins to run."""
    group.taken.update({asked: task.members[asked] for asked in _LIMITS})


def give_back(group: RunGroup, task: RunTask) -> None:
    """Count a task no more, which may let runs go on."""
    group.taken.subtract({asked: task.members[asked] for asked in _LIMITS})
    advance(group)


def _limit(group: RunGroup, asked: str) -> float:
    return float(group.members.get(_LIMITS[asked], math.inf))
