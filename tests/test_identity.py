"""Names and tokens of task instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics.operators.identity import Attempt, TaskIdentity, token
from tests.conftest import ContextMaker

pytestmark = pytest.mark.matrix

TASK = TaskIdentity("here", "dag", "scheduled__2026-01-01", "task", -1)


def hook(deployment: str = "here") -> Any:
    return SimpleNamespace(deployment=deployment)


def test_it_is_read_from_the_context(context: ContextMaker) -> None:
    made = context(dag_id="dag", task_id="task", run_id="scheduled__2026-01-01")
    assert TaskIdentity.of(made, hook()) == TASK
    assert TaskIdentity.of(made, hook("elsewhere")).digest != TASK.digest


def test_a_dag_run_that_was_cleared_does_not_tell_when_it_began(context: ContextMaker) -> None:
    made, began = context(try_number=2, max_tries=3), datetime(2026, 1, 1, tzinfo=UTC)
    assert Attempt.of(made, hook()).dag_run_began is None
    made["dag_run"] = SimpleNamespace(start_date=began, clear_number=0)
    attempt = Attempt.of(made, hook())
    assert (attempt.try_number, attempt.max_tries, attempt.dag_run_began) == (2, 3, began)
    made["dag_run"].clear_number = 1
    assert Attempt.of(made, hook()).dag_run_began is None


@pytest.mark.parametrize(
    "change", [{"deployment": "x"}, {"dag_id": "d"}, {"run_id": "r"}, {"task_id": "t"}, {"map_index": 0}]
)
def test_every_part_counts(change: dict[str, str]) -> None:
    assert replace(TASK, **change).digest != TASK.digest  # type: ignore[arg-type]


def test_the_digest_tells_nothing_and_is_the_same_everywhere() -> None:
    assert TASK.digest == "0d1658e308a56fa3"


def test_long_names_fit_and_stay_apart() -> None:
    one, other = (replace(TASK, dag_id="d" * 250, task_id=task).readable(".suffix") for task in ("a", "b"))
    assert one != other
    assert len(one) == len(other) == 128
    assert one.endswith(".suffix")
    assert TASK.readable() == "dag.task"


def test_tokens_are_equal_for_equal_parts_only() -> None:
    assert token("CreateRunCache", {"a": 1, "b": None}) == token("CreateRunCache", {"b": None, "a": 1})
    assert token("CreateRunCache", "a") != token("CreateRunCache", "b")
    assert token("ab", "c") != token("a", "bc")
