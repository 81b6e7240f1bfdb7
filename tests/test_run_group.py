"""The run-group operators against the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.operators import ensure
from airflow_provider_omics.operators.run_group import (
    CreateRunGroupOperator,
    DeleteRunGroupOperator,
    UpdateRunGroupOperator,
)
from tests.conftest import ContextMaker, Logged

pytestmark = pytest.mark.matrix

KEYS = {"id", "arn", "tags", "name", "max_runs"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, omics_clock: Any, omics_connection: str) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    monkeypatch.setattr(ensure, "sleep", omics_clock.advance)


def make(**arguments: Any) -> CreateRunGroupOperator:
    arguments.setdefault("max_runs", 10)
    return CreateRunGroupOperator(task_id="group", **arguments)


def update(run_group_id: str, **arguments: Any) -> UpdateRunGroupOperator:
    return UpdateRunGroupOperator(task_id="update", run_group_id=run_group_id, **arguments)


def delete(run_group_id: str, **arguments: Any) -> DeleteRunGroupOperator:
    return DeleteRunGroupOperator(task_id="delete", run_group_id=run_group_id, **arguments)


def test_creates_once_and_finds_it_again(context: ContextMaker, omics_faults: Any, omics_clock: Any) -> None:
    first = make().execute(context(task_id="group"))
    assert set(first) == KEYS | {"created"}
    assert json.loads(json.dumps(first)) == first
    assert (first["name"], first["max_runs"], first["created"]) == ("genomes.group", 10, True)
    assert first["arn"].endswith(f":runGroup/{first['id']}")
    omics_clock.advance(60)
    before = dict(omics_faults.calls)
    again = make().execute(context(task_id="group", run_id="scheduled__2026-01-02"))
    assert (again["id"], again["created"]) == (first["id"], False)
    assert set(again) == (KEYS | {"created"}) - {"tags"}
    spent = {name: count - before.get(name, 0) for name, count in omics_faults.calls.items()}
    assert {name: count for name, count in spent.items() if count} == {"ListRunGroups": 1}


def test_every_member_reaches_the_service(context: ContextMaker, omics: Any) -> None:
    limits = {"max_cpus": 100, "max_gpus": "4", "max_runs": 10, "max_duration": "600"}
    group = make(name="mine", tags={"team": "genomics"}, request_id="my-token", **limits).execute(context())
    described = omics.get_run_group(id=group["id"])
    assert [described[member] for member in ("maxCpus", "maxGpus", "maxRuns", "maxDuration")] == [100, 4, 10, 600]
    assert (described["name"], described["tags"], group["tags"]) == ("mine", {"team": "genomics"}, {"team": "genomics"})


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "zero": ({"max_runs": 0}, "max_runs: is 0; 1 to 100000 are allowed"),
    "too many": ({"max_cpus": 100_001}, "max_cpus: is 100001"),
    "no number": ({"max_duration": "an hour"}, "max_duration: must be a whole number"),
    "long name": ({"name": "n" * 129}, "name: .* has 129 characters; 1 to 128"),
    "reserved tag": ({"tags": {"aws:x": "1"}}, "tags: the key 'aws:x' begins with 'aws:'"),
    "if_exists": ({"if_exists": "replace"}, "if_exists: must be one of reuse"),
    "drift": ({"drift": "ignore"}, "drift: must be one of warn"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_any_call(case: str, context: ContextMaker, omics_faults: Any) -> None:
    arguments, message = BAD[case]
    with pytest.raises(errors.OmicsInputError, match=message):
        make(**arguments).execute(context())
    assert not omics_faults.calls


def test_mapped_instances_need_names_unless_each_has_its_own(context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsInputError, match="name: must be given where the task is mapped"):
        make().execute(context(map_index=0))
    assert make(name="north").execute(context(map_index=0))["created"]
    own = [make(if_exists="create").execute(context(map_index=index)) for index in (0, 1)]
    assert own[0]["id"] != own[1]["id"]


def test_other_names_unnamed_ones_and_prefixes_are_passed_over_on_every_page(
    context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    omics.create_run_group()
    for number in range(120):
        omics.create_run_group(name=f"genomes.task {number}")
    wanted = omics.create_run_group(name="genomes.task", maxRuns=10)["id"]
    omics_clock.advance(5)
    omics.create_run_group(name="genomes.task", maxRuns=10)
    assert make().execute(context())["id"] == wanted


def test_drift(context: ContextMaker, omics: Any, logged: Logged) -> None:
    made = make(max_cpus=64).execute(context())
    found = make(max_runs=20, max_gpus=1).execute(context())
    assert (found["id"], found["max_runs"], found["max_cpus"]) == (made["id"], 10, 64)
    assert "max_gpus" not in found
    assert f"run group {made['id']} (genomes.task) has maxGpus none, not 1 and maxRuns 10, not 20" in logged()
    with pytest.raises(errors.RunGroupDrift, match='if_exists="update"') as caught:
        make(max_runs=20, drift="error").execute(context())
    assert caught.value.run_group_id == made["id"]
    assert make(drift="error").execute(context())["max_cpus"] == 64  # a limit that is not asked for is no drift
    updated = make(max_runs=20, if_exists="update", tags={"a": "b"}).execute(context())
    assert (updated["id"], updated["max_runs"], updated["max_cpus"]) == (made["id"], 20, 64)
    assert updated["tags"] == omics.get_run_group(id=made["id"])["tags"] == {"a": "b"}


def test_fail_if_it_exists(context: ContextMaker) -> None:
    made = make(if_exists="fail").execute(context())
    with pytest.raises(errors.RunGroupExists, match=made["id"]) as caught:
        make(if_exists="fail").execute(context())
    assert caught.value.run_group_id == made["id"]


@pytest.mark.parametrize("name", [None, "the author's"])
def test_create_makes_one_for_every_dag_run_and_a_retry_finds_it(
    name: str | None, context: ContextMaker, omics_faults: Any
) -> None:
    omics_faults.idempotency = "off"
    runs = [make(if_exists="create", name=name).execute(context(run_id=run)) for run in ("one", "two")]
    assert runs[0]["id"] != runs[1]["id"]
    for run, made in zip(("one", "two"), runs, strict=True):
        again = make(if_exists="create", name=name).execute(context(run_id=run, try_number=2))
        assert (again["id"], again["created"]) == (made["id"], False)


def test_an_old_token_that_answers_with_a_deleted_group_is_changed_once(context: ContextMaker, omics: Any) -> None:
    first = make().execute(context())
    omics.delete_run_group(id=first["id"])
    second = make().execute(context())
    assert second["id"] != first["id"]
    assert second["created"]


def test_an_old_token_of_the_author_s_is_an_error(context: ContextMaker, omics: Any) -> None:
    first = make(request_id="my-token").execute(context())
    omics.delete_run_group(id=first["id"])
    with pytest.raises(errors.RunGroupGone, match=f"run group {first['id']}, which is DELETED") as caught:
        make(request_id="my-token").execute(context())
    assert caught.value.run_group_id == first["id"]


def test_a_lost_answer_makes_no_second_group(context: ContextMaker, omics: Any, omics_faults: Any) -> None:
    omics_faults.idempotency = "off"
    omics_faults.lose_answer("CreateRunGroup")
    made = make().execute(context())
    assert [group["id"] for group in omics.list_run_groups()["items"]] == [made["id"]]


@pytest.mark.parametrize("may_rename", [True, False])
def test_who_loses_the_race_steps_aside(
    may_rename: bool, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any, logged: Logged
) -> None:
    omics_faults.idempotency = "off"
    omics_faults.list_lag = 2
    if not may_rename:
        omics_faults.deny("UpdateRunGroup")
    older = omics.create_run_group(name="genomes.task", maxRuns=10)["id"]
    omics_clock.advance(1)  # so that it is older, and not listed yet
    result = make().execute(context())
    assert (result["id"], result["created"]) == (older, False)
    omics_clock.advance(5)
    names = {group["id"]: group["name"] for group in omics.list_run_groups()["items"]}
    assert names.pop(older) == "genomes.task"
    assert list(names.values()) == [f"genomes.task duplicate of {older}" if may_rename else "genomes.task"]
    assert "lost a race against" in logged()


def test_update(context: ContextMaker, omics: Any) -> None:
    made = make().execute(context())
    updated = update(made["id"], name="new", max_runs="20", max_duration=60).execute(context())
    assert set(updated) == KEYS | {"max_duration"}
    assert (updated["name"], updated["max_runs"], updated["max_duration"]) == ("new", 20, 60)
    with pytest.raises(errors.OmicsInputError, match="at least one of them"):
        update(made["id"]).execute(context())
    with pytest.raises(errors.NotFound, match="check the id"):
        update("1", max_runs=1).execute(context())


def test_delete(context: ContextMaker, omics: Any) -> None:
    made = make().execute(context())
    assert delete(made["id"]).execute(context()) == {"id": made["id"], "deleted": True}
    assert omics.list_run_groups()["items"] == []
    with pytest.raises(errors.NotFound):
        delete(made["id"]).execute(context())
    assert delete(made["id"], missing_ok=True).execute(context()) == {"id": made["id"], "deleted": False}


def test_a_group_in_use_names_its_runs(context: ContextMaker, begin: Callable[..., str], omics_clock: Any) -> None:
    made = make().execute(context())
    begun = begin(runGroupId=made["id"])
    with pytest.raises(errors.RunGroupInUse, match=f"active: {begun}. Wait for them or cancel them") as caught:
        delete(made["id"]).execute(context())
    assert (caught.value.run_group_id, caught.value.run_ids) == (made["id"], (begun,))
    omics_clock.advance(3600)
    assert delete(made["id"]).execute(context())["deleted"]


def test_another_conflict_is_passed_on(context: ContextMaker, omics_faults: Any) -> None:
    made = make().execute(context())
    omics_faults.fail("DeleteRunGroup", "ConflictException", message="not now")
    with pytest.raises(errors.Conflict, match="not now"):
        delete(made["id"]).execute(context())
