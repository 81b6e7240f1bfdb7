"""Lists of AWS that miss a batch, or tell of its runs what was true a moment ago: nothing is paid twice for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import ContextMaker
from tests.emulator.batches import needs_batches
from tests.samples import SAMPLES, batches

pytestmark = [pytest.mark.usefixtures("quick_waits"), needs_batches]


def told(
    monkeypatch: pytest.MonkeyPatch, hook: Any, operation: str, change: Callable[[int, list[Any]], list[Any]]
) -> None:
    """Let the n-th list of an operation be told otherwise."""
    iterate, lists = hook.iterate, []

    def items(called: str, **members: Any) -> Iterator[Any]:
        found = list(iterate(called, **members))
        if called == operation:
            lists.append(called)
            found = change(len(lists), found)
        return iter(found)

    monkeypatch.setattr(hook, "iterate", items)


def test_a_batch_that_the_second_list_misses_is_not_started_again(
    start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    operator = start_batch()
    told(monkeypatch, operator.hook, "ListBatch", lambda number, found: [] if number == 2 else found)
    result = operator.execute(context(try_number=2, max_tries=1))
    assert (result["batch_ids"], result["counts"]["completed"]) == ([left["id"]], len(SAMPLES))
    assert len(batches(omics)) == 1


def test_the_runs_of_a_batch_that_was_cancelled_are_told_when_they_have_ended(
    start_batch: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They completed just before; one list still says that they are at work."""
    operator = start_batch()
    wait = operator.hook.wait
    monkeypatch.setattr(operator.hook, "wait", lambda *given, **named: wait(*given, **named) | {"status": "CANCELLED"})
    running = {"status": "RUNNING"}
    told(
        monkeypatch,
        operator.hook,
        "ListRuns",
        lambda number, found: [run | running for run in found] if number == 1 else found,
    )
    assert operator.execute(context(max_tries=1))["counts"]["completed"] == len(SAMPLES)
