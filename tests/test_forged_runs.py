"""A run that carries a task's name and tags, but does something else, is never taken for the task's own."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics.operators.adoption import Adoption
from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_versions
from tests.forged import change_answer, nest_parameters
from tests.samples import CLONES, OTHER_ROLE, PARAMETERS
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits", "other_places")

named = pytest.mark.parametrize("name", [None, "the author's"], ids=["our-name", "author-s-name"])


def runs(omics: Any) -> dict[str, str]:
    return {run["id"]: run["status"] for run in omics.list_runs()["items"]}


def copy_of(omics: Any, run_id: str, **changes: Any) -> str:
    """Start another run with the name and the tags of a run, and take that one's tags away, so that it is not found."""
    found = omics.get_run(id=run_id)
    same = ("workflowId", "workflowVersionName", "roleArn", "outputUri", "name", "tags", "parameters", "runId")
    request = {member: found[member] for member in same if member in found}
    request = {member: value for member, value in {**request, **changes}.items() if value is not None}
    copied: str = omics.start_run(**request, requestId="copy")["id"]
    omics.untag_resource(resourceArn=found["arn"], tagKeys=list(found["tags"]))
    return copied


@both_modes
@named
@pytest.mark.parametrize("ended", [False, True], ids=["active", "completed"])
@pytest.mark.parametrize("case", CLONES)
def test_a_copied_run_that_does_something_else_is_left_alone(
    case: str,
    ended: bool,
    name: str | None,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    change, told = CLONES[case]
    arguments = {"name": name, "parameters": PARAMETERS}
    left = first_try(at={"max_tries": 1}, **arguments)
    copied = copy_of(omics, left["id"], **change)
    if ended:
        omics_clock.advance(3600)
    result = finish(start(deferrable=deferrable, **arguments), context(try_number=2, max_tries=1))
    assert result["id"] not in (copied, left["id"])
    assert runs(omics)[copied] == "COMPLETED"  # never cancelled
    assert f"Run {copied} has the name and tags of this task's run, but {told}" in logged()
    assert str(PARAMETERS["sample"]) not in logged()


@named
def test_a_copy_that_does_the_same_is_as_good(
    name: str | None, first_try: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    """The cases above fail for what differs, and for nothing else."""
    left = first_try(name=name, parameters=PARAMETERS, at={"max_tries": 1})
    copied = copy_of(omics, left["id"])
    result = start(name=name, parameters=PARAMETERS).execute(context(try_number=2, max_tries=1))
    assert result["id"] == copied


@needs_versions
@both_modes
@pytest.mark.parametrize(("asked", "copied_version"), [("v1", "v2"), ("v1", None), (None, "v1")])
def test_a_copied_run_of_another_version_is_left_alone(
    asked: str | None,
    copied_version: str | None,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    for version in ("v1", "v2"):
        omics.create_workflow_version(workflowId="1234567", versionName=version, definitionZip=archive())
    omics_clock.advance(10)
    arguments: dict[str, Any] = {"workflow_version_name": asked, "parameters": {}, "name": "cohort"}
    left = first_try(at={"max_tries": 1}, **arguments)
    copied = copy_of(omics, left["id"], workflowVersionName=copied_version)
    result = finish(start(deferrable=deferrable, **arguments), context(try_number=2, max_tries=1))
    assert result["id"] != copied
    assert f"workflow version {copied_version!r}, not {asked!r}" in logged()


@both_modes
def test_a_run_that_repeats_another_workflow_s_run_is_gone_on_with(
    deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics_emulator: Any, begin: Any
) -> None:
    """What the repeated run says of its own workflow, as the version, says nothing of the one that is asked for."""
    repeated = begin()
    arguments: dict[str, Any] = {"workflow_id": "7654321", "run_id": repeated, "name": "again"}
    left = first_try(at={"max_tries": 1}, **arguments)
    known = omics_emulator.store.region("123456789012", "us-east-1").runs
    known.change(repeated, workflowVersionName="v1", workflowOwnerId="999988887777")
    known.change(left["id"], workflowOwnerId="123456789012")
    result = finish(start(deferrable=deferrable, **arguments), context(try_number=2, max_tries=1))
    assert result["id"] == left["id"]


@both_modes
@pytest.mark.parametrize("shown", ["own-id", "absent"])
def test_a_run_that_does_not_show_what_it_repeats_is_told_by_its_tag(
    shown: str,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_emulator: Any,
    begin: Any,
) -> None:
    arguments = {"workflow_id": None, "run_id": begin(), "name": "again"}
    left = first_try(at={"max_tries": 1}, **arguments)
    known = omics_emulator.store.region("123456789012", "us-east-1").runs
    known.change(left["id"], runId=left["id"] if shown == "own-id" else None)
    assert omics.get_run(id=left["id"]).get("runId") == (left["id"] if shown == "own-id" else None)
    result = finish(start(deferrable=deferrable, **arguments), context(try_number=2, max_tries=1))
    assert result["id"] == left["id"]


def test_a_copied_run_that_repeats_another_one_is_left_alone(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, begin: Any, logged: Logged
) -> None:
    repeated, another = begin(), begin()
    arguments = {"workflow_id": None, "run_id": repeated, "name": "again"}
    left = first_try(at={"max_tries": 1}, **arguments)
    copied = copy_of(omics, left["id"], runId=another)
    result = start(**arguments).execute(context(try_number=2, max_tries=1))
    assert result["id"] != copied
    assert f"repeated run '{another}', not '{repeated}'" in logged()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"workflowId": "7654321"}, "workflow '7654321', not '1234567'"),
        ({"parameters": {"sample": "NA12891"}}, "other parameters"),
        ({"parameters": {"sample": "NA12878", "more": 1}}, "other parameters"),
    ],
)
@pytest.mark.parametrize("repeated_run", ["exists", "deleted", "deleted, and its id used again"])
def test_what_a_request_to_repeat_a_run_leaves_out_is_that_run_s(
    repeated_run: str,
    change: dict[str, Any],
    told: str,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    begin: Any,
    logged: Logged,
) -> None:
    repeated = begin(parameters={"sample": "NA12878"})
    arguments = {"workflow_id": None, "run_id": repeated, "name": "again"}
    left = first_try(at={"max_tries": 1}, **arguments)
    copied = copy_of(omics, left["id"], **{"workflowId": None, "parameters": None, **change})
    omics_clock.advance(3600)
    if repeated_run != "exists":
        omics.delete_run(id=repeated)
    if "again" in repeated_run:
        assert begin(parameters={"other": 1}) == repeated
    result = start(**arguments).execute(context(try_number=2, max_tries=1))
    # Of a run that is gone nobody knows any more what was to be repeated.
    expected = repeated_run == "exists"
    assert (result["id"] != copied, told in logged()) == (expected, expected)


