"""A batch that carries a task's name and tags, but does something else, is never taken for the task's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.archives import archive
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches, needs_versions
from tests.forged import nest_parameters
from tests.samples import CLONES, SAMPLES, batches, by_sample
from tests.waits import both_modes, finish

pytestmark = [needs_batches, pytest.mark.usefixtures("quick_waits", "other_places")]

BATCH_CLONES: dict[str, tuple[dict[str, Any], str]] = {
    "workflow": CLONES["workflow"],
    "role": CLONES["role"],
    "bucket": CLONES["bucket"],
    "parameters": ({"parameters": {"panel": "other"}}, "other parameters"),
}


def copy_of_batch(
    omics: Any, batch_id: str, settings: list[dict[str, Any]], shared: dict[str, Any], *, keep: bool = False
) -> str:
    """Start another batch with the name and the tags of a batch, and take that one's tags away unless it is kept."""
    found = omics.get_batch(batchId=batch_id)
    copied: str = omics.start_run_batch(
        batchName=found["name"],
        tags=found["tags"],
        defaultRunSetting={**found["defaultRunSetting"], **shared},
        batchRunSettings={"inlineSettings": settings},
        requestId="copy",
    )["id"]
    if not keep:
        omics.untag_resource(resourceArn=found["arn"], tagKeys=list(found["tags"]))
    return copied


@both_modes
@pytest.mark.parametrize("ended", [False, True], ids=["active", "processed"])
@pytest.mark.parametrize("case", BATCH_CLONES)
def test_a_copied_batch_that_does_something_else_is_left_alone(
    case: str,
    ended: bool,
    deferrable: bool,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    change, told = BATCH_CLONES[case]
    shared = {"parameters": {"panel": "exome"}}
    left = start_batch(shared, wait_for_completion=False).execute(context(max_tries=1))
    copied = copy_of_batch(omics, left["id"], SAMPLES, change)
    if ended:
        omics_clock.advance(3600)
    result = finish(start_batch(shared, deferrable=deferrable), context(try_number=2, max_tries=1))
    assert result["batch_ids"] == [result["id"]]
    assert result["id"] not in (copied, left["id"])
    assert omics.get_batch(batchId=copied)["status"] != "CANCELLED"
    assert f"Run batch {copied} has the name and tags of this task's run batch, but {told}" in logged()


@needs_versions
def test_a_copied_batch_of_another_version_is_left_alone(
    start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    for version in ("v1", "v2"):
        omics.create_workflow_version(workflowId="1234567", versionName=version, definitionZip=archive())
    omics_clock.advance(10)
    arguments: dict[str, Any] = {"shared": {"workflowVersionName": "v1"}, "batch_run_settings": [{"runSettingId": "1"}]}
    left = start_batch(wait_for_completion=False, **arguments).execute(context(max_tries=1))
    copied = copy_of_batch(omics, left["id"], [{"runSettingId": "1"}], {"workflowVersionName": "v2"})
    result = start_batch(**arguments).execute(context(try_number=2, max_tries=1))
    assert result["batch_ids"] == [result["id"]]
    assert result["id"] != copied


SETTINGS_CLONES: dict[str, dict[str, Any]] = {
    "parameters": {"parameters": {"sample": "s3://genomes/other.bam"}},
    "output": {"outputUri": "s3://stolen/runs"},
}
"""What alone differs in the settings of one run of a copied batch, which GetBatch does not describe."""


@both_modes
@pytest.mark.parametrize("ended", [False, True], ids=["active", "processed"])
@pytest.mark.parametrize("retry_failed", [True, False])
@pytest.mark.parametrize("case", SETTINGS_CLONES)
def test_a_run_of_a_copied_batch_that_does_something_else_is_started_anew(
    case: str,
    retry_failed: bool,
    ended: bool,
    deferrable: bool,
    start_batch: Any,
    context: ContextMaker,
    omics: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    settings = [{**SAMPLES[0], **SETTINGS_CLONES[case]}, *SAMPLES[1:]]
    copied = copy_of_batch(omics, left["id"], settings, {})
    if ended:
        omics_clock.advance(3600)
    operator = start_batch(deferrable=deferrable, retry_failed=retry_failed)
    result = finish(operator, context(try_number=2, max_tries=1))
    assert result["counts"]["completed"] == 3
    runs_of = by_sample(result, "run_id")
    assert omics.get_run(id=runs_of["sample_1"])["parameters"] == SAMPLES[0]["parameters"]
    assert omics.get_run(id=runs_of["sample_1"])["outputUri"] == "s3://omics-test-bucket/runs"
    assert omics.get_batch(batchId=result["id"])["totalRuns"] == (1 if retry_failed else 3)
    assert f"of run batch {copied} was started with other settings than sample sample_1 has" in logged()


def test_a_copied_batch_costs_no_sample_that_had_completed_before(
    start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    copy_of_batch(omics, left["id"], [{**SAMPLES[0], **SETTINGS_CLONES["output"]}], {}, keep=True)
    omics_clock.advance(3600)
    result = start_batch().execute(context(try_number=2, max_tries=1))
    assert set(by_sample(result, "batch_id").values()) == {left["id"]}
    assert len(batches(omics)) == 2  # none was started


@pytest.mark.parametrize(
    ("depth", "told"), [(700, "other parameters"), (100_000, "parameters nested too deeply to be read")]
)
def test_a_run_of_a_copied_batch_with_deeply_nested_parameters_is_started_anew(
    depth: int, told: str, start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any, logged: Logged
) -> None:
    start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    operator = start_batch()
    (batch,) = batches(omics)
    (run,) = omics.list_runs_in_batch(batchId=batch["id"], runSettingId="sample_2")["runs"]
    nest_parameters(operator, run["runId"], depth)
    result = operator.execute(context(try_number=2, max_tries=1))
    assert result["counts"]["completed"] == 3
    assert by_sample(result, "batch_id") == {"sample_1": batch["id"], "sample_2": result["id"], "sample_3": batch["id"]}
    assert f"sample_2 has ({told})" in logged()


def test_runs_that_may_not_be_described_are_taken_as_their_batch_says(
    start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any, omics_faults: Any, logged: Logged
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    omics_faults.deny("GetRun")
    result = start_batch().execute(context(try_number=2, max_tries=1))
    assert (result["id"], result["counts"]["completed"]) == (left["id"], 3)
    assert "How run" in logged()
