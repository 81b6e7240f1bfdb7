"""The operators on versions of workflows, and what is said of a definition that HealthOmics cannot use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.hooks import s3, schema
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators import ensure, ensure_workflow_version
from airflow_provider_omics.operators.workflow import CreateWorkflowOperator
from airflow_provider_omics.operators.workflow_version import (
    CreateWorkflowVersionOperator,
    DeleteWorkflowVersionOperator,
    UpdateWorkflowVersionOperator,
)
from airflow_provider_omics.reports.workflow import lint_lines
from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.matrix

VERSIONS = "CreateWorkflowVersion" in schema.service_model().operation_names
versions = pytest.mark.skipif(not VERSIONS, reason="the installed botocore has no versions of workflows")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, quick_waits: None, omics_clock: Any) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    for module in (ensure, ensure_workflow_version):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """Make a definition of one file."""
    path = tmp_path / "main.nf"
    path.write_text("workflow {}")
    return path


Make = Callable[..., CreateWorkflowVersionOperator]


@pytest.fixture
def make(definition: Path, workflow_id: str) -> Make:
    """Return a maker of operators that make versions of the seeded workflow."""
    defaults = {"workflow_id": workflow_id, "definition": definition}
    return lambda **more: CreateWorkflowVersionOperator(task_id="version", **{**defaults, **more})


@versions
@both_modes
def test_a_version_is_made_once(
    deferrable: bool, make: Make, definition: Path, workflow_id: str, context: ContextMaker, omics: Any
) -> None:
    first = finish(make(deferrable=deferrable), context())
    assert (first["id"], first["status"], first["created"]) == (workflow_id, "ACTIVE", True)
    assert first["version_arn"].endswith(f":workflow/{workflow_id}/version/{first['version_name']}")
    assert finish(make(deferrable=deferrable), context(run_id="another")) == {**first, "created": False}
    definition.write_text("workflow { }")
    second = finish(make(deferrable=deferrable), context())
    assert second["version_name"] != first["version_name"]
    assert len(omics.list_workflow_versions(workflowId=workflow_id)["items"]) == 2


@versions
def test_a_version_of_ones_own_name_never_stands_for_another_definition(
    make: Make, definition: Path, context: ContextMaker, omics: Any, workflow_id: str, logged: Logged
) -> None:
    first = finish(make(version_name="v1.2"), context())
    assert (first["version_name"], finish(make(version_name="v1.2"), context())["created"]) == ("v1.2", False)
    with pytest.raises(errors.WorkflowExists, match='if_exists="fail"'):
        finish(make(version_name="v1.2", if_exists="fail"), context())
    definition.write_text("workflow { }")
    with pytest.raises(errors.WorkflowVersionDiffers, match="was made of another definition") as caught:
        finish(make(version_name="v1.2"), context())
    assert (caught.value.workflow_id, caught.value.version_name) == (workflow_id, "v1.2")
    assert isinstance(caught.value, AirflowFailException)
    omics.create_workflow_version(workflowId=workflow_id, versionName="v2", definitionZip=archive(name="main.nf"))
    assert finish(make(version_name="v2"), context())["created"] is False
    assert "Version v2 of workflow 1234567 does not tell what it was made of" in logged()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"version_name": "v 1"}, "version_name: 'v 1' must match the pattern"),
    "workflow": ({"workflow_id": "wf-1"}, "workflow_id: 'wf-1' must be digits only"),
    "if_exists": ({"if_exists": "update"}, "if_exists: must be one of reuse, fail"),
}


@versions
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_any_call(case: str, make: Make, context: ContextMaker, omics_faults: Any) -> None:
    arguments, message = BAD[case]
    with pytest.raises(errors.OmicsInputError, match=message):
        make(**arguments).execute(context())
    assert not omics_faults.calls


@versions
@both_modes
def test_a_definition_in_s3(
    deferrable: bool, make: Make, context: ContextMaker, omics: Any, omics_bucket: str, workflow_id: str
) -> None:
    client, uri = s3.client(OmicsHook()), f"s3://{omics_bucket}/workflows/cohort.zip"
    names = []
    for name in ("a.nf", "a.nf", "b.nf"):
        client.put_object(Bucket=omics_bucket, Key="workflows/cohort.zip", Body=archive(name=name))
        made = finish(make(definition=uri, deferrable=deferrable), context())
        names.append(made["version_name"])
    assert names[0] == names[1] != names[2]
    found = omics.get_workflow_version(workflowId=workflow_id, versionName=names[2])
    tags = {"airflow_definition": made["digest"], "airflow_aws_digest": found["digest"]}
    assert (found["main"], found["tags"]) == ("b.nf", tags)


@versions
@pytest.mark.parametrize("loss", ["answer", "twice", "all"])
def test_a_lost_answer_makes_nothing_twice(
    loss: str, make: Make, context: ContextMaker, omics: Any, omics_faults: Any, workflow_id: str
) -> None:
    if loss == "answer":
        omics_faults.lose_answer("CreateWorkflowVersion")
    else:
        omics_faults.fail("CreateWorkflowVersion", "InternalServerException", times=2 if loss == "twice" else 3)
    if loss == "all":
        with pytest.raises(errors.OutcomeUnknown):
            finish(make(), context())
        assert omics.list_workflow_versions(workflowId=workflow_id)["items"] == []
        return
    assert finish(make(), context())["created"]
    assert len(omics.list_workflow_versions(workflowId=workflow_id)["items"]) == 1


@versions
@pytest.mark.parametrize("idempotency", ["replay", "conflict", "validation", "off"])
def test_whatever_a_used_token_is_answered_with(
    idempotency: str, make: Make, context: ContextMaker, omics: Any, omics_faults: Any, workflow_id: str
) -> None:
    omics_faults.idempotency = idempotency
    first = finish(make(), context())
    omics.delete_workflow_version(workflowId=workflow_id, versionName=first["version_name"])
    assert finish(make(), context()) == first
    omics.delete_workflow_version(workflowId=workflow_id, versionName=first["version_name"])
    if idempotency != "off":
        finish(make(request_id="mine"), context())
        omics.delete_workflow_version(workflowId=workflow_id, versionName=first["version_name"])
        with pytest.raises((errors.Conflict, errors.ValidationFailed, errors.WorkflowGone)):
            finish(make(request_id="mine"), context())


@versions
def test_who_comes_second_takes_what_the_first_has_made(
    make: Make, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = finish(make(), context())
    seen = iter([None])
    described = ensure_workflow_version.WorkflowVersionEnsurer._described
    monkeypatch.setattr(
        ensure_workflow_version.WorkflowVersionEnsurer,
        "_described",
        lambda self: next(seen, self) and described(self),
    )
    assert finish(make(request_id="another"), context()) == {**first, "created": False}


@versions
def test_an_unknown_workflow(make: Make, context: ContextMaker) -> None:
    with pytest.raises(errors.NotFound):
        finish(make(workflow_id="7654321"), context())


@pytest.mark.skipif(VERSIONS, reason="the installed botocore has versions of workflows")
def test_without_a_boto3_that_has_them_the_error_names_the_version(make: Make, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsVersionError, match=r"1\.37\.36"):
        make().execute(context())


@versions
def test_update_and_delete(make: Make, context: ContextMaker, omics: Any, workflow_id: str) -> None:
    made = finish(make(), context())
    which = {"workflow_id": workflow_id, "version_name": made["version_name"]}
    updated = UpdateWorkflowVersionOperator(task_id="u", **which, description="d").execute(context())
    assert updated == {key: made[key] for key in ("id", "arn", "version_name", "version_arn", "status")}
    found = omics.get_workflow_version(workflowId=workflow_id, versionName=made["version_name"])
    assert found["description"] == "d"
    with pytest.raises(errors.OmicsInputError, match="at least one of them must be given"):
        UpdateWorkflowVersionOperator(task_id="u", **which).execute(context())
    deleted = {"id": workflow_id, "version_name": made["version_name"], "deleted": True}
    assert DeleteWorkflowVersionOperator(task_id="d", **which).execute(context()) == deleted
    with pytest.raises(errors.NotFound):
        DeleteWorkflowVersionOperator(task_id="d", **which).execute(context())
    missing = DeleteWorkflowVersionOperator(task_id="d", **which, missing_ok=True)
    assert missing.execute(context()) == {**deleted, "deleted": False}


# --- definitions that cannot be used


@both_modes
def test_a_workflow_that_fails_says_why(deferrable: bool, tmp_path: Path, context: ContextMaker, omics: Any) -> None:
    (tmp_path / "main.txt").write_text("")
    operator = CreateWorkflowOperator(task_id="w", definition=str(tmp_path / "main.txt"), deferrable=deferrable)
    with pytest.raises(errors.WorkflowFailed, match=r"could not make workflow \d+ \(FAILED\) of .*AWS says: The") as e:
        finish(operator, context())
    assert not isinstance(e.value, AirflowFailException)
    assert (e.value.lines, e.value.workflow_id) == ((), omics.list_workflows()["items"][0]["id"])
    with pytest.raises(errors.WorkflowFailed):  # a retry tries again: it may have been S3, or AWS itself
        finish(operator, context())
    assert len(omics.list_workflows()["items"]) == 2


BROKEN = "version 1.0\nworkflow cohort {\n  Int a = b\n  Int c = d\n}\n"


@pytest.mark.locked
@both_modes
def test_the_lines_of_the_linter_are_shown_and_nothing_piles_up(
    deferrable: bool, tmp_path: Path, context: ContextMaker, omics: Any
) -> None:
    path = tmp_path / "main.wdl"
    path.write_text(BROKEN)
    operator = CreateWorkflowOperator(task_id="w", definition=path, deferrable=deferrable)
    lines = ("main.wdl:3:11: Unknown identifier b", "main.wdl:4:11: Unknown identifier d")
    with pytest.raises(errors.WorkflowFailedForGood) as caught:
        finish(operator, context())
    assert "\n".join(["its linter found:", *lines, "Next: correct"]) in str(caught.value)
    assert f"of {path}" in str(caught.value)
    assert caught.value.lines == lines
    with pytest.raises(errors.WorkflowFailedForGood, match="of this definition in an earlier try") as again:
        finish(operator, context())
    assert again.value.workflow_id == caught.value.workflow_id
    assert len(omics.list_workflows()["items"]) == 1
    path.write_text("version 1.0\nworkflow cohort {}")
    assert finish(operator, context())["created"]


@pytest.mark.locked
@both_modes
def test_a_version_that_fails_shows_the_linter_s_lines_every_time(
    deferrable: bool, make: Make, tmp_path: Path, context: ContextMaker, omics: Any, workflow_id: str
) -> None:
    path = tmp_path / "main.wdl"
    path.write_text(BROKEN)
    for _ in range(2):
        with pytest.raises(errors.WorkflowFailedForGood, match=r"version \w+, \(FAILED\).*\n.*Unknown ident") as e:
            finish(make(definition=path, deferrable=deferrable), context())
    assert e.value.version_name == omics.list_workflow_versions(workflowId=workflow_id)["items"][0]["versionName"]


def test_lines_are_found_in_whatever_json_a_linter_writes() -> None:
    assert lint_lines('[{"path": "a.wdl", "line": 3, "col": 5, "msg": "wrong"}]') == ["a.wdl:3:5: wrong"]
    assert lint_lines('{"findings": {"errors": [{"message": "wrong"}]}, "count": 1}') == ["wrong"]
    assert lint_lines('{"a.nf": [{"line": 1, "message": "x"}, {"line": 2, "message": "y"}]}') == ["1: x", "2: y"]
    for text in (None, "", "The definition is not a ZIP archive.", "{}", "3", "[" * 100_000):
        assert lint_lines(text) == []


def test_a_long_list_of_lines_is_cut() -> None:
    error = errors.WorkflowFailedForGood("workflow 1", "/a", workflow_id="1", lines=[str(n) for n in range(60)])
    assert str(error).splitlines()[-2:] == ["… and 10 more.", "Next: correct the definition, and clear this task."]
    assert len(error.lines) == 60