@pytest.mark.parametrize(
    "location", ["s3://omics-test-bucket/runs-2/{id}", "s3://omics-test-bucket", "s3://stolen/runs"]
)
def test_a_run_whose_outputs_lie_elsewhere_is_left_alone(
    location: str, first_try: Any, start: Any, context: ContextMaker, omics_emulator: Any, logged: Logged
) -> None:
    left = first_try(at={"max_tries": 1})
    known = omics_emulator.store.region("123456789012", "us-east-1").runs
    known.change(left["id"], runOutputUri=location.format(id=left["id"]))
    assert start().execute(context(try_number=2, max_tries=1))["id"] != left["id"]
    assert f"output location '{location.format(id=left['id'])}'" in logged()


@both_modes
@pytest.mark.parametrize(
    "output_uri", ["s3://omics-test-bucket/runs", "s3://omics-test-bucket/runs/", "s3://omics-test-bucket"]
)
def test_what_aws_may_write_otherwise_makes_no_difference(
    output_uri: str, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics_emulator: Any
) -> None:
    left = first_try(output_uri=output_uri, parameters=PARAMETERS | {"none": None}, at={"max_tries": 1})
    known = omics_emulator.store.region("123456789012", "us-east-1").runs
    written = {**PARAMETERS, "depth": 30.0}
    known.change(left["id"], outputUri=f"{output_uri.rstrip('/')}/", parameters=written, runId=left["id"])
    operator = start(output_uri=output_uri, parameters=PARAMETERS | {"none": None}, deferrable=deferrable)
    assert finish(operator, context(try_number=2, max_tries=1))["id"] == left["id"]


