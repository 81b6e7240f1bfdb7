"""The emulator over HTTP, as boto3 and everybody else meets it."""

from __future__ import annotations

import http.client
import io
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.exceptions
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.signature import scope_of
from tests.emulator.served import Client, connect, scope
from tests.emulator.wired import ACCOUNT


def call(url: str, fields: object = None, method: str | None = None) -> tuple[int, Any]:
    """Call the control address."""
    data = fields if isinstance(fields, bytes) or fields is None else json.dumps(fields).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_all_services_answer_at_one_address(client: Client) -> None:
    made = client().create_run_cache(cacheS3Location="s3://genomes/cache", tags={"team": "a b/c"})
    assert client().get_run_cache(id=made["id"])["tags"] == {"team": "a b/c"}
    assert client().list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"team": "a b/c"}
    assert client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert client("logs").describe_log_groups()["logGroups"] == []
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["genomes"]


def test_answers_are_dated_by_the_emulators_clock(server: Server, client: Client) -> None:
    server.store.clock.advance(86400)
    for answer in (client().list_run_caches(), client("s3").list_buckets()):
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        assert date == server.store.clock.now().replace(microsecond=0)


def test_the_core_and_boto3_meet_the_same_bucket(server: Server, client: Client) -> None:
    s3, neighbours = client("s3"), server.store.neighbours
    etag = neighbours.put_object("genomes", "a key/with%2F.txt", b"ACGT")
    found = s3.get_object(Bucket="genomes", Key="a key/with%2F.txt")
    assert found["Body"].read() == b"ACGT"
    assert found["ETag"] == f'"{etag}"'
    assert neighbours.etag("genomes", "absent") is None
    bucket = neighbours.bucket("genomes")
    assert bucket is not None
    assert (bucket.account, bucket.region) == (ACCOUNT, "us-east-1")
    assert neighbours.bucket("absent") is None


