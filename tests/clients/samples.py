"""AWS's own samples of requests to the AWS CLI and of its answers, and how another answer is held against them."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "123456789012", "us-west-2"
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

LEFT_OUT = {"get-run": ("resourceDigests", "parameters"), "get-workflow": ("statusMessage",)}
"""Members of samples that are not compared: the emulator reads no inputs of a run that it only simulates; the
parameters of the sample of get-run are not those which the sample of start-run sends; a message with an outline of a
workflow that has no errors is documented nowhere else."""
SILENT = {"update-run-group"}
"""Operations whose samples show an answer, while AWS's model has none."""

_BLOCK = r"::\n\n((?: {4}.*\n|\n)+)"


class Samples:
    """The samples.

    :param examples: the folder of those that the AWS CLI ships.
    :param folder: where the files that their requests name are written.
    """

    def __init__(self, examples: Path, folder: Path) -> None:
        self._examples, self._folder = examples, folder

    def __contains__(self, operation: str) -> bool:
        return operation in NOT_SHIPPED or (self._examples / f"{operation}.rst").exists()

    def __getitem__(self, operation: str) -> tuple[list[str], Any]:
        """Return the arguments and the answer of the sample of an operation; None: it answers nothing."""
        page = self._examples / f"{operation}.rst"
        if not page.exists():
            command, answer = NOT_SHIPPED[operation]
            return shlex.split(command)[2:], answer
        text = page.read_text()
        literal = textwrap.dedent(re.findall(_BLOCK, text)[0])
        shown = re.search(rf"^Output{_BLOCK}", text, re.MULTILINE)
        for name, block in re.findall(rf"`([^`\s]+\.json)`+ (?:is a JSON document|defines).*{_BLOCK}", text):
            (self._folder / name).write_text(block)
        if operation in SILENT:
            shown = None
        without_trailing_commas = re.sub(r",(\s*[\]}])", r"\1", shown[1]) if shown else "null"
        answer = json.loads(without_trailing_commas)
        for member in LEFT_OUT.get(operation, ()):
            del answer[member]
        return shlex.split(literal.replace("\\\n", " "))[2:], answer


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
            hold(each, sample[-1], f"{where}[{number}]")
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
