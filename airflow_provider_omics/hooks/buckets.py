"""Whether an S3 bucket exists, and in which Region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from airflow_provider_omics.hooks import s3

if TYPE_CHECKING:
    from botocore.config import Config

    from airflow_provider_omics.hooks.omics import OmicsHook


def client(hook: OmicsHook, config: Config) -> Any:
    """Return an S3 client of the hook's own session, so that making it calls nobody, with another configuration."""
    return hook.get_session(region_name=hook.region_name).client(
        "s3", endpoint_url=hook.conn_config.get_service_endpoint_url("s3"), config=config, verify=hook.verify
    )


def region_of(client: Any, bucket: str, owner: str | None = None) -> str | None:
    """Return the Region of a bucket by HeadBucket; None means that there is no such bucket.

    S3 tells the Region also to whom it forbids the bucket (403), or who asks in another Region (301, 400):
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html.

    :param client: one of :func:`client`
    :param owner: the account that must own the bucket, 12 digits; None where nobody says it
    :raises ClientError: an error that does not tell the Region
    :raises LookupError: if S3, or what stands in its place, answers without the Region
    """
    try:
        metadata = client.head_bucket(Bucket=bucket, **s3.owned_by(owner))["ResponseMetadata"]
    except ClientError as error:
        metadata = error.response.get("ResponseMetadata", {})
        if metadata.get("HTTPStatusCode") == 404:
            return None
        if "x-amz-bucket-region" not in metadata.get("HTTPHeaders", {}):
            raise
    region: str | None = metadata["HTTPHeaders"].get("x-amz-bucket-region")
    if region is None:
        raise LookupError(f"the answer of {client.meta.endpoint_url} does not tell the Region of bucket {bucket}")
    return region
