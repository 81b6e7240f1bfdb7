"""Run caches: https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html."""

from __future__ import annotations

from uuid import uuid4

from airflow_provider_omics.emulator.assumptions import refuse
from airflow_provider_omics.emulator.errors import ResourceNotFoundException, ServiceQuotaExceededException
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
    check_bucket(
        call.store,
        "cacheS3Location",
        location,
        owner=owner,
        region=region.name,
        missing=call.store.faults.missing_bucket,
    )
    _check_name(call, call.parameters.get("name"))
    quota = int(RULES["run_caches.per_account"].limit)
    if sum(cache.status != "DELETED" for cache in region.run_caches) >= quota:
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
    return _find(call, deleted=call.store.faults.deleted_cache != "gone").members


def list_run_caches(call: Call) -> Members:
    """List the run caches, the oldest first."""
    shown = RUN_CACHE.statuses - (set() if call.store.faults.deleted_cache == "listed" else {"DELETED"})
    return call.page(call.region.run_caches, where=lambda members: members["status"] in shown)


def update_run_cache(call: Call) -> Members:
    """Change name, description or default behaviour; the location can never be changed."""
    cache, name = _find(call), call.parameters.get("name")
    if name != cache.members.get("name"):
        _check_name(call, name)
    call.region.run_caches.change(call.parameters["id"], **call.given("name", "description", "cacheBehavior"))
    return {}


def delete_run_cache(call: Call) -> Members:
    """Delete a run cache; what it saved stays in S3."""
    cache, cache_id, region = _find(call, deleted=True), call.parameters["id"], call.region
    if cache.status == "DELETED":
        refuse(
            call.store.faults.delete_again,
            f"Account {region.account} has no run cache {cache_id} in {region.name}; it was deleted.",
        )
        return {}
    if cache.active_runs:
        refuse(
            call.store.faults.cache_in_use,
            f"Run cache {cache_id} is in use by the active runs {', '.join(cache.active_runs)}; "
            "wait for their end, or cancel them.",
        )
    region.run_caches.change(cache_id, status="DELETED")
    del region.tagged[cache.members["arn"]]
    return {}


def _check_name(call: Call, name: str | None) -> None:
    answer = call.store.faults.duplicate_cache_name
    if name is None or answer == "accepted":
        return
    known = (cache.members for cache in call.region.run_caches if cache.status != "DELETED")
    if any(members.get("name") == name for members in known):
        refuse(answer, f"Account {call.region.account} has a run cache {name!r} in {call.region.name} already.")


def _find(call: Call, *, deleted: bool = False) -> RunCache:
    """Return the run cache that a call names.

    :param deleted: one that is deleted will do.
    """
    cache_id = call.parameters["id"]
    cache = call.region.run_caches.get(cache_id)
    if cache is None or (cache.status == "DELETED" and not deleted):
        raise ResourceNotFoundException(
            f"Account {call.region.account} has no run cache {cache_id} in {call.region.name}."
        )
    return cache
