"""The AWS CLI, which nobody here wrote, calls every emulated operation, by AWS's own samples if there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.operations import HANDLERS
from airflow_provider_omics.emulator.server import Server
from tests.archives import archive
from tests.clients.program import Program, scripts
from tests.clients.samples import CACHE, Samples, hold

pytestmark = pytest.mark.slow

WORKFLOW = """version 1.0
workflow cram_converter {
  input { File ref_fasta File ref_fasta_index File ref_dict File input_cram String sample_name }
}"""
"""A workflow with the parameters of AWS's samples."""
ROLE, OUTPUT = "arn:aws:iam::123456789012:role/omics", "s3://example-bucket/runs"


class Aws:
    """The command line of AWS, pointed at the emulator."""

    def __init__(self, program: Program, samples: Samples) -> None:
        self._program, self._samples = program, samples
        self.succeeded: set[str] = set()

    def __call__(self, operation: str, *more: str, **ids: str) -> Any:
        """Run AWS's sample with ids of this test, and hold the answer against the sample's.

        :param more: arguments that the sample does not have
        :param ids: values in place of the sample's, by the name of the option
        """
        arguments, expected = self._samples[operation]
        for name, value in ids.items():
            arguments[arguments.index(f"--{name.replace('_', '-')}") + 1] = value
        answer = self.run(*arguments, *more)
        hold(answer, expected, operation)
        return answer

    def run(self, *arguments: str) -> Any:
        """Return the answer to a command of ours."""
        done = self._run(*arguments)
        assert done["status"] == 0, done["err"]
        self.succeeded.add(arguments[0])
        return json.loads(done["out"] or "null")

    def refuses(self, *arguments: str) -> str:
        """Return what the CLI says of a command that the service refuses."""
        done = self._run(*arguments)
        assert done["status"] != 0, done["out"]
        return str(done["err"])

    def _run(self, *arguments: str) -> Any:
        return self._program.ask(arguments=["omics", *arguments])


@pytest.fixture
def aws(emulator: Server, tmp_path: Path) -> Iterator[Aws]:
    examples = next(scripts("awscli").parent.glob("lib/python3*/site-packages/awscli/examples/omics"))
    (tmp_path / "workflow-crambam.zip").write_bytes(archive(WORKFLOW))
    with Program("awscli", emulator.url, tmp_path) as program:
        yield Aws(program, Samples(examples, tmp_path))


def test_every_emulated_operation(aws: Aws, clock: Clock, tmp_path: Path) -> None:
    workflow_id = make_workflow(aws, clock)
    cache = make_cache(aws)
    group_id = make_group(aws)
    run = aws("start-run", "--cache-id", cache["id"], workflow_id=workflow_id, run_group_id=group_id)
    assert "(ConflictException)" in aws.refuses("delete-run-cache", "--id", cache["id"])
    clock.advance(3600)
    described = aws("get-run", id=run["id"])
    assert described["cacheId"] == cache["id"]
    assert described["parameters"] == json.loads((tmp_path / "workflow-inputs.json").read_text())
    tasks = aws("list-run-tasks", id=run["id"])["items"]
    assert aws("get-run-task", id=run["id"], task_id=tasks[-1]["taskId"])["cacheHit"] is False
    aws("list-runs")
    aws("cancel-run", id=aws("start-run", workflow_id=workflow_id, run_group_id=group_id)["id"])
    start_batches(aws, clock, workflow_id)
    aws("delete-run", id=run["id"])
    aws("delete-run-cache", id=cache["id"])
    assert "(ResourceNotFoundException)" in aws.refuses("get-run-cache", "--id", cache["id"])
    clock.advance(3600)
    aws("delete-run-group", id=group_id)
    aws.run("delete-workflow-version", "--workflow-id", workflow_id, "--version-name", "v1")
    aws("delete-workflow", id=workflow_id)
    assert aws.succeeded == {xform_name(name, "-") for name in HANDLERS}


def make_workflow(aws: Aws, clock: Clock) -> str:
    workflow_id: str = aws("create-workflow")["id"]
    clock.advance(5)
    assert aws("get-workflow", id=workflow_id)["status"] == "ACTIVE"
    which = ("--workflow-id", workflow_id, "--version-name", "v1")
    aws.run("create-workflow-version", *which, "--definition-zip", "fileb://workflow-crambam.zip")
    clock.advance(5)
    aws.run("update-workflow-version", *which, "--description", "The first one, déjà vu")
    version = aws.run("get-workflow-version", *which)
    assert (version["status"], version["description"]) == ("ACTIVE", "The first one, déjà vu")
    (listed,) = aws.run("list-workflow-versions", "--workflow-id", workflow_id)["items"]
    assert listed["versionName"] == "v1"
    aws("list-workflows")
    aws("update-workflow", id=workflow_id)
    return workflow_id


def make_cache(aws: Aws) -> Any:
    cache = aws("create-run-cache", "--name", "cohort")
    assert aws("get-run-cache", id=cache["id"])["name"] == "cohort"
    aws("update-run-cache", id=cache["id"])
    (listed,) = aws("list-run-caches")["items"]
    assert (listed["id"], listed["name"]) == (cache["id"], "updated-cache-name")
    aws("tag-resource", resource_arn=cache["arn"])
    assert aws("list-tags-for-resource", resource_arn=cache["arn"]) == {"tags": {"department": "analytics"}}
    aws("untag-resource", resource_arn=cache["arn"])
    assert aws.run("list-tags-for-resource", "--resource-arn", cache["arn"]) == {"tags": {}}
    return cache


def make_group(aws: Aws) -> str:
    group_id: str = aws("create-run-group")["id"]
    aws("get-run-group", id=group_id)
    aws("list-run-groups")
    aws("update-run-group", id=group_id)
    return group_id


def start_batches(aws: Aws, clock: Clock, workflow_id: str) -> None:
    shared = f"workflowId={workflow_id},roleArn={ROLE},outputUri={OUTPUT}"
    settings = "inlineSettings=[{runSettingId=a,priority=1},{runSettingId=b}]"
    request = ("start-run-batch", "--default-run-setting", shared, "--batch-run-settings", settings)
    cancelled, processed = (aws.run(*request, "--batch-name", name)["id"] for name in ("first", "second"))
    clock.advance(5)
    aws.run("cancel-run-batch", "--batch-id", cancelled)
    clock.advance(3600)
    assert {item["status"] for item in aws.run("list-batch")["items"]} == {"CANCELLED", "PROCESSED"}
    runs = aws.run("list-runs-in-batch", "--batch-id", processed)["runs"]
    assert [run["runSettingId"] for run in runs] == ["a", "b"]
    aws.run("delete-run-batch", "--batch-id", processed)
    clock.advance(60)
    assert aws.run("get-batch", "--batch-id", processed)["status"] == "RUNS_DELETED"
    aws.run("delete-batch", "--batch-id", processed)


def test_the_samples_tell_right_from_wrong() -> None:
    hold({"items": [CACHE | {"id": "7"}]}, {"items": [CACHE]}, "list-run-caches")
    wrong = {
        "id": "cache-7",
        "arn": "arn:aws:omics:us-west-2:123456789012:run/7",
        "cacheS3Uri": "s3://bucket/cache/",
        "creationTime": "yesterday",
        "status": "active",
    }
    for name, value in wrong.items():
        with pytest.raises(AssertionError, match=name):
            hold(CACHE | {name: value}, CACHE, "get-run-cache")
    with pytest.raises(AssertionError, match="lacks status"):
        hold({name: value for name, value in CACHE.items() if name != "status"}, CACHE, "get-run-cache")
