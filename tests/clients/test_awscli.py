"""The AWS CLI, which nobody here wrote, drives the emulator with AWS's own samples of requests and answers."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import environment
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store

CLI = Path(__file__).resolve().parents[2] / ".venvs" / "awscli"
ACCOUNT, REGION, WORKFLOW = "123456789012", "us-west-2", "1234567"
"""Those of AWS's samples."""
BUCKETS = ("example-bucket", "omics-artifacts-01d6xmpl4e72dd32")

CACHE = {
    "arn": "arn:aws:omics:us-west-2:123456789012:runCache/1234567",
    "cacheBehavior": "CACHE_ON_FAILURE",
    "cacheS3Uri": "s3://omics-output-us-west-2-123456789012/cache/decbe15f-2b59-88bb-6c6d-2759000b90a1/",
    "creationTime": "2025-06-30T21:29:03.406500+00:00",
    "id": "1234567",
    "status": "ACTIVE",
}
NOT_SHIPPED: Mapping[str, tuple[str, Any]] = {
    "create-run-cache": (
        "aws omics create-run-cache --cache-s3-location s3://example-bucket/cache/",
        {key: CACHE[key] for key in ("arn", "id", "status")} | {"tags": {}},
    ),
    "get-run-cache": ("aws omics get-run-cache --id 1234567", CACHE | {"tags": {}}),
    "list-run-caches": ("aws omics list-run-caches", {"items": [CACHE]}),
    "update-run-cache": ("aws omics update-run-cache --id 1234567 --name updated-cache-name", None),
    "delete-run-cache": ("aws omics delete-run-cache --id 1234567", None),
}
"""Samples that stand in https://github.com/aws/aws-cli under ``awscli/examples/omics``, but not yet in the package."""

LEFT_OUT = {"get-run": ("resourceDigests", "parameters")}
"""Members of samples that are not compared: the emulator reads no inputs of a run that it only simulates, and the
parameters that the sample of get-run shows are not those which the sample of start-run sends."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def examples() -> Path:
    """Return the folder of AWS's samples, in the environment of the CLI's own."""
    found = next(CLI.glob("lib/python3*/site-packages/awscli/examples/omics"), None)
    assert found, f"The AWS CLI is not installed in {CLI}: `make test` does that."
    return found


@pytest.fixture
def emulator() -> Iterator[Server]:
    """Start a HealthOmics with what AWS's samples name."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(frozen=True), neighbours=neighbours)
    store.seed_workflow(ACCOUNT, REGION, WORKFLOW, name="cram-converter")
    with Server(store) as server:
        server.wait()
        for bucket in BUCKETS:
            neighbours.create_bucket(bucket, ACCOUNT, REGION)
        yield server
    neighbours.reset()


class Aws:
    """The command line of AWS, pointed at the emulator."""

    def __init__(self, url: str, examples: Path, folder: Path) -> None:
        self._environment = {**os.environ, **environment(url, REGION)}
        self._examples, self._folder = examples, folder

    def sample(self, operation: str) -> tuple[list[str], Any]:
        """Return the arguments and the answer of AWS's sample of an operation; None: it answers nothing."""
        page = self._examples / f"{operation}.rst"
        if not page.exists():
            command, answer = NOT_SHIPPED[operation]
            return shlex.split(command)[2:], answer
        text = page.read_text()
        literal = [textwrap.dedent(block) for block in re.findall(r"::\n\n((?: {4}.*\n|\n)+)", text)]
        shown = re.search(r"^Output::\n\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)
        for name, block in re.findall(r"`(\S+\.json)` is a JSON document.*::\n\n((?: {4}.*\n|\n)+)", text):
            (self._folder / name).write_text(block)
        without_trailing_commas = re.sub(r",(\s*[\]}])", r"\1", shown[1]) if shown else "null"
        answer = json.loads(without_trailing_commas)
        for member in LEFT_OUT.get(operation, ()):
            del answer[member]
        return shlex.split(literal[0].replace("\\\n", " "))[2:], answer

    def __call__(self, operation: str, *more: str, fails: bool = False, **ids: str) -> Any:
        """Run AWS's sample with ids of this test, and hold the answer against the sample's.

        :param more: arguments that the sample does not have
        :param fails: whether the service is to refuse it; then what the CLI says is returned
        :param ids: values in place of the sample's, by the name of the option
        """
        arguments, expected = self.sample(operation)
        for name, value in ids.items():
            arguments[arguments.index(f"--{name.replace('_', '-')}") + 1] = value
        done = subprocess.run(
            [CLI / "bin" / "aws", "omics", *arguments, *more],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if fails:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout or "null")
        hold(answer, expected, operation)
        return answer


def hold(answer: Any, sample: Any, where: str) -> None:
    """Assert that an answer has the members that a sample shows, in the same types and forms."""
    assert type(answer) is type(sample), where
    if isinstance(sample, dict):
        for name, value in sample.items():
            assert name in answer, f"{where} lacks {name}"
            hold(answer[name], value, f"{where}.{name}")
    elif isinstance(sample, list):
        assert answer, where
        for number, each in enumerate(answer):
            hold(each, sample[0], f"{where}[{number}]")
    elif isinstance(sample, str):
        assert form(answer) == form(sample), where


def form(text: str) -> str:
    """Return a string without what differs from one resource to the next."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", text):
        return "time"
    if text.startswith("arn:aws:iam::"):
        return "arn of IAM"
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"s3://[^/]+", "s3://BUCKET", text)
    # The sample's digest has a prefix that makes it longer than botocore's model allows.
    text = re.sub(r"(sha256:)?\b[0-9a-z]{64}\b", "DIGEST", text)
    text = re.sub(r"\d+", "0", text)
    if text == "0" or ":" in text:
        return text
    return "enum" if re.fullmatch(r"[A-Z_]+", text) else "text"


def test_the_run_cache_operations(emulator: Server, examples: Path, tmp_path: Path) -> None:
    aws = Aws(emulator.url, examples, tmp_path)
    cache = aws("create-run-cache", "--name", "cohort")
    assert aws("get-run-cache", id=cache["id"])["name"] == "cohort"
    aws("update-run-cache", id=cache["id"])
    (listed,) = aws("list-run-caches")["items"]
    assert (listed["id"], listed["name"]) == (cache["id"], "updated-cache-name")
    aws("tag-resource", resource_arn=cache["arn"])
    assert aws("list-tags-for-resource", resource_arn=cache["arn"]) == {"tags": {"department": "analytics"}}
    aws("untag-resource", resource_arn=cache["arn"])

    group = aws("create-run-group")
    aws("get-run-group", id=group["id"])
    run = aws("start-run", "--cache-id", cache["id"], run_group_id=group["id"])
    assert "(ConflictException)" in aws("delete-run-cache", id=cache["id"], fails=True)
    emulator.store.clock.advance(3600)
    described = aws("get-run", id=run["id"])
    assert described["cacheId"] == cache["id"]
    assert described["parameters"] == json.loads((tmp_path / "workflow-inputs.json").read_text())
    task = aws("list-run-tasks", id=run["id"])["items"][-1]
    assert aws("get-run-task", id=run["id"], task_id=task["taskId"])["cacheHit"] is False
    aws("delete-run-cache", id=cache["id"])
    assert "(ResourceNotFoundException)" in aws("get-run-cache", id=cache["id"], fails=True)


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
