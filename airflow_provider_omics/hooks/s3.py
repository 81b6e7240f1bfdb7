"""S3 beside HealthOmics: by the same connection."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from airflow_provider_omics.hooks.schema import shortened
from airflow_provider_omics.limits import TooLarge

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook


def client(hook: OmicsHook) -> Any:
    """Return boto3's S3 client of the hook's connection, region and configuration."""
    region = hook.conn.meta.region_name
    return S3Hook(hook.aws_conn_id, verify=hook.verify, region_name=region, config=hook._config).get_conn()


def owned_by(account: str | None) -> dict[str, str]:
    """Return the member with which S3 refuses a bucket of another account (403); nothing where no owner is known.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html.

    :param account: 12 digits
    """
    return {"ExpectedBucketOwner": account} if account else {}


def read(client: Any, limit: int, **members: Any) -> tuple[bytes, dict[str, Any]]:
    """Return the content of an object, read no further than a limit, and the answer of GetObject.

    :param limit: the bytes that it may have: one of :mod:`airflow_provider_omics.limits`
    :param members: of GetObject
    :raises TooLarge: if it has more
    :raises BotoCoreError: if S3 does not answer
    :raises ClientError: if S3 refuses
    """
    answer: dict[str, Any] = client.get_object(**members)
    with closing(answer["Body"]) as body:
        content: bytes = body.read(limit + 1)
    if len(content) > limit:
        raise TooLarge(limit)
    return content, answer


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI.

    :raises ValueError: if it is none
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")  # in a key, ? and # are characters like any other
    if scheme != "s3" or not bucket:
        raise ValueError(f"{_described(uri)} is not an S3 URI (s3://bucket/key)")
    return bucket, key.strip("/")


def _described(text: str) -> str:
    """Return what stands where a URI should: not all of it, and nothing of what seems to be the data of samples."""
    if text.lstrip().startswith(("[", "{")):
        return "text that looks like a list or dict which a template rendered (a task's .output, an XComArg, keeps it)"
    return shortened(text)
