"""S3 locations in requests."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_omics.emulator.assumptions import refuse
from airflow_provider_omics.emulator.errors import AccessDeniedException, ValidationException
from airflow_provider_omics.emulator.store import Store

_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI.

    :raises ValueError: if it is none.
    """
    found = _URI.fullmatch(uri)
    if not found:
        raise ValueError(f"{uri!r} is not an S3 URI.")
    return found[1], found[2]


def join(uri: str, *parts: str) -> str:
    """Return a location below another, with one slash between them."""
    return "/".join([uri.rstrip("/"), *parts])


def etag(store: Store, uri: Any) -> str | None:
    """Return the ETag of the object at an S3 URI, or None if it is no S3 URI, or there is no such object."""
    if not isinstance(uri, str) or not uri.startswith("s3://"):
        return None
    bucket, key = split(uri)
    return (store.neighbours.etag(bucket, key) or None) if key else None


def check_bucket(
    store: Store,
    member: str,
    uri: str,
    *,
    owner: str | None = None,
    region: str | None = None,
    missing: str = "validation",
) -> None:
    """Refuse a location whose bucket does not exist, belongs to another account or lies in another region.

    AWS documents the rules, not the errors: that a wrong region is a validation error, and a wrong owner an access
    error, as S3 itself answers it (403), are assumptions.

    :param owner: the account that must own the bucket; None: anyone.
    :param region: the region that it must lie in; None: any.
    :param missing: the answer where there is no such bucket, as :mod:`~airflow_provider_omics.emulator.assumptions` has
        them.
    :raises ValidationException: if the bucket is in another region.
    :raises AccessDeniedException: if another account owns it.
    """
    if not store.neighbours.knows_buckets:
        return
    name, _ = split(uri)
    bucket = store.neighbours.bucket(name)
    if bucket is None:
        refuse(missing, f"The bucket {name} of {member} {uri} does not exist.")
        return
    if owner and bucket.account != owner:
        raise AccessDeniedException(f"The bucket {name} of {member} {uri} is not owned by account {owner}.")
    if region and bucket.region != region:
        raise ValidationException(f"The bucket {name} of {member} {uri} is in region {bucket.region}, not in {region}.")
