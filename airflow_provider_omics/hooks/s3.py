"""S3 beside HealthOmics: by the same connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.amazon.aws.hooks.s3 import S3Hook

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook


def client(hook: OmicsHook) -> Any:
    """Return boto3's S3 client of the hook's connection, region and configuration."""
    region = hook.conn.meta.region_name
    return S3Hook(hook.aws_conn_id, verify=hook.verify, region_name=region, config=hook._config).get_conn()


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI.

    :raises ValueError: if it is none
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri!r} is not an S3 URI (s3://bucket/key)")
    return parts.netloc, parts.path.strip("/")
