"""CreateWorkflowOperator where lists lag, and where several register at once."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.hooks import schema
from airflow_provider_omics.operators import ensure, ensure_workflow_version
from airflow_provider_omics.operators.workflow import CreateWorkflowOperator
from tests.archives import archive
from tests.conftest import ContextMaker, Logged

pytestmark = pytest.mark.skipif(
    "CreateWorkflowVersion" not in schema.service_model().operation_names,
    reason="the installed botocore has no versions of workflows",
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, quick_waits: None, omics_clock: Any) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    for module in (ensure, ensure_workflow_version):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """Make a definition of one file."""
    (tmp_path / "main.nf").write_text("workflow {}")
    return tmp_path


def make(definition: Path) -> CreateWorkflowOperator:
    return CreateWorkflowOperator(task_id="workflow", definition=definition)


@pytest.mark.parametrize("may_rename", [True, False])
def test_who_loses_the_race_steps_aside(
    may_rename: bool,
    definition: Path,
    context: ContextMaker,
    omics: Any,
    omics_faults: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    omics_faults.idempotency = "off"
    omics_faults.list_lag = 2
    if not may_rename:
        omics_faults.deny("UpdateWorkflow")
    older = omics.create_workflow(definitionZip=archive(name="main.nf"), name="genomes.task")["id"]
    omics_clock.advance(1)  # so that it is older, and not listed yet
    result = make(definition).execute(context())
    assert result["id"] == older
    omics_clock.advance(5)
    names = {workflow["id"]: workflow["name"] for workflow in omics.list_workflows()["items"]}
    assert names.pop(older) == "genomes.task"
    assert list(names.values()) == [f"genomes.task duplicate of {older}" if may_rename else "genomes.task"]
    assert "lost a race against" in logged()
    assert [item["versionName"] for item in omics.list_workflow_versions(workflowId=older)["items"]] == [
        result["version_name"]
    ]


@pytest.mark.parametrize("idempotency", ["replay", "off"])
def test_many_at_once_register_one_version_of_one_workflow(
    idempotency: str, definition: Path, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.idempotency = idempotency
    execute = inspect.unwrap(CreateWorkflowOperator.execute)  # Airflow 2 allows the wrapped one in its own thread only
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: execute(make(definition), context()), range(4)))
    assert len({(result["id"], result["version_name"]) for result in results}) == 1
    assert {result["status"] for result in results} == {"ACTIVE"}
    versions = omics.list_workflow_versions(workflowId=results[0]["id"])["items"]
    assert [version["versionName"] for version in versions] == [results[0]["version_name"]]
    named = [workflow for workflow in omics.list_workflows()["items"] if workflow["name"] == "genomes.task"]
    assert [workflow["id"] for workflow in named] == [results[0]["id"]]


def test_the_event_of_an_earlier_try_is_passed_over(definition: Path, context: ContextMaker) -> None:
    event: dict[str, Any] = {
        "resource": "workflow_version",
        "identifiers": {},
        "arn": None,
        "try_number": 1,
        "limit": None,
    }
    result = make(definition).execute_created(context(try_number=2), event=event)
    assert (result["status"], result["created"]) == ("ACTIVE", True)
