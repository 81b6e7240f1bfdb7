"""The operators on workflows against the emulator, waiting in the worker and deferred."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks import schema
from airflow_provider_omics.operators import ensure, ensure_workflow_version
from airflow_provider_omics.operators.workflow import (
    CreateWorkflowOperator,
    DeleteWorkflowOperator,
    UpdateWorkflowOperator,
)
from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.matrix

VERSIONS = "CreateWorkflowVersion" in schema.service_model().operation_names
versions = pytest.mark.skipif(not VERSIONS, reason="the installed botocore has no versions of workflows")
KEYS = {"id", "arn", "status", "digest", "created"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, quick_waits: None, omics_clock: Any) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    for module in (ensure, ensure_workflow_version):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a definition in a folder."""
    made = tmp_path / "cohort"
    (made / "tasks").mkdir(parents=True)
    (made / "main.nf").write_text("include { ALIGN } from './tasks/align'\nworkflow { ALIGN() }\n")
    (made / "tasks" / "align.nf").write_text("process ALIGN { script: 'true' }\n")
    return made


@pytest.fixture
def make(folder: Path) -> Callable[..., CreateWorkflowOperator]:
    """Return a maker of operators that register that folder."""
    return lambda **arguments: CreateWorkflowOperator(task_id="workflow", **{"definition": str(folder), **arguments})


Make = Callable[..., CreateWorkflowOperator]


def workflows(omics: Any) -> list[dict[str, Any]]:
    return list(omics.list_workflows()["items"])


