"""Names and tokens of task instances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_omics.operators.identity import TaskIdentity, token
from tests.conftest import ContextMaker

TASK = TaskIdentity("dag", "scheduled__2026-01-01", "task", -1)


def test_it_is_read_from_the_context(context: ContextMaker) -> None:
    made = context(dag_id="dag", task_id="task", run_id="scheduled__2026-01-01")
    assert TaskIdentity.of(made) == TASK


@pytest.mark.parametrize("change", [{"dag_id": "d"}, {"run_id": "r"}, {"task_id": "t"}, {"map_index": 0}])
def test_every_part_counts(change: dict[str, str]) -> None:
    assert replace(TASK, **change).digest != TASK.digest  # type: ignore[arg-type]


def test_the_digest_tells_nothing_and_is_the_same_everywhere() -> None:
    assert TASK.digest == "a9b34238ba3ac56b"


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
