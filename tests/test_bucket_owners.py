"""S3 is told which account must own a bucket, wherever that is known, and never a guess.

moto checks no owner, so that the calls themselves are looked at; what S3 does with an owner is AWS's:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html.
"""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics.emulator.pytest_plugin import BUCKET
from airflow_provider_omics.hooks import run_caches, s3
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators.run_cache import DeleteRunCacheOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator
from airflow_provider_omics.operators.workflow_version import CreateWorkflowVersionOperator
from tests.archives import archive
from tests.conftest import ContextMaker
from tests.emulator.batches import needs_batches, needs_versions
from tests.recorded import Call, recorded
from tests.samples import SAMPLES

pytestmark = pytest.mark.usefixtures("quick_waits")

OURS, THEIRS = "123456789012", "999988887777"


def owners(calls: list[Call], bucket: str | None = None) -> dict[str, set[str | None]]:
    """Return the owners that were sent with each operation of S3."""
    found: dict[str, set[str | None]] = {}
    for call in calls:
        if call.service == "s3" and bucket in (None, call.members["Bucket"]):
            found.setdefault(call.operation, set()).add(call.members.get("ExpectedBucketOwner"))
    return found


@pytest.fixture
def their_bucket(omics_emulator: Any, omics_connection: str) -> str:
    """Make a bucket of another account."""
    omics_emulator.store.neighbours.create_bucket("theirs", THEIRS, "us-east-1")
    return "theirs"


@pytest.mark.parametrize("owner", [OURS, THEIRS])
def test_cached_data_is_deleted_in_the_bucket_of_the_cache_s_owner_only(
    owner: str, omics: Any, omics_bucket: str, their_bucket: str, context: ContextMaker
) -> None:
    bucket = omics_bucket if owner == OURS else their_bucket
    given = {} if owner == OURS else {"cacheBucketOwnerId": THEIRS}
    cache = omics.get_run_cache(id=omics.create_run_cache(cacheS3Location=f"s3://{bucket}/cache", **given)["id"])
    key = cache["cacheS3Uri"].removeprefix(f"s3://{bucket}/") + "entry"
    s3.client(OmicsHook()).put_object(Bucket=bucket, Key=key, Body=b"1")
    with recorded() as calls:
        result = DeleteRunCacheOperator(task_id="d", cache_id=cache["id"], delete_cached_data=True).execute(context())
    assert result["objects_deleted"] == 1
    assert owners(calls) == {name: {owner} for name in ("ListObjectsV2", "DeleteObjects", "GetBucketVersioning")}


def test_of_a_cache_that_is_gone_no_owner_is_guessed(omics: Any, their_bucket: str, context: ContextMaker) -> None:
    made = omics.create_run_cache(cacheS3Location=f"s3://{their_bucket}/cache", cacheBucketOwnerId=THEIRS)["id"]
    uri = omics.get_run_cache(id=made)["cacheS3Uri"]
    omics.delete_run_cache(id=made)
    operator = DeleteRunCacheOperator(task_id="d", cache_id=made, delete_cached_data=True, cache_s3_uri=uri)
    with recorded() as calls:
        operator.execute(context())
    assert owners(calls) == {name: {None} for name in ("ListObjectsV2", "GetBucketVersioning")}


@pytest.mark.parametrize(
    ("described", "owner"),
    [
        ({"arn": f"arn:aws:omics:us-east-1:{OURS}:runCache/1"}, OURS),
        ({"arn": f"arn:aws:omics:us-east-1:{OURS}:runCache/1", "cacheBucketOwnerId": THEIRS}, THEIRS),
        ({"arn": "runCache/1"}, None),
        ({}, None),
    ],
)
def test_the_owner_of_a_cache_s_bucket(described: dict[str, Any], owner: str | None) -> None:
    assert run_caches.owner_of(described) == owner


def test_preflight_looks_at_the_cache_s_bucket_as_its_owner_s(
    start: Any, omics: Any, their_bucket: str, omics_bucket: str, context: ContextMaker
) -> None:
    cache = omics.create_run_cache(cacheS3Location=f"s3://{their_bucket}/cache", cacheBucketOwnerId=THEIRS)["id"]
    with recorded() as calls:
        start(cache_id=cache, wait_for_completion=False).execute(context())
    assert owners(calls, their_bucket) == {"HeadBucket": {THEIRS}}
    assert owners(calls, omics_bucket) == {"HeadBucket": {None}}  # of the outputs nobody says it


@needs_versions
@pytest.mark.parametrize("owner", [None, OURS])
def test_a_definition_is_read_from_the_bucket_of_the_owner_that_the_request_names(
    owner: str | None, workflow_id: str, omics_bucket: str, omics_connection: str, context: ContextMaker
) -> None:
    s3.client(OmicsHook()).put_object(Bucket=omics_bucket, Key="w.zip", Body=archive(name="main.nf"))
    operator = CreateWorkflowVersionOperator(
        task_id="v",
        workflow_id=workflow_id,
        definition=f"s3://{omics_bucket}/w.zip",
        wait_for_completion=False,
        extra_request={"workflowBucketOwnerId": owner} if owner else None,
    )
    with recorded() as calls:
        operator.execute(context())
    assert owners(calls) == {"HeadObject": {owner}}


@needs_batches
@pytest.mark.parametrize(
    ("owner", "output_bucket", "sent"), [(None, BUCKET, None), (OURS, BUCKET, OURS), (THEIRS, "theirs", None)]
)
def test_settings_of_a_batch_lie_in_the_bucket_of_the_owner_of_its_outputs_if_it_is_the_same(
    owner: str | None,
    output_bucket: str,
    sent: str | None,
    start_batch: Any,
    fail_in: Any,
    omics: Any,
    omics_bucket: str,
    their_bucket: str,
    omics_clock: Any,
    context: ContextMaker,
) -> None:
    shared = {"outputUri": f"s3://{output_bucket}/runs", **({"outputBucketOwnerId": owner} if owner else {})}
    many = [{**SAMPLES[0], "runSettingId": f"sample_{number}"} for number in range(101)]
    folder = f"s3://{omics_bucket}/batches"
    with recorded() as calls:
        start_batch(shared, batch_run_settings=many, settings_s3_prefix=folder, wait_for_completion=False).execute(
            context()
        )
    (written,) = [call.members["Key"] for call in calls if call.operation == "PutObject"]
    listed = {"batch_run_settings": f"s3://{omics_bucket}/{written}", "settings_s3_prefix": folder, "batch_name": "two"}
    fail_in("sample_7")
    with recorded() as more:
        start_batch(shared, wait_for_completion=False, **listed).execute(context(max_tries=1))
        omics_clock.advance(3600)
        start_batch(shared, wait_for_completion=False, **listed).execute(context(try_number=2, max_tries=1))
    assert owners(calls) == {"PutObject": {sent}}
    assert owners(more) == {"HeadObject": {sent}, "GetObject": {sent}}


def test_a_samplesheet_may_belong_to_anybody(omics_bucket: str, omics_connection: str, context: ContextMaker) -> None:
    s3.client(OmicsHook()).put_object(Bucket=omics_bucket, Key="cohort.csv", Body=b"sample\nNA12878\n")
    with recorded() as calls:
        ReadSamplesheetOperator(task_id="r", samplesheet=f"s3://{omics_bucket}/cohort.csv").execute(context())
    assert owners(calls) == {"GetObject": {None}}
