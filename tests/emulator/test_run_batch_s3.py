"""A run batch over HTTP, with its settings in the emulated S3; a client may be older than some statuses."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config

from airflow_provider_omics.emulator import Clock
from airflow_provider_omics.emulator.server import Server
from tests.emulator.batches import THREE, needs_batches
from tests.emulator.wired import ACCOUNT, REGION, ROLE, WORKFLOW


@needs_batches
def test_settings_are_read_from_the_s3_that_clients_meet(
    omics_emulator: Server, omics_bucket: str, omics_clock: Clock
) -> None:
    known: dict[str, Any] = {
        "endpoint_url": omics_emulator.url,
        "region_name": REGION,
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "secret",
    }
    s3: Any = boto3.client("s3", **known)
    omics: Any = boto3.client("omics", config=Config(inject_host_prefix=False), **known)
    s3.put_object(Bucket=omics_bucket, Key="settings.json", Body=json.dumps(THREE).encode())
    omics_emulator.store.seed_workflow(ACCOUNT, REGION, WORKFLOW, "cohort")
    batch = omics.start_run_batch(
        defaultRunSetting={"workflowId": WORKFLOW, "roleArn": ROLE, "outputUri": f"s3://{omics_bucket}/out"},
        batchRunSettings={"s3UriSettings": f"s3://{omics_bucket}/settings.json"},
    )
    omics_clock.advance(3600)
    found = omics.get_batch(batchId=batch["id"])
    assert (found["status"], found["runSummary"]["completedRunCount"]) == ("PROCESSED", 3)
