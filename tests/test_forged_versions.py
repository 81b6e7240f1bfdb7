"""A version of a workflow that only looks like the one that an operator made is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.operators import ensure, ensure_workflow_version
from airflow_provider_omics.operators.workflow import CreateWorkflowOperator
from airflow_provider_omics.operators.workflow_version import CreateWorkflowVersionOperator
from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_versions
from tests.waits import both_modes, finish

pytestmark = needs_versions


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, quick_waits: None, omics_clock: Any) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    for module in (ensure, ensure_workflow_version):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)


@pytest.fixture(params=["by name", "by id"])
def make(request: pytest.FixtureRequest, tmp_path: Path, workflow_id: str) -> Any:
    """Return a maker of operators that register one definition: in a workflow of a name, or in one of an id."""
    path = tmp_path / "main.nf"
    path.write_text("workflow {}")
    if request.param == "by name":
        return lambda **more: CreateWorkflowOperator(task_id="w", name="germline", definition=path, **more)
    return lambda **more: CreateWorkflowVersionOperator(task_id="v", workflow_id=workflow_id, definition=path, **more)


def replace(omics: Any, omics_clock: Any, made: dict[str, Any], tags: dict[str, str]) -> None:
    """Put another definition in the place of a version."""
    which = {"workflowId": made["id"], "versionName": made["version_name"]}
    omics.delete_workflow_version(**which)
    omics.create_workflow_version(**which, definitionZip=archive(name="main.nf"), tags=tags, requestId="forged")
    omics_clock.advance(10)


@both_modes
def test_a_version_of_our_naming_without_our_tag_is_refused(
    deferrable: bool, make: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    made = finish(make(), context())
    replace(omics, omics_clock, made, {"team": "genomics"})
    with pytest.raises(errors.WorkflowVersionDiffers, match="has no tag airflow_definition") as caught:
        finish(make(deferrable=deferrable), context())
    assert isinstance(caught.value, AirflowFailException)
    assert (caught.value.workflow_id, caught.value.version_name) == (made["id"], made["version_name"])
    assert "DeleteWorkflowVersionOperator" in str(caught.value)


@both_modes
def test_a_version_that_is_no_longer_the_one_that_was_made_is_refused_whatever_its_tags(
    deferrable: bool, make: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    made = finish(make(deferrable=deferrable), context())
    found = omics.get_workflow_version(workflowId=made["id"], versionName=made["version_name"])
    assert finish(make(deferrable=deferrable), context()) == {**made, "created": False}
    replace(omics, omics_clock, made, found["tags"])
    with pytest.raises(errors.WorkflowVersionDiffers, match=f"and '{found['digest']}' by its tag airflow_aws_digest"):
        finish(make(deferrable=deferrable), context())


def test_where_aws_gives_no_digest_or_none_is_kept_the_tag_decides(
    make: Any, context: ContextMaker, omics: Any, omics_faults: Any, logged: Logged
) -> None:
    omics_faults.deny("TagResource")
    made = finish(make(), context())
    assert "AWS's digest of the new version is not kept" in logged()
    found = omics.get_workflow_version(workflowId=made["id"], versionName=made["version_name"])
    assert found["tags"] == {"airflow_definition": made["digest"]}
    assert finish(make(), context())["created"] is False


def test_a_version_with_as_many_tags_as_there_can_be_is_made(make: Any, context: ContextMaker, omics: Any) -> None:
    made = finish(make(tags={str(number): "" for number in range(49)}), context())
    found = omics.get_workflow_version(workflowId=made["id"], versionName=made["version_name"])
    assert len(found["tags"]) == 50


def test_a_workflow_id_is_taken_as_it_is_and_no_name_is_looked_for(
    tmp_path: Path, workflow_id: str, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    path = tmp_path / "main.nf"
    path.write_text("workflow {}")
    before = omics_faults.calls.copy()
    operator = CreateWorkflowVersionOperator(task_id="v", workflow_id=workflow_id, definition=path)
    made = finish(operator, context())
    calls = omics_faults.calls - before
    assert made["id"] == workflow_id
    assert not [name for name in calls if name.startswith("List")]
