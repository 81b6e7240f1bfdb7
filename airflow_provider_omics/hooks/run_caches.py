"""Which of the listed run caches is the one: pure functions over the items of ListRunCaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_omics.resources import RUN_CACHE

Item = Mapping[str, Any]


def location_of(cache: Item) -> str:
    """Return the S3 location a cache was created with: its ``cacheS3Uri`` without the cache's UUID and slash."""
    uri: str = cache.get("cacheS3Uri", "")
    return uri.rstrip("/").rpartition("/")[0]


def is_at(cache: Item, cache_s3_location: str) -> bool:
    """Tell whether a cache was created with this S3 location; a trailing slash makes no difference."""
    return location_of(cache) == cache_s3_location.rstrip("/")


def owner_of(cache: Item) -> str | None:
    """Return the account that must own a cache's bucket, 12 digits; None where GetRunCache does not tell.

    AWS sets the account of the cache where its creator named none:
    https://docs.aws.amazon.com/omics/latest/api/API_CreateRunCache.html.
    """
    account = str(cache.get("arn", "")).split(":")[4:5]
    return cache.get("cacheBucketOwnerId") or (account[0] if account and account[0].isdigit() else None)


def sharing(caches: Iterable[Item], cache_s3_uri: str, *, but: str) -> list[Item]:
    """Return the caches whose data lies at a URI, above or below it, folder by folder.

    :param but: the id of a cache that does not count
    """
    place = f"{cache_s3_uri.rstrip('/')}/"
    living = (c for c in caches if c.get("status") != "DELETED" and c.get("id") != but and c.get("cacheS3Uri"))
    others = ((cache, f"{cache['cacheS3Uri'].rstrip('/')}/") for cache in living)
    return [cache for cache, uri in others if uri.startswith(place) or place.startswith(uri)]


def usable(caches: Iterable[Item], name: str) -> list[dict[str, Any]]:
    """Return the ACTIVE caches of this name, oldest first by ``(creationTime, id)``.

    Names are not unique in HealthOmics, and an unnamed cache has no ``name`` at all.
    """
    found = (c for c in caches if c.get("name") == name and c.get("status") in RUN_CACHE.succeeded)
    return sorted((dict(c) for c in found), key=lambda c: (c["creationTime"], c["id"]))
