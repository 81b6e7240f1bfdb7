"""DeleteRunCacheOperator: the cache, the runs on it, and what it left in S3."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks import cached_data
from airflow_provider_omics.operators.run_cache import DeleteRunCacheOperator
from tests.conftest import ContextMaker, Logged

pytestmark = pytest.mark.matrix

UUID = "0f4b0b6c-6f3e-4d43-9f0a-7d3f5b1c2a10"


@pytest.fixture
def s3(omics_connection: str) -> Any:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook().get_conn()


@pytest.fixture
def cache(omics: Any, omics_bucket: str) -> Any:
    made = omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache", cacheBehavior="CACHE_ALWAYS")
    return omics.get_run_cache(id=made["id"])


@pytest.fixture
def run(omics: Any, omics_emulator: Any, omics_bucket: str, cache: Any) -> str:
    """Start a run on the cache."""
    omics_emulator.store.seed_workflow("123456789012", "us-east-1", "1234567", name="w")
    role, output = "arn:aws:iam::123456789012:role/r", f"s3://{omics_bucket}/runs"
    started = omics.start_run(workflowId="1234567", roleArn=role, outputUri=output, cacheId=cache["id"])
    return str(started["id"])


def delete(cache_id: str, **arguments: Any) -> DeleteRunCacheOperator:
    return DeleteRunCacheOperator(task_id="delete", cache_id=cache_id, **arguments)


def keys(s3: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_the_cache_alone(cache: Any, context: ContextMaker, omics: Any) -> None:
    result = delete(cache["id"]).execute(context())
    assert result == {"id": cache["id"], "deleted": True, "objects_deleted": 0, "bytes_deleted": 0}
    with pytest.raises(errors.NotFound):
        delete(cache["id"]).execute(context())


@pytest.mark.parametrize("delete_cached_data", [False, True])
def test_missing_ok(delete_cached_data: bool, omics_connection: str, context: ContextMaker) -> None:
    result = delete("7", missing_ok=True, delete_cached_data=delete_cached_data).execute(context())
    assert result == {"id": "7", "deleted": False, "objects_deleted": 0, "bytes_deleted": 0}


def test_a_cache_in_use_names_the_runs(cache: Any, run: str, omics_clock: Any, context: ContextMaker) -> None:
    with pytest.raises(errors.RunCacheInUse, match=f"while runs use it: {run}. Wait for them or cancel them") as caught:
        delete(cache["id"]).execute(context())
    assert (caught.value.cache_id, caught.value.run_ids) == (cache["id"], (run,))


def test_the_data_goes_after_the_cache(
    cache: Any,
    run: str,
    s3: Any,
    omics_bucket: str,
    omics_clock: Any,
    omics: Any,
    context: ContextMaker,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cached_data, "PAGE", 10)
    omics_clock.advance(3600)
    assert omics.get_run(id=run)["status"] == "COMPLETED"
    prefix = cache["cacheS3Uri"].removeprefix(f"s3://{omics_bucket}/")
    for number in range(25):
        s3.put_object(Bucket=omics_bucket, Key=f"{prefix}more/{number}", Body=b"12345")
    s3.put_object(Bucket=omics_bucket, Key="cache/another-cache/data", Body=b"stays")
    before = keys(s3, omics_bucket)
    cached = [key for key in before if key.startswith(prefix)]
    assert any(key.endswith(".json") for key in cached), "the run cached nothing"
    result = delete(cache["id"], delete_cached_data=True).execute(context())
    assert result["deleted"]
    assert result["objects_deleted"] > 25
    assert result["bytes_deleted"] > 5 * 25
    left = keys(s3, omics_bucket)
    assert "cache/another-cache/data" in left
    assert not [key for key in left if key.startswith(prefix)]
    assert f"{result['objects_deleted']} objects, {result['bytes_deleted']} bytes" in logged()


def test_a_crash_in_between_is_made_good_by_the_uri(
    cache: Any, s3: Any, omics_bucket: str, omics: Any, context: ContextMaker, logged: Logged
) -> None:
    uri = cache["cacheS3Uri"]
    s3.put_object(Bucket=omics_bucket, Key=uri.removeprefix(f"s3://{omics_bucket}/") + "entry", Body=b"1")
    omics.delete_run_cache(id=cache["id"])
    with pytest.raises(errors.NotFound):
        delete(cache["id"], delete_cached_data=True).execute(context())
    result = delete(cache["id"], delete_cached_data=True, cache_s3_uri=uri).execute(context())
    assert (result["deleted"], result["objects_deleted"], result["bytes_deleted"]) == (False, 1, 1)
    assert f"cache_s3_uri='{uri}'" in logged()


@pytest.mark.parametrize("deleted_cache", ["gone", "described", "listed"])
def test_a_list_that_lags_does_not_keep_a_retry_from_the_data(
    deleted_cache: str,
    cache: Any,
    s3: Any,
    omics_bucket: str,
    omics: Any,
    context: ContextMaker,
    omics_faults: Any,
    omics_clock: Any,
) -> None:
    """A deleted cache above the data is still listed, too."""
    omics_faults.deleted_cache, omics_faults.list_lag = deleted_cache, 30
    above = omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/lab", requestId="above")["id"]
    location = f"{omics.get_run_cache(id=above)['cacheS3Uri']}inner"
    inner = omics.get_run_cache(id=omics.create_run_cache(cacheS3Location=location, requestId="inner")["id"])
    omics_clock.advance(60)
    for doomed in (above, inner["id"]):
        omics.delete_run_cache(id=doomed)
    listed = {each["id"]: each["status"] for each in omics.list_run_caches()["items"]}
    assert listed[above] == listed[inner["id"]] == "ACTIVE"
    uri = inner["cacheS3Uri"]
    s3.put_object(Bucket=omics_bucket, Key=uri.removeprefix(f"s3://{omics_bucket}/") + "entry", Body=b"1")
    result = delete(inner["id"], delete_cached_data=True, cache_s3_uri=uri).execute(context())
    assert result["objects_deleted"] == 1


@pytest.mark.parametrize("uri", ["s3://bucket/cache/", "s3://bucket/", "https://bucket/x", f"s3://bucket/{UUID}/run/"])
def test_a_prefix_that_does_not_end_in_a_uuid_is_refused(
    uri: str, omics_connection: str, context: ContextMaker
) -> None:
    with pytest.raises(errors.OmicsInputError, match="UUID-of-the-cache"):
        delete("7", delete_cached_data=True, cache_s3_uri=uri).execute(context())


def test_a_uri_of_another_cache_is_refused(cache: Any, context: ContextMaker, omics: Any) -> None:
    with pytest.raises(errors.OmicsInputError, match=f"keeps its data at {cache['cacheS3Uri']}"):
        delete(cache["id"], delete_cached_data=True, cache_s3_uri=f"s3://bucket/{UUID}/").execute(context())
    assert omics.get_run_cache(id=cache["id"])["status"] == "ACTIVE"


def test_the_data_of_a_living_cache_is_not_deleted_for_one_that_is_gone(
    cache: Any, s3: Any, omics_bucket: str, omics: Any, context: ContextMaker
) -> None:
    gone = omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache", requestId="gone")["id"]
    omics.delete_run_cache(id=gone)
    key = cache["cacheS3Uri"].removeprefix(f"s3://{omics_bucket}/") + "entry"
    s3.put_object(Bucket=omics_bucket, Key=key, Body=b"1")
    for uri in (cache["cacheS3Uri"], cache["cacheS3Uri"].rstrip("/")):
        operator = delete(gone, delete_cached_data=True, cache_s3_uri=uri)
        with pytest.raises(errors.OmicsInputError, match=f"^cache_s3_uri: other run caches keep .*: {cache['id']}"):
            operator.execute(context())
    assert key in keys(s3, omics_bucket)


@pytest.mark.parametrize("which", ["above", "below"])
@pytest.mark.parametrize("gone", [False, True])
def test_the_data_of_a_cache_that_lies_in_another_one_s_is_not_deleted(
    gone: bool, which: str, cache: Any, omics: Any, context: ContextMaker
) -> None:
    location = f"{cache['cacheS3Uri']}inner"
    inner = omics.get_run_cache(id=omics.create_run_cache(cacheS3Location=location, requestId="inner")["id"])
    doomed, other = (cache, inner) if which == "above" else (inner, cache)
    if gone:
        omics.delete_run_cache(id=doomed["id"])
    uri = doomed["cacheS3Uri"] if gone else None
    with pytest.raises(errors.OmicsInputError, match=f"other run caches keep .*: {other['id']}"):
        delete(doomed["id"], delete_cached_data=True, cache_s3_uri=uri).execute(context())
    assert omics.get_run_cache(id=other["id"])["status"] == "ACTIVE"
    assert gone or omics.get_run_cache(id=doomed["id"])["status"] == "ACTIVE"


def test_without_the_list_of_caches_nothing_is_deleted(
    cache: Any, omics: Any, context: ContextMaker, omics_faults: Any
) -> None:
    omics_faults.deny("ListRunCaches")
    with pytest.raises(errors.AccessDenied, match="ListRunCaches"):
        delete(cache["id"], delete_cached_data=True).execute(context())
    assert omics.get_run_cache(id=cache["id"])["status"] == "ACTIVE"


def test_a_versioned_bucket_keeps_the_bytes(
    cache: Any, s3: Any, omics_bucket: str, context: ContextMaker, logged: Logged
) -> None:
    s3.put_bucket_versioning(Bucket=omics_bucket, VersioningConfiguration={"Status": "Enabled"})
    delete(cache["id"], delete_cached_data=True).execute(context())
    assert "is versioned: the objects are hidden, but their bytes stay" in logged()
