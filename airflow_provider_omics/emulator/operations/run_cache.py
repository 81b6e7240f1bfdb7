"""Run caches: https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html."""

from __future__ import annotations

from uuid import uuid4

from airflow_provider_omics.emulator.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members, RunCache
from airflow_provider_omics.emulator.s3 import check_bucket, join
from airflow_provider_omics.resources import CACHE_BEHAVIORS, RULES, RUN_CACHE


def create_run_cache(call: Call) -> Members:
    """Make a run cache; it is ACTIVE at once."""
    region, location = call.region, call.parameters["cacheS3Location"]
    tags = check_tags(call.parameters.get("tags", {}))
    owner = call.parameters.get("cacheBucketOwnerId", region.account)
    check_bucket(call.store, "cacheS3Location", location, owner=owner, region=region.name)
    quota = int(RULES["run_caches.per_account"].limit)
    if len(region.run_caches) >= quota:
        raise ServiceQuotaExceededException(
            f"Account {region.account} has {quota} run caches in {region.name}, which is the most it can have."
        )
    cache_id, uuid = region.new_id(RUN_CACHE), str(uuid4())
    members = {
        **call.given("name", "description"),
        "id": cache_id,
        "arn": region.arn(RUN_CACHE, id=cache_id),
        "status": "ACTIVE",
        "cacheBehavior": call.parameters.get("cacheBehavior", CACHE_BEHAVIORS[0]),
        "cacheBucketOwnerId": owner,
        "cacheS3Uri": join(location, uuid, ""),
        "creationTime": call.store.creation_time(),
        "tags": tags,
    }
    region.run_caches.add(cache_id, RunCache(members, uuid=uuid))
    region.tagged[members["arn"]] = (region.run_caches, cache_id)
    return members


def get_run_cache(call: Call) -> Members:
    """Describe a run cache."""
    return _find(call).members


def list_run_caches(call: Call) -> Members:
    """List the run caches, the oldest first."""
    return call.page(call.region.run_caches)


def update_run_cache(call: Call) -> Members:
    """Change name, description or default behaviour; the location can never be changed."""
    _find(call)
    call.region.run_caches.change(call.parameters["id"], **call.given("name", "description", "cacheBehavior"))
    return {}


def delete_run_cache(call: Call) -> Members:
    """Delete a run cache that no active run uses; what it saved stays in S3.

    AWS documents neither the error for a cache in use nor what GetRunCache answers afterwards: ConflictException and
    ResourceNotFoundException are assumptions.
    """
    cache = _find(call)
    if cache.active_runs:
        raise ConflictException(
            f"Run cache {call.parameters['id']} is in use by the active runs {', '.join(cache.active_runs)}; "
            "wait for their end, or cancel them."
        )
    call.region.run_caches.remove(call.parameters["id"])
    del call.region.tagged[cache.members["arn"]]
    return {}


def _find(call: Call) -> RunCache:
    cache_id = call.parameters["id"]
    cache = call.region.run_caches.get(cache_id)
    if cache is None:
        raise ResourceNotFoundException(
            f"Account {call.region.account} has no run cache {cache_id} in {call.region.name}."
        )
    return cache
