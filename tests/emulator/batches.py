"""What the tests of run batches do over and over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_omics.emulator.model import operations
from tests.emulator.wired import Service

needs_batches = pytest.mark.skipif(
    "StartRunBatch" not in operations(), reason="the installed botocore has no run batches; 1.42.74 and later have"
)
needs_versions = pytest.mark.skipif(
    "CreateWorkflowVersion" not in operations(), reason="the installed botocore has no versions of workflows"
)


def needs_status(status: str) -> pytest.MarkDecorator:
    """Skip where the installed botocore has no such status of a batch: what is emulated is today's service."""
    found: Any = operations().get("GetBatch")
    known = found.output.members["status"].enum if found else []
    return pytest.mark.skipif(status not in known, reason=f"the installed botocore has no batches that are {status}")


THREE = [{"runSettingId": f"sample_{n}"} for n in (1, 2, 3)]


def described(service: Service, batch: Mapping[str, Any]) -> Any:
    return service.client.get_batch(batchId=batch["id"])


def counts(service: Service, batch: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a batch that are not zero."""
    found = described(service, batch)
    both = {**found["submissionSummary"], **found["runSummary"]}
    return {name.removesuffix("Count"): count for name, count in both.items() if count}


def runs(service: Service, batch: Mapping[str, Any], **filters: Any) -> dict[str, Any]:
    """Return the runs of a batch by their ``runSettingId``."""
    found = service.client.list_runs_in_batch(batchId=batch["id"], **filters)["runs"]
    return {run["runSettingId"]: run for run in found}


def get_run(service: Service, batch: Mapping[str, Any], setting_id: str) -> Any:
    return service.client.get_run(id=runs(service, batch)[setting_id]["runId"])


def put_settings(service: Service, settings: Any) -> str:
    body = settings if isinstance(settings, bytes) else json.dumps(settings).encode()
    service.memory.put_object("genomes", "settings.json", body)
    return "s3://genomes/settings.json"


def start_from_s3(service: Service, settings: Any) -> Any:
    return service.start_batch(batchRunSettings={"s3UriSettings": put_settings(service, settings)})