@versions
@both_modes
def test_registers_once_and_finds_it_again(
    deferrable: bool, make: Make, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    first = finish(make(deferrable=deferrable), context(task_id="workflow"))
    assert set(first) == KEYS | {"version_name", "version_arn"}
    assert json.loads(json.dumps(first)) == first
    assert (first["status"], first["created"], len(first["digest"])) == ("ACTIVE", True, 64)
    assert first["arn"].endswith(f":workflow/{first['id']}")
    assert first["version_arn"] == f"{first['arn']}/version/{first['version_name']}"
    assert first["digest"].startswith(first["version_name"])
    omics_clock.advance(60)
    before = dict(omics_faults.calls)
    again = finish(make(deferrable=deferrable), context(task_id="workflow", run_id="scheduled__2026-01-02"))
    assert again == {**first, "created": False}
    spent = {name: count - before.get(name, 0) for name, count in omics_faults.calls.items()}
    assert {name: count for name, count in spent.items() if count} == {
        "ListWorkflows": 1,
        "GetWorkflow": 1,
        "GetWorkflowVersion": 1,
    }
    (workflow,) = workflows(omics)
    assert (workflow["id"], workflow["name"]) == (first["id"], "genomes.workflow")
    found = omics.get_workflow_version(workflowId=first["id"], versionName=first["version_name"])
    tags = {"airflow_definition": first["digest"], "airflow_aws_digest": found["digest"]}
    assert (found["main"], found["tags"]) == ("main.nf", tags)


@versions
@both_modes
def test_a_changed_definition_becomes_a_new_version(
    deferrable: bool, make: Make, folder: Path, context: ContextMaker, omics: Any
) -> None:
    first = finish(make(deferrable=deferrable), context())
    original = (folder / "main.nf").read_text()
    (folder / "main.nf").write_text(original + "// more\n")
    second = finish(make(deferrable=deferrable), context())
    assert (second["id"], second["created"]) == (first["id"], True)
    assert second["version_name"] != first["version_name"]
    (folder / "main.nf").write_text(original)
    assert finish(make(deferrable=deferrable), context()) == {**first, "created": False}
    names = [item["versionName"] for item in omics.list_workflow_versions(workflowId=first["id"])["items"]]
    assert names == [first["version_name"], second["version_name"]]


@versions
def test_what_no_update_can_change_is_part_of_the_digest(make: Make, context: ContextMaker) -> None:
    first = finish(make(), context())
    same: dict[str, Any] = {"description": "d", "tags": {"a": "b"}, "storage_type": "DYNAMIC", "request_id": "mine"}
    assert finish(make(**same), context())["version_name"] == first["version_name"]
    others: list[dict[str, Any]] = [
        {"main": "tasks/align.nf"},
        {"engine": "NEXTFLOW"},
        {"parameter_template": {"x": {}}},
    ]
    assert len({first["digest"]} | {finish(make(**other), context())["digest"] for other in others}) == 4


@versions
def test_the_result_starts_a_run(make: Make, start: Any, context: ContextMaker) -> None:
    made = finish(make(), context())
    run = start(workflow_id=made["id"], workflow_version_name=made["version_name"], wait_for_completion=True)
    assert finish(run, context())["status"] == "COMPLETED"


@versions
def test_every_member_reaches_the_service(make: Make, context: ContextMaker, omics: Any) -> None:
    template = {"reads": {"description": "FASTQ", "optional": False}}
    given: dict[str, Any] = {"name": "cohort", "description": "d", "storage_type": "STATIC", "storage_capacity": "1200"}
    given |= {"engine": "NEXTFLOW", "main": "main.nf", "accelerators": "GPU", "tags": {"team": "genomics"}}
    made = finish(make(parameter_template=template, request_id="mine", **given), context())
    tags = {"team": "genomics", "airflow_definition": made["digest"]}
    which = {"workflowId": made["id"], "versionName": made["version_name"]}
    for found in (omics.get_workflow(id=made["id"]), omics.get_workflow_version(**which)):
        assert (found["description"], found["storageType"], found["storageCapacity"]) == ("d", "STATIC", 1200)
        assert (found["engine"], found["main"], found["accelerators"]) == ("NEXTFLOW", "main.nf", "GPU")
        assert found["parameterTemplate"] == template
        assert found["tags"].items() - {("airflow_aws_digest", found["digest"])} == tags.items()
    assert omics.get_workflow(id=made["id"])["name"] == "cohort"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "relative": ({"definition": "dags/cohort"}, "definition: 'dags/cohort' is neither an absolute path nor an S3 URI"),
    "name": ({"name": "n" * 129}, "name: .* has 129 characters"),
    "engine": ({"engine": "SNAKEMAKE"}, "engine: must be one of WDL"),
    "template": ({"parameter_template": {"x": {"optionally": True}}}, "optionally"),
    "reserved tag": ({"tags": {"aws:x": "1"}}, "tags: the key 'aws:x' begins with 'aws:'"),
    "too many tags": ({"tags": {str(number): "" for number in range(50)}}, "tags: at most 49"),
    "if_exists": ({"if_exists": "replace"}, "if_exists: must be one of reuse"),
    "delay": ({"waiter_delay": 0}, "waiter_delay: must be above 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_any_call(case: str, make: Make, context: ContextMaker, omics_faults: Any) -> None:
    arguments, message = BAD[case]
    with pytest.raises((errors.OmicsInputError, errors.OmicsVersionError), match=message):
        make(**arguments).execute(context())
    assert not omics_faults.calls


def test_mapped_instances_need_names(make: Make, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsInputError, match="name: must be given where the task is mapped"):
        make().execute(context(map_index=0))
    assert finish(make(name="north"), context(map_index=0))["created"]


@versions
def test_other_names_and_those_that_failed_are_passed_over(
    make: Make, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    omics.create_workflow(name="genomes.task 2", definitionZip=b"no archive")
    omics.create_workflow(name="genomes.task", definitionZip=b"no archive")
    omics_clock.advance(60)
    made = finish(make(), context())
    assert made["created"]
    assert finish(make(), context())["id"] == made["id"]
    assert len(workflows(omics)) == 3


@versions
def test_a_workflow_that_is_being_made_is_waited_for(make: Make, context: ContextMaker, omics: Any) -> None:
    workflow_id = omics.create_workflow(name="genomes.task", definitionZip=archive(name="main.nf"))["id"]
    made = finish(make(deferrable=True), context())
    assert (made["id"], made["status"], made["created"]) == (workflow_id, "ACTIVE", True)


@versions
def test_without_waiting_the_version_is_still_being_made(make: Make, context: ContextMaker) -> None:
    made = finish(make(wait_for_completion=False), context())
    assert (made["status"], made["created"]) == ("CREATING", True)


def test_if_exists_fail(make: Make, context: ContextMaker) -> None:
    made = finish(make(if_exists="fail"), context())
    assert made["created"]
    with pytest.raises(errors.WorkflowExists, match='if_exists="fail"') as caught:
        finish(make(if_exists="fail"), context())
    assert caught.value.workflow_id == made["id"]


def test_if_exists_create_makes_one_for_each_dag_run(make: Make, context: ContextMaker, omics: Any) -> None:
    ids = [finish(make(if_exists="create"), context(run_id=run))["id"] for run in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]
    assert len(workflows(omics)) == 2


@versions
def test_drift_and_update(make: Make, folder: Path, context: ContextMaker, omics: Any, logged: Logged) -> None:
    made = finish(make(storage_type="DYNAMIC"), context())
    finish(make(storage_type="STATIC"), context())
    assert "has the default storage type DYNAMIC, not STATIC" in logged()
    with pytest.raises(errors.WorkflowDrift, match='if_exists="update"'):
        finish(make(storage_type="STATIC", drift="error"), context())
    (folder / "main.nf").write_text("workflow { }")
    changed = finish(make(storage_type="STATIC", if_exists="update", tags={"team": "genomics"}), context())
    found = omics.get_workflow(id=made["id"])
    assert (found["storageType"], changed["id"]) == ("STATIC", made["id"])
    assert found["tags"] == {"airflow_definition": made["digest"], "team": "genomics"}


@versions
@pytest.mark.parametrize("operation", ["CreateWorkflow", "CreateWorkflowVersion"])
def test_a_lost_answer_makes_nothing_twice(
    operation: str, make: Make, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.lose_answer(operation)
    made = finish(make(), context())
    assert len(workflows(omics)) == 1
    assert len(omics.list_workflow_versions(workflowId=made["id"])["items"]) == 1


@versions
def test_a_version_that_was_deleted_is_made_again(make: Make, context: ContextMaker, omics: Any) -> None:
    first = finish(make(), context())
    omics.delete_workflow_version(workflowId=first["id"], versionName=first["version_name"])
    assert finish(make(), context()) == first


@versions
def test_a_workflow_that_was_deleted_is_made_again(make: Make, context: ContextMaker, omics: Any) -> None:
    first = finish(make(), context())
    DeleteWorkflowOperator(task_id="d", workflow_id=first["id"], delete_versions=True).execute(context())
    again = finish(make(), context())
    assert (again["created"], again["version_name"]) == (True, first["version_name"])
    assert again["id"] != first["id"]


@pytest.mark.skipif(VERSIONS, reason="the installed botocore has versions of workflows")
@both_modes
def test_without_versions_a_definition_is_told_by_a_tag(
    deferrable: bool, make: Make, folder: Path, context: ContextMaker, omics: Any
) -> None:
    first = finish(make(deferrable=deferrable), context())
    assert (set(first), first["created"]) == (KEYS, True)
    assert finish(make(deferrable=deferrable), context()) == {**first, "created": False}
    (folder / "main.nf").write_text("workflow { }")
    with pytest.raises(errors.OmicsVersionError, match=r"1\.37\.36"):
        finish(make(deferrable=deferrable), context())
    assert len(workflows(omics)) == 1


def test_update(omics: Any, workflow_id: str, context: ContextMaker) -> None:
    operator = UpdateWorkflowOperator(task_id="u", workflow_id=workflow_id, name="renamed", description="d")
    found = operator.execute(context())
    assert (found["id"], found["name"], found["status"]) == (workflow_id, "renamed", "ACTIVE")
    assert omics.get_workflow(id=workflow_id)["description"] == "d"
    with pytest.raises(errors.OmicsInputError, match="at least one of them must be given"):
        UpdateWorkflowOperator(task_id="u", workflow_id=workflow_id).execute(context())


def test_delete(workflow_id: str, context: ContextMaker) -> None:
    delete = DeleteWorkflowOperator(task_id="d", workflow_id=workflow_id)
    assert delete.execute(context()) == {"id": workflow_id, "deleted": True, "versions_deleted": 0}
    with pytest.raises(errors.NotFound):
        delete.execute(context())
    missing = DeleteWorkflowOperator(task_id="d", workflow_id=workflow_id, missing_ok=True)
    assert missing.execute(context())["deleted"] is False


@versions
def test_delete_names_the_versions_or_deletes_them(make: Make, context: ContextMaker, omics_faults: Any) -> None:
    made = finish(make(), context())
    with pytest.raises(errors.WorkflowHasVersions, match="delete_versions=True") as caught:
        DeleteWorkflowOperator(task_id="d", workflow_id=made["id"]).execute(context())
    assert caught.value.version_names == (made["version_name"],)
    omics_faults.deny("ListWorkflowVersions")
    with pytest.raises(errors.Conflict):
        DeleteWorkflowOperator(task_id="d", workflow_id=made["id"]).execute(context())
    omics_faults.clear()
    delete = DeleteWorkflowOperator(task_id="d", workflow_id=made["id"], delete_versions=True)
    assert delete.execute(context()) == {"id": made["id"], "deleted": True, "versions_deleted": 1}
