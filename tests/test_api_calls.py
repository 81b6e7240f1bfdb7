"""What a run may cost in API calls; ``make bench`` prints what every outcome costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_omics.hooks.waiting import interval
from tests.benchmarks.api_calls import PREFLIGHTS, count_preflight
from tests.benchmarks.outcomes import OUTCOMES, STARTUP_SECONDS, TASK_SECONDS, WAYS, Bench

POLL_SECONDS = 30

both_modes = pytest.mark.parametrize("way", ["synchronous", "deferred"])


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Start one HealthOmics for all counts."""
    with Bench() as started:
        yield started


def polls() -> int:
    """Return how often a wait looks at a run of the benchmark."""
    looks, seconds = 1, 0.0
    while seconds < STARTUP_SECONDS + TASK_SECONDS:
        seconds += interval(looks, POLL_SECONDS)
        looks += 1
    return looks


@both_modes
@pytest.mark.parametrize(("title", "pages"), [("first try completes", 1), ("first try completes, 250 tasks", 3)])
def test_a_first_try_that_completes(title: str, pages: int, way: str, bench: Bench) -> None:
    """It costs StartRun, the polls, and one page of ListRunTasks for 100 tasks.

    Two more looks at the run: is it new, and, where the task was deferred, what became of it.
    """
    counted = OUTCOMES[title].count(bench, WAYS[way])
    looks = polls() + {"synchronous": 1, "deferred": 2}[way]
    assert dict(counted.calls) == {"StartRun": 1, "GetRun": looks, "ListRunTasks": pages}


@pytest.mark.parametrize("title", OUTCOMES)
def test_no_outcome_costs_a_run_too_many(title: str, bench: Bench) -> None:
    counted = OUTCOMES[title].count(bench, WAYS["synchronous"])
    assert counted.runs == counted.needed
    assert counted.calls["ListRuns"] <= counted.needed


def test_the_first_of_mapped_tasks_looks_for_all(bench: Bench) -> None:
    first, further = (count_preflight(bench, map_index) for map_index in PREFLIGHTS.values())
    assert dict(first) == {"GetWorkflow": 1, "GetRunCache": 1, "HeadBucket": 1}
    assert dict(further) == {"GetWorkflow": 1, "HeadBucket": 1}
