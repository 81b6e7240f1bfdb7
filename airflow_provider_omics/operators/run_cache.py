"""Operators on run caches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_omics.exceptions import Conflict, NotFound, OmicsInputError, RunCacheInUse
from airflow_provider_omics.links.omics import RUN_CACHE_LINKS, persist_run_cache_links
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.ensure_run_cache import RunCacheEnsurer
from airflow_provider_omics.operators.ensuring import OmicsEnsuringOperator
from airflow_provider_omics.operators.identity import TaskIdentity, token
from airflow_provider_omics.reports.run_cache import summary
from airflow_provider_omics.resources import RUN_CACHE

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class _RunCacheOperator(OmicsBaseOperator):
    """Tell of a run cache, and link to its data."""

    operator_extra_links = RUN_CACHE_LINKS

    def tell(self, context: Context, cache: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Push the link, and return the result."""
        if self.do_xcom_push and "cacheS3Uri" in cache:
            meta = self.hook.conn.meta
            persist_run_cache_links(context["ti"], meta.region_name, cache["cacheS3Uri"], meta.partition)
        return summary(cache, **more)


class CreateRunCacheOperator(_RunCacheOperator, OmicsEnsuringOperator):
    """Create a run cache, or find the one that the DAG created before.

    A HealthOmics run cache keeps the outputs of completed tasks in S3, so that later runs need not compute them
    again. Names are not unique in HealthOmics; this operator makes them so: of all ACTIVE caches of one name at one
    S3 location the oldest is *the* cache, for every task, retry and worker.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``status``, ``tags``, ``name``,
    ``cache_s3_uri``, ``cache_behavior`` and ``created``. ``tags`` is None where an existing cache was found by the
    list alone, which has none.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-create.html

    :param cache_s3_location: the S3 URI under which the cache keeps its data, in the run's Region (templated)
    :param cache_behavior: ``CACHE_ON_FAILURE`` (AWS's default: save what had completed when a run fails) or
        ``CACHE_ALWAYS``, which AWS advises against in production (templated)
    :param name: 1 to 128 characters; by default ``{dag_id}.{task_id}``, with a digest of the location where the task is
        mapped, and of the DAG run where ``if_exists="create"`` (templated)
    :param description: 1 to 256 characters (templated)
    :param tags: at most 50 (templated)
    :param cache_bucket_owner_id: the account that owns the bucket, 12 digits; by default the caller's (templated)
    :param request_id: the idempotency token, 1 to 128 characters; by default one that all creators of this cache
        share (templated)
    :param if_exists: ``reuse`` (default), ``update`` (bring behaviour, description and tags in line), ``fail``, or
        ``create`` (a new cache for every DAG run, found again by its retries)
    :param drift: ``warn`` (default) or ``error``, where the existing cache has another default behaviour
    """

    operation = "CreateRunCache"
    members = {
        "cache_s3_location": "cacheS3Location",
        "cache_behavior": "cacheBehavior",
        "name": "name",
        "description": "description",
        "tags": "tags",
        "cache_bucket_owner_id": "cacheBucketOwnerId",
        "request_id": "requestId",
    }
    ensurer = RunCacheEnsurer
    identifying = ("name", "cacheS3Location", "cacheBucketOwnerId", "cacheBehavior")
    permissions = ("CreateRunCache", "ListRunCaches", "GetRunCache", "UpdateRunCache", "TagResource")

    def __init__(
        self,
        *,
        cache_s3_location: str,
        cache_behavior: str | None = None,
        name: str | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        cache_bucket_owner_id: str | None = None,
        request_id: str | None = None,
        if_exists: Literal["reuse", "update", "fail", "create"] = "reuse",
        drift: Literal["warn", "error"] = "warn",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cache_s3_location = cache_s3_location
        self.cache_behavior = cache_behavior
        self.name = name
        self.description = description
        self.tags = tags
        self.cache_bucket_owner_id = cache_bucket_owner_id
        self.request_id = request_id
        self.if_exists = if_exists
        self.drift = drift

    def mapped_name(self, task: TaskIdentity) -> str:
        """Return a name for each location: map indices move when the list that is mapped over changes."""
        return task.readable(f".{token(self.cache_s3_location, self.cache_bucket_owner_id)[:8]}")

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Ensure the cache."""
        if request.get("cacheBehavior") == "CACHE_ALWAYS":
            self.log.warning(
                "CACHE_ALWAYS exports the outputs of every task of every run to S3, which takes time and storage; AWS "
                "advises against it in production. CACHE_ON_FAILURE is enough to resume a failed run."
            )
        cache = self.ensure(context, request)
        return self.tell(context, cache, created=cache["created"])


class GetRunCacheOperator(_RunCacheOperator):
    """Describe a run cache.

    The result has the entries of :class:`CreateRunCacheOperator` but ``created``, and ``description``,
    ``creation_time`` (ISO 8601) and ``cache_bucket_owner_id``.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_GetRunCache.html

    :param cache_id: the id of the cache (templated)
    """

    operation = "GetRunCache"
    members = {"cache_id": "id"}
    permissions = ("GetRunCache",)

    def __init__(self, *, cache_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cache_id = cache_id

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Describe the cache."""
        cache = self.hook.call(self.operation, **request)
        return self.tell(
            context,
            cache,
            description=cache.get("description"),
            creation_time=cache["creationTime"],
            cache_bucket_owner_id=cache.get("cacheBucketOwnerId"),
        )


class UpdateRunCacheOperator(_RunCacheOperator):
    """Change the name, the description or the default behaviour of a run cache.

    Its S3 location and owner cannot be changed by anybody. The result is that of :class:`GetRunCacheOperator`'s first
    seven entries.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_UpdateRunCache.html

    :param cache_id: the id of the cache (templated)
    :param cache_behavior: ``CACHE_ON_FAILURE`` or ``CACHE_ALWAYS`` (templated)
    :param name: 1 to 128 characters (templated)
    :param description: 1 to 256 characters (templated)
    """

    operation = "UpdateRunCache"
    members = {"cache_id": "id", "cache_behavior": "cacheBehavior", "name": "name", "description": "description"}
    permissions = ("UpdateRunCache", "GetRunCache")

    def __init__(
        self,
        *,
        cache_id: str,
        cache_behavior: str | None = None,
        name: str | None = None,
        description: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cache_id = cache_id
        self.cache_behavior = cache_behavior
        self.name = name
        self.description = description

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse a request that changes nothing."""
        request = super().request(context)
        if set(request) <= {"id"}:
            raise OmicsInputError("cache_behavior, name or description", "at least one of them must be given.")
        return request

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Change the cache, and describe it."""
        self.hook.call(self.operation, **request)
        return self.tell(context, self.hook.describe(RUN_CACHE, id=request["id"]))


class DeleteRunCacheOperator(OmicsBaseOperator):
    """Delete a run cache, and on request the data it cached.

    HealthOmics itself never deletes cached data, and a deleted cache's data can never be used again. The cache goes
    first, because the service refuses while a run uses it; should the task die in between, a retry goes on where
    ``cache_s3_uri`` is given.

    The result: ``id``, ``deleted`` (whether this task deleted it), ``objects_deleted`` and ``bytes_deleted``.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-delete.html

    :param cache_id: the id of the cache (templated)
    :param missing_ok: take a cache that does not exist for deleted
    :param delete_cached_data: also delete the objects under the cache's ``cacheS3Uri``
    :param cache_s3_uri: that URI, ending in the cache's UUID; by default what GetRunCache says. One at, above or below
        which another cache keeps its data is refused (templated)
    """

    operation = "DeleteRunCache"
    members = {"cache_id": "id"}
    template_fields = ("cache_s3_uri",)
    permissions = ("DeleteRunCache", "GetRunCache", "ListRunCaches", "ListRuns", "GetRun")

    def __init__(
        self,
        *,
        cache_id: str,
        missing_ok: bool = False,
        delete_cached_data: bool = False,
        cache_s3_uri: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cache_id = cache_id
        self.missing_ok = missing_ok
        self.delete_cached_data = delete_cached_data
        self.cache_s3_uri = cache_s3_uri

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the cache, and then its data."""
        from airflow_provider_omics.hooks.cached_data import CachedData

        data = None
        if self.delete_cached_data:
            data = CachedData.of(self.hook, request["id"], self.cache_s3_uri, missing_ok=self.missing_ok)
        deleted = self._delete(request["id"], may_be_gone=self.missing_ok or self.cache_s3_uri is not None)
        objects, size = data.delete() if data else (0, 0)
        return {"id": request["id"], "deleted": deleted, "objects_deleted": objects, "bytes_deleted": size}

    def _delete(self, cache_id: str, *, may_be_gone: bool) -> bool:
        try:
            self.hook.call(self.operation, id=cache_id)
        except NotFound:
            if not may_be_gone:
                raise
            self.log.info("Run cache %s does not exist any more", cache_id)
            return False
        except Conflict as conflict:
            raise self._in_use(cache_id, conflict) from conflict
        self.log.info("Deleted run cache %s", cache_id)
        return True

    def _in_use(self, cache_id: str, conflict: Conflict) -> RunCacheInUse | Conflict:
        runs = self.hook.active_runs_on(cache_id)
        if not runs:
            return conflict
        return RunCacheInUse(
            f"Run cache {cache_id} cannot be deleted while runs use it: {', '.join(runs)}. "
            f"Wait for them or cancel them, and try again. AWS says: {conflict.aws_message}",
            cache_id=cache_id,
            run_ids=runs,
        )