def test_objects_come_back_as_they_were_sent(client: Client) -> None:
    """Bytes, a stream, metadata with an underscore, a HEAD, an empty one: what a bridge to moto could get wrong."""
    s3 = client("s3")
    content = bytes(range(256)) * 500
    s3.put_object(Bucket="genomes", Key="x", Body=content, Metadata={"sample_id": "1", "sample-name": "2"})
    s3.upload_fileobj(io.BytesIO(content), "genomes", "y")
    s3.put_object(Bucket="genomes", Key="empty", Body=b"")
    head = s3.head_object(Bucket="genomes", Key="x")
    assert head["ContentLength"] == len(content)
    assert head["Metadata"] == {"sample_id": "1", "sample-name": "2"}
    for key, expected in {"x": content, "y": content, "empty": b""}.items():
        assert s3.get_object(Bucket="genomes", Key=key)["Body"].read() == expected
    named = s3.get_object(Bucket="genomes", Key="x", ResponseContentDisposition='attachment; filename="试.txt"')
    assert named["Body"].read() == content


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_addresses(version: str, server: Server, client: Client) -> None:
    client("s3").put_object(Bucket="genomes", Key="run/x", Body=b"ACGT")
    signing = client("s3", region_name="eu-west-1", config=Config(signature_version=version))
    url = signing.generate_presigned_url("get_object", Params={"Bucket": "genomes", "Key": "run/x"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"ACGT"
    region = "eu-west-1" if version == "s3v4" else None
    assert scope_of(None, url.partition("?")[2]) == ("any", region, "s3")


def test_logs_may_be_ahead_of_the_real_time(server: Server, client: Client) -> None:
    server.store.clock.advance(86400)
    at = server.store.clock.now()
    server.store.neighbours.log(ACCOUNT, "us-east-1", "/aws/omics/WorkflowLog", "run/1", [(at, "one"), (at, "two")])
    found = client("logs").get_log_events(
        logGroupName="/aws/omics/WorkflowLog", logStreamName="run/1", startFromHead=True
    )
    assert [event["message"] for event in found["events"]] == ["one", "two"]


def test_a_connection_serves_many_requests(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/runCache")
    connection.getresponse().read()
    socket = connection.sock
    connection.request("GET", "/_emulator")
    connection.getresponse().read()
    connection.request("GET", "/genomes", headers={"Authorization": scope("s3")})
    answer = connection.getresponse()
    assert b"ListBucketResult" in answer.read()
    assert connection.sock is socket
    connection.close()


def test_the_signature_says_whose_request_it_is(server: Server, client: Client) -> None:
    """A bucket may be called ``run``, and ``GET /run`` is also an operation of HealthOmics."""
    client("s3").create_bucket(Bucket="run")
    for service, expected in {"omics": b'"items"', "s3": b"ListBucketResult"}.items():
        request = urllib.request.Request(f"{server.url}/run", headers={"Authorization": scope(service)})
        with urllib.request.urlopen(request) as answer:
            assert expected in answer.read()
    older = client("s3", config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    assert older.list_objects_v2(Bucket="run")["Name"] == "run"


def test_calls_signed_by_version_2_are_part_of_the_policy(server: Server, client: Client) -> None:
    older = client("s3", config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    older.put_object(Bucket="genomes", Key="x", Body=b"ACGT")
    assert "s3:PutObject" in json.dumps(server.store.permissions.policy())
    assert scope_of("AWS any:c2lnbmF0dXJl=") == ("any", None, "s3")


def test_many_at_once(client: Client) -> None:
    omics = client()
    with ThreadPoolExecutor(16) as pool:
        made = list(
            pool.map(lambda n: omics.create_run_cache(cacheS3Location="s3://genomes/c", name=f"cache-{n}"), range(64))
        )
    assert len({cache["id"] for cache in made}) == 64
    pages = omics.get_paginator("list_run_caches").paginate()
    assert sum(len(page["items"]) for page in pages) == 64


def test_a_lost_answer_leaves_its_work_done(server: Server, client: Client) -> None:
    server.store.faults.lose_answer("CreateRunCache")
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client().create_run_cache(cacheS3Location="s3://genomes/cache", name="made")
    assert [cache["name"] for cache in client().list_run_caches()["items"]] == ["made"]


def test_an_assumed_role_acts_in_its_own_account(client: Client) -> None:
    role = client("sts").assume_role(RoleArn="arn:aws:iam::999988887777:role/omics", RoleSessionName="test")
    keys = role["Credentials"]
    omics = client(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
    made = omics.create_run_cache(cacheS3Location="s3://genomes/cache", cacheBucketOwnerId=ACCOUNT)
    assert ":999988887777:" in made["arn"]


def test_without_neighbours_only_healthomics_answers() -> None:
    with Server(neighbours=False) as server:
        status, _ = call(f"{server.url}/runCache")
        assert status == 200
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{server.url}/?Action=GetCallerIdentity")
        with error.value:
            assert error.value.code == 501
        for service, operation in (("sts", "get_caller_identity"), ("s3", "list_buckets")):
            neighbour = connect(server, service)
            with pytest.raises(botocore.exceptions.ClientError, match=r"NotImplemented.+ runs without S3"):
                getattr(neighbour, operation)()


def test_closing_leaves_nothing(server: Server, client: Client) -> None:
    client().list_run_caches()
    server.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "omics-emulator"] == []
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        client().list_run_caches()
    server.close()


def test_a_taken_port_is_refused(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        Server(port=server.port, neighbours=False)


def test_a_reset_of_the_neighbours_empties_them_too(server: Server, client: Client) -> None:
    client().create_run_cache(cacheS3Location="s3://genomes/cache")
    assert call(f"{server.url}/_emulator/reset", {})[0] == 200
    assert client().list_run_caches()["items"] == []
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["genomes"]
    assert call(f"{server.url}/_emulator/reset", {"neighbours": True})[0] == 200
    assert client("s3").list_buckets()["Buckets"] == []
