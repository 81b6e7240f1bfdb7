"""boto3 at an emulator that listens, as everybody else meets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from airflow_provider_omics.emulator.server import Server

Client = Callable[..., Any]


def connect(server: Server, service: str = "omics", attempts: int = 1, **options: Any) -> Any:
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": attempts})
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=server.url,
        **{
            "region_name": "us-east-1",
            "aws_access_key_id": "any",
            "aws_secret_access_key": "any",
            "config": config,
            **options,
        },
    )


def scope(service: str) -> str:
    """Return the header Authorization of a request to a service."""
    return f"AWS4-HMAC-SHA256 Credential=any/20260801/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
