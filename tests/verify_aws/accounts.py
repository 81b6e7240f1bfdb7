"""An account to verify: its clients, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from airflow_provider_omics.emulator import Store

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Omics"


def client(service: str) -> Any:
    name: Any = service
    return boto3.client(name, region_name=REGION, config=Config(retries={"total_max_attempts": 1}))


def everything(store: Store, bucket: str) -> dict[str, Any]:
    """Return what is in the account now."""
    store.settle()
    region = store.region(ACCOUNT, REGION)
    tables: dict[str, Any] = {
        name: [record.members for record in getattr(region, name) if record.members.get("status") != "DELETED"]
        for name in ("run_caches", "run_groups", "runs", "workflows")
    }
    versions = client("s3").list_object_versions(Bucket=bucket)
    return tables | {"objects": sorted(each["Key"] for each in versions.get("Versions", []))}