@both_modes
@pytest.mark.parametrize(
    ("depth", "told"),
    [
        (700, "has the name and tags of this task's run, but other parameters"),
        (100_000, "is left alone: The answer of AWS HealthOmics to GetRun is nested too deeply to be read"),
    ],
)
def test_a_copied_run_with_deeply_nested_parameters_hides_no_other_run(
    depth: int,
    told: str,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    arguments = {"name": "cohort", "parameters": PARAMETERS}
    left = first_try(at={"max_tries": 1}, **arguments)
    omics_clock.advance(1)
    found = omics.get_run(id=left["id"])
    same = {member: found[member] for member in ("workflowId", "roleArn", "outputUri", "name", "tags", "parameters")}
    copied = omics.start_run(**same, requestId="copy")["id"]
    operator = start(deferrable=deferrable, **arguments)
    nest_parameters(operator, copied, depth)
    assert finish(operator, context(try_number=2, max_tries=1))["id"] == left["id"]
    assert f"Run {copied} {told}" in logged()
    omics_clock.advance(3600)
    assert runs(omics) == dict.fromkeys((copied, left["id"]), "COMPLETED")


@both_modes
@pytest.mark.parametrize("name", [None, "cohort"])
def test_parameters_that_aws_gives_back_in_another_form_are_the_same(
    name: str | None, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics: Any, logged: Logged
) -> None:
    arguments = {"name": name, "parameters": {"sample": "NA12878", "depth": 30, "seed": 2**53 + 1, "more": [1, None]}}
    left = first_try(at={"max_tries": 1}, **arguments)
    operator = start(deferrable=deferrable, **arguments)
    written = {"sample": "NA12878", "depth": "30", "seed": float(2**53), "more": "[1]"}
    change_answer(operator, left["id"], parameters=written)
    assert finish(operator, context(try_number=2, max_tries=1))["id"] == left["id"]
    assert runs(omics) == {left["id"]: "COMPLETED"}
    another = start(deferrable=deferrable, **arguments)
    change_answer(another, left["id"], parameters={**written, "sample": "NA12891"})
    assert finish(another, context(try_number=2, max_tries=1))["id"] != left["id"]
    assert "but other parameters" in logged()


def test_without_our_tags_the_description_alone_tells_and_nothing_is_cancelled(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, logged: Logged
) -> None:
    left = first_try(airflow_tags=False, parameters=PARAMETERS, at={"max_tries": 1})
    operator = start(airflow_tags=False, parameters={"sample": "NA12891"})
    result = operator.execute(context(try_number=2, max_tries=1))
    assert runs(omics) == {left["id"]: "COMPLETED", result["id"]: "COMPLETED"}
    assert f"Run {left['id']} has the name of this task's run, but other parameters" in logged()


def test_a_kill_leaves_a_copied_run_alone(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_omics.operators import waiting

    left = first_try(name="cohort", parameters=PARAMETERS, at={"max_tries": 1})
    copied = copy_of(omics, left["id"], workflowId="7654321")
    state("failed")
    made = context(try_number=2, max_tries=1)
    monkeypatch.setattr(waiting, "current_context", lambda: made)
    start(name="cohort", parameters=PARAMETERS).on_kill()
    assert runs(omics)[copied] not in ("STOPPING", "CANCELLED")


def test_an_old_token_that_answers_with_something_else_is_replaced(
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics_clock: Any,
    omics_emulator: Any,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Airflow 2 may execute a try twice, and takes what the first execution started; but only if it is equal."""
    left = first_try(parameters=PARAMETERS, at={"max_tries": 1})
    omics_clock.advance(3600)
    monkeypatch.setattr(Adoption, "earliest", lambda _: omics_clock.now())
    assert start(parameters=PARAMETERS).execute(context(max_tries=1))["id"] == left["id"]
    omics_emulator.store.region("123456789012", "us-east-1").runs.change(left["id"], roleArn=OTHER_ROLE)
    assert start(parameters=PARAMETERS).execute(context(max_tries=1))["id"] != left["id"]
    assert "has been used before" in logged()
