"""How runs of a run group wait for one another.

Source: https://docs.aws.amazon.com/omics/latest/dev/creating-run-groups.html. ``maxRuns`` is emulated; ``maxCpus`` and
``maxGpus`` limit nothing.
"""

from __future__ import annotations

import heapq
import math

from airflow_provider_omics.emulator.records import Run, RunGroup
from airflow_provider_omics.resources import RUN


def enter(group: RunGroup, run: Run) -> None:
    """Take in a run that has just been started."""
    group.started += 1
    group.active_runs[run.members["id"]] = group.started


def wait(group: RunGroup, run: Run) -> None:
    """Let a PENDING run go on as soon as the group has room for it and no other is before it.

    AWS's pages differ in whether a higher priority is a higher number: "highest: 1", says the API reference, which is
    followed here; 0, like none, comes last. "If multiple runs have the same priority, the run that started first has
    the higher priority."
    """
    rank = run.members.get("priority") or math.inf
    heapq.heappush(group.queue, (rank, group.active_runs[run.members["id"]], run))
    advance(group)


def leave(group: RunGroup, run: Run) -> None:
    """Let go of a run that has ended."""
    run_id = run.members["id"]
    del group.active_runs[run_id]
    group.under_way.discard(run_id)
    advance(group)


def advance(group: RunGroup) -> None:
    """Let as many runs go on as there is room for."""
    limit = group.members.get("maxRuns", math.inf)
    while group.queue and len(group.under_way) < limit:
        run = heapq.heappop(group.queue)[-1]
        if run.status in RUN.progress:  # else it was cancelled in the queue
            group.under_way.add(run.members["id"])
            run.course.start()
