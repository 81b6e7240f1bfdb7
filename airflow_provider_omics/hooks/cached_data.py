"""The objects that a run cache left in S3."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.exceptions import NotFound, OmicsError, OmicsInputError
from airflow_provider_omics.hooks import errors, run_caches, s3
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import RUN_CACHE

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

log = logging.getLogger(__name__)

PAGE = 1000
"""Objects in a page, which are then deleted together: DeleteObjects takes no more."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class CachedData:
    """The data of one cache: everything under its ``cacheS3Uri``.

    :param s3: an S3 client of the same connection
    :param bucket: the bucket
    :param prefix: the key's beginning, ending in the cache's UUID and a slash
    :param owner: the account that must own the bucket; None where the cache is gone, and with it this knowledge
    """

    s3: Any
    bucket: str
    prefix: str
    owner: str | None

    @property
    def uri(self) -> str:
        """The S3 URI of the data."""
        return f"s3://{self.bucket}/{self.prefix}"

    @classmethod
    def of(cls, hook: OmicsHook, cache_id: str, cache_s3_uri: str | None, *, missing_ok: bool) -> CachedData | None:
        """Find the data of a cache, before it is deleted.

        :param cache_s3_uri: where it is, if the cache may be gone already
        :param missing_ok: return None where the cache is gone, and with it the knowledge of where its data is
        :raises OmicsInputError: if the URI does not end in a UUID, which would name more than one cache's data, or if
            another cache keeps its data there
        :raises OmicsServiceError: what AWS answered; without ListRunCaches nobody knows whose data it is
        """
        try:
            cache = hook.describe(RUN_CACHE, id=cache_id)
        except NotFound:
            if cache_s3_uri is None and not missing_ok:
                raise
            if cache_s3_uri is None:
                log.warning("Run cache %s does not exist; give cache_s3_uri to delete what it cached", cache_id)
                return None
            cache = {}
        uri = cache_s3_uri or cache["cacheS3Uri"]
        if cache and uri.rstrip("/") != cache["cacheS3Uri"].rstrip("/"):
            raise OmicsInputError(
                "cache_s3_uri", f"run cache {cache_id} keeps its data at {cache['cacheS3Uri']}, not at {uri}."
            )
        try:
            bucket, prefix = s3.split(uri)
        except ValueError:
            bucket, prefix = "", ""
        if not UUID.fullmatch(prefix.rpartition("/")[2]):
            raise OmicsInputError("cache_s3_uri", f"must be s3://bucket/prefix/UUID-of-the-cache/, not {uri!r}.")
        if others := _others_at(hook, uri, cache_id):
            named = ", ".join(f"{other['id']} ({other['cacheS3Uri']})" for other in others)
            raise OmicsInputError(
                "cache_s3_uri" if cache_s3_uri else "delete_cached_data",
                f"other run caches keep their data at, above or below {uri}: {named}. Nothing was deleted.",
            )
        data = cls(s3.client(hook), bucket, prefix + "/", run_caches.owner_of(cache))
        log.info("Should this task die before the data is deleted, retry it with cache_s3_uri='%s'", one_line(data.uri))
        return data

    def delete(self) -> tuple[int, int]:
        """Delete the objects page by page, and return how many and how many bytes.

        :raises OmicsError: if S3 kept some of them, or does not answer as asked for
        """
        try:
            return self._delete()
        except (BotoCoreError, ClientError) as error:
            raise OmicsError(
                f"The data under {one_line(self.uri)} cannot be deleted: {one_line(error)}. The run cache itself is "
                "deleted. Next: allow s3:ListBucket and s3:DeleteObject there, and retry with "
                f"cache_s3_uri='{one_line(self.uri)}'."
            ) from errors.cleaned(error)

    def _delete(self) -> tuple[int, int]:
        expected = s3.owned_by(self.owner)
        objects = size = 0
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix, PaginationConfig={"PageSize": PAGE}, **expected
        )
        for page in pages:
            found = page.get("Contents", [])
            if not found:
                continue
            doomed = {"Objects": [{"Key": each["Key"]} for each in found], "Quiet": True}
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete=doomed, **expected)
            if kept := answer.get("Errors"):
                first, uri = kept[0], one_line(self.uri)
                raise OmicsError(
                    f"S3 kept {len(kept)} of {len(found)} objects under {uri}, the first of them "
                    f"{one_line(first.get('Key'))}: {first.get('Code')} {one_line(first.get('Message'))}. The run "
                    f"cache itself is deleted; allow s3:DeleteObject there and retry with cache_s3_uri='{uri}'."
                )
            objects += len(found)
            size += sum(each["Size"] for each in found)
        log.info("Deleted %d objects, %d bytes, under %s", objects, size, one_line(self.uri))
        self._say_if_versioned(expected)
        return objects, size

    def _say_if_versioned(self, expected: dict[str, str]) -> None:
        try:
            versioning = self.s3.get_bucket_versioning(Bucket=self.bucket, **expected).get("Status")
        except ClientError as error:
            log.info("Whether bucket %s keeps old versions is unknown: %s", self.bucket, one_line(error))
            return
        if versioning == "Enabled":
            log.warning(
                "Bucket %s is versioned: the objects are hidden, but their bytes stay and are paid for until a "
                "lifecycle rule (NoncurrentVersionExpiration) removes them.",
                self.bucket,
            )


def _others_at(hook: OmicsHook, uri: str, cache_id: str) -> list[run_caches.Item]:
    """Return the other caches whose data lies at a URI, above or below it.

    The list may lag and still have a cache that is deleted, also the one of an earlier try: GetRunCache decides.

    :param cache_id: the cache whose data it is; GetRunCache has described it at this URI, or does not know it any more
    :raises OmicsServiceError: what AWS answered; without ListRunCaches and GetRunCache nobody knows whose data it is
    """
    described: list[run_caches.Item] = []
    for listed in run_caches.sharing(hook.iterate(RUN_CACHE.list), uri, but=cache_id):
        try:
            described.append({**listed, **hook.describe(RUN_CACHE, id=listed["id"])})
        except NotFound:
            hook.log.info("Run cache %s is listed, but deleted", listed["id"])
    return run_caches.sharing(described, uri, but=cache_id)
