"""HealthOmics inside ``mock_aws``."""

from __future__ import annotations

import re
import sys
import urllib.request
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any

import boto3
import botocore.exceptions
import moto.backend_index
import pytest
from botocore.config import Config
from moto import mock_aws
from moto.server import ThreadedMotoServer

from airflow_provider_omics.emulator import Clock, Store, backend
from airflow_provider_omics.emulator.backend.models import OmicsBackend, omics_backends

ACCOUNT = "123456789012"

backend.register()


def client(service: str = "omics", **options: Any) -> Any:
    return boto3.client(service, region_name="us-east-1", **options)  # type: ignore[call-overload]


def create_cache(omics: Any, **members: Any) -> Any:
    client("s3").create_bucket(Bucket="genomes")
    return omics.create_run_cache(cacheS3Location="s3://genomes/cache", **members)


@mock_aws
def test_a_cache_is_made_beside_the_bucket_it_lies_in() -> None:
    omics = client()
    made = create_cache(omics, name="demo")
    found = omics.get_run_cache(id=made["id"])
    assert found["arn"] == f"arn:aws:omics:us-east-1:{ACCOUNT}:runCache/{made['id']}"
    assert found["cacheBucketOwnerId"] == ACCOUNT


@mock_aws
def test_answers_are_dated_by_the_emulators_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(OmicsBackend, "store", Store(clock=Clock(start=start, frozen=True)))
    headers = client().list_run_caches()["ResponseMetadata"]["HTTPHeaders"]
    assert parsedate_to_datetime(headers["date"]) == start


@mock_aws
def test_a_missing_bucket_is_refused() -> None:
    omics = client()
    with pytest.raises(omics.exceptions.ValidationException, match="genomes"):
        omics.create_run_cache(cacheS3Location="s3://genomes/cache")


def test_mock_aws_starts_and_ends_empty() -> None:
    with mock_aws():
        create_cache(client())
    with mock_aws():
        assert client().list_run_caches()["items"] == []


@mock_aws
@pytest.mark.parametrize("config", [Config(), Config(inject_host_prefix=False)], ids=["host prefix", "none"])
def test_hosts(config: Config) -> None:
    """Every one of the five prefixes leads to the core: only it names the operation in its answer."""
    omics = client(config=config)
    assert omics.list_run_caches()["items"] == []
    calls: dict[str, dict[str, Any]] = {
        "list_tags_for_resource": {"resourceArn": f"arn:aws:omics:us-east-1:{ACCOUNT}:runCache/1234567"},
        "list_annotation_stores": {},
        "list_sequence_stores": {},
        "get_read_set": {"id": "1234567890", "sequenceStoreId": "1234567890", "partNumber": 1},
    }
    for operation, arguments in calls.items():
        with pytest.raises(botocore.exceptions.ClientError) as error:
            getattr(omics, operation)(**arguments)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 501)
        assert error.value.response["Error"]["Code"] in ("NotImplementedException", "ResourceNotFoundException")


@mock_aws
def test_the_account_is_that_of_an_assumed_role() -> None:
    other = "999988887777"
    role = client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/omics", RoleSessionName="test")
    keys = role["Credentials"]
    omics = client(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    made = create_cache(omics, cacheBucketOwnerId=ACCOUNT)
    assert f":{other}:" in made["arn"]
    assert client().list_run_caches()["items"] == []


@mock_aws
def test_a_lost_answer_is_a_closed_connection() -> None:
    omics = client(config=Config(retries={"total_max_attempts": 1}))
    OmicsBackend.store.faults.lose_answer("CreateRunCache")
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        create_cache(omics)
    assert len(omics.list_run_caches()["items"]) == 1


def test_motos_own_server_answers_too() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
        config = Config(inject_host_prefix=False)
        options: Any = {"endpoint_url": url, "aws_access_key_id": "any", "aws_secret_access_key": "any"}
        client("s3", **options).create_bucket(Bucket="genomes")
        omics = client(config=config, **options)
        made = omics.create_run_cache(cacheS3Location="s3://genomes/cache", tags={"team": "a b/c"})
        assert omics.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"team": "a b/c"}
        urllib.request.urlopen(f"{url}/moto-api/reset", b"").close()
        assert omics.list_run_caches()["items"] == []
    finally:
        server.stop()


def test_register_twice_changes_nothing() -> None:
    before = list(moto.backend_index.backend_url_patterns)
    assert backend.register()
    assert moto.backend_index.backend_url_patterns == before
    assert [service for service, _ in before].count("omics") == 1
    assert sys.modules["moto.omics"].omics_backends is omics_backends


def test_register_steps_aside_for_a_backend_of_motos_own(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ModuleType("moto.omics")
    monkeypatch.setitem(sys.modules, "moto.omics", theirs)
    monkeypatch.setattr(moto.backend_index, "backend_url_patterns", [("omics", re.compile("https?://omics"))])
    assert not backend.register()
    assert sys.modules["moto.omics"] is theirs


@pytest.mark.parametrize("host", ["omics.s3", "tags-omics.s3.us-east-1", "workflows-omics.example"])
def test_other_hosts_are_left_alone(host: str) -> None:
    assert not re.match(backend.URL, f"https://{host}.amazonaws.com/runCache")
