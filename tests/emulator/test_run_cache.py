"""Run caches: create, describe, list, update, delete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_provider_omics.emulator import Store, handle
from tests.emulator.wired import ACCOUNT, REGION, Service, Wire

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def names(service: Service) -> list[str | None]:
    return [item.get("name") for item in service.client.list_run_caches()["items"]]


def test_create_answers_with_what_the_api_documents(service: Service) -> None:
    answer = service.cache(tags={"team": "exome"})
    del answer["ResponseMetadata"]
    assert re.fullmatch(r"[0-9]{7}", answer["id"])
    assert answer == {
        "arn": f"arn:aws:omics:us-east-1:123456789012:runCache/{answer['id']}",
        "id": answer["id"],
        "status": "ACTIVE",
        "tags": {"team": "exome"},
    }


@pytest.mark.parametrize("location", ["s3://genomes", "s3://genomes/", "s3://genomes/a/b", "s3://genomes/a/b/"])
def test_the_caches_uri_is_its_location_a_uuid_and_a_slash(service: Service, location: str) -> None:
    cache = service.client.get_run_cache(id=service.cache(cacheS3Location=location)["id"])
    assert re.fullmatch(
        re.escape(location.rstrip("/")) + r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/", cache["cacheS3Uri"]
    )


def test_what_is_not_given_is_the_services_default_or_absent(service: Service) -> None:
    cache = service.client.get_run_cache(id=service.cache()["id"])
    assert cache["cacheBehavior"] == "CACHE_ON_FAILURE"
    assert cache["cacheBucketOwnerId"] == ACCOUNT
    assert cache["creationTime"] == NOON
    assert not {"name", "description"} & set(cache)


def test_list_has_only_the_members_of_its_items(service: Service) -> None:
    service.cache(name="a", description="b", tags={"c": "d"})
    (item,) = service.client.list_run_caches()["items"]
    assert set(item) == {"arn", "cacheBehavior", "cacheS3Uri", "creationTime", "id", "name", "status"}


def test_pages_hold_every_cache_once_in_the_order_of_creation(service: Service) -> None:
    expected = [service.cache(name=f"cache {n}")["id"] for n in range(7)]
    pages = list(service.client.get_paginator("list_run_caches").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert [item["id"] for page in pages for item in page["items"]] == expected


def test_a_page_goes_on_after_a_cache_that_is_gone(service: Service) -> None:
    ids = [service.cache()["id"] for _ in range(4)]
    first = service.client.list_run_caches(maxResults=2)
    service.client.delete_run_cache(id=ids[1])
    second = service.client.list_run_caches(maxResults=2, startingToken=first["nextToken"])
    assert [item["id"] for item in second["items"]] == ids[2:]


def test_a_full_last_page_has_no_token(service: Service) -> None:
    service.cache()
    assert "nextToken" not in service.client.list_run_caches(maxResults=1)


@pytest.mark.parametrize("token", ["nonsense", "bm9uc2Vuc2U=", "TGlzdFJ1bnM6Mw=="])
def test_a_token_of_another_list_or_of_none_is_refused(service: Service, token: str) -> None:
    with pytest.raises(service.client.exceptions.ValidationException, match=re.escape(token)):
        service.client.list_run_caches(startingToken=token)


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        ({"cacheS3Location": "s3://missing/x"}, "ValidationException", "bucket missing .* does not exist"),
        ({"cacheS3Location": "s3://elsewhere/x"}, "ValidationException", "bucket elsewhere .* in region eu-west-1"),
        (
            {"cacheS3Location": "s3://theirs/x"},
            "AccessDeniedException",
            f"bucket theirs .* not owned by account {ACCOUNT}",
        ),
        ({"cacheBucketOwnerId": "999999999999"}, "AccessDeniedException", "not owned by account 999999999999"),
    ],
)
def test_create_checks_the_bucket(service: Service, request_: dict[str, str], code: str, reason: str) -> None:
    with pytest.raises(ClientError, match=reason) as caught:
        service.cache(**request_)
    assert caught.value.response["Error"]["Code"] == code
    assert names(service) == []


def test_a_cache_can_lie_in_a_bucket_of_another_account_that_is_named(service: Service) -> None:
    cache_id = service.cache(cacheS3Location="s3://theirs", cacheBucketOwnerId="999999999999")["id"]
    assert service.client.get_run_cache(id=cache_id)["cacheBucketOwnerId"] == "999999999999"


def test_without_neighbours_buckets_are_not_checked(wire: Wire, service: Service) -> None:
    wire.store = Store()
    assert service.cache(cacheS3Location="s3://missing/x")["status"] == "ACTIVE"


def test_update_changes_what_it_is_given_and_nothing_else(service: Service) -> None:
    cache_id = service.cache(name="old", description="kept")["id"]
    before = service.client.get_run_cache(id=cache_id)
    service.client.update_run_cache(id=cache_id, name="new", cacheBehavior="CACHE_ALWAYS")
    after = service.client.get_run_cache(id=cache_id)
    changed = {key for key in before if key != "ResponseMetadata" and before[key] != after[key]}
    assert changed == {"name", "cacheBehavior"}
    assert (after["name"], after["cacheBehavior"]) == ("new", "CACHE_ALWAYS")


@pytest.mark.parametrize("call", ["get_run_cache", "update_run_cache", "delete_run_cache"])
def test_a_deleted_cache_is_not_found(service: Service, call: str) -> None:
    cache_id = service.cache()["id"]
    service.client.delete_run_cache(id=cache_id)
    assert names(service) == []
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match=f"no run cache {cache_id}"):
        getattr(service.client, call)(id=cache_id)


def test_a_cache_in_use_is_not_deleted_and_the_error_names_the_runs(service: Service) -> None:
    cache_id = service.cache()["id"]
    runs = [service.start(cacheId=cache_id)["id"] for _ in range(2)]
    with pytest.raises(service.client.exceptions.ConflictException, match=", ".join(runs)):
        service.client.delete_run_cache(id=cache_id)
    service.clock.advance(3600)
    service.client.delete_run_cache(id=cache_id)


def test_the_1001st_cache_is_over_the_quota_of_its_account_and_region(service: Service, wire: Wire) -> None:
    def create(n: int, account: str = ACCOUNT) -> int:
        body = b'{"cacheS3Location": "s3://genomes", "cacheBucketOwnerId": "%s", "requestId": "%d"}'
        sent = body % (ACCOUNT.encode(), n)
        return handle(service.store, "POST", "/runCache", "", {}, sent, account=account, region=REGION).status

    assert {create(n) for n in range(1000)} == {201}
    with pytest.raises(service.client.exceptions.ServiceQuotaExceededException) as caught:
        service.cache()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert create(0, account="999999999999") == 201


def test_accounts_and_regions_are_kept_apart(service: Service, wire: Wire) -> None:
    cache_id = service.cache()["id"]
    elsewhere: Any = wire.client(region="eu-west-1")
    assert elsewhere.list_run_caches()["items"] == []
    elsewhere.create_run_cache(cacheS3Location="s3://elsewhere")
    other = handle(service.store, "GET", "/runCache", "", {"X-Moto-Account-Id": "999999999999"}, b"")
    assert other.body == b'{"items":[]}'
    assert [item["id"] for item in service.client.list_run_caches()["items"]] == [cache_id]


def test_a_status_that_no_request_leads_to_can_be_set(service: Service) -> None:
    cache_id = service.cache()["id"]
    service.store.set_run_cache_status(ACCOUNT, REGION, cache_id, "FAILED")
    assert service.client.get_run_cache(id=cache_id)["status"] == "FAILED"
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="FAILED"):
        service.start(cacheId=cache_id)
    with pytest.raises(LookupError, match="7777777"):
        service.store.set_run_cache_status(ACCOUNT, REGION, "7777777", "FAILED")
    with pytest.raises(ValueError, match="BROKEN"):
        service.store.set_run_cache_status(ACCOUNT, REGION, cache_id, "BROKEN")
