"""What a completed run hands on to the next task."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_provider_omics.hooks import outputs, s3
from airflow_provider_omics.hooks.omics import OmicsHook
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")


@pytest.fixture
def put(omics_connection: str, omics_bucket: str) -> Any:
    """Return a way to put an object where a run has its outputs."""
    client = s3.client(OmicsHook())

    def put_object(key: str, body: str) -> None:
        client.put_object(Bucket=omics_bucket, Key=f"runs/1/uuid/{key}", Body=body.encode())

    return put_object


@pytest.fixture
def read(omics_connection: str, omics_bucket: str) -> Any:
    """Return a way to read the outputs of that run."""
    return lambda: outputs.of_run(OmicsHook(), f"s3://{omics_bucket}/runs/1/uuid")


@both_modes
def test_declared_outputs_are_pushed(deferrable: bool, start: Any, context: ContextMaker) -> None:
    result = finish(start(deferrable=deferrable), context())
    assert result["outputs"] == {"joint_call": f"{result['run_output_uri']}/out/joint_call/joint_call.txt"}


@pytest.mark.parametrize("name", ["outputs.json", "output.json"])
def test_both_names_that_aws_documents(name: str, put: Any, read: Any) -> None:
    put(f"logs/{name}", json.dumps({"vcf": "s3://b/k", "qc": [1, 2.5, None]}))
    assert read() == {"vcf": "s3://b/k", "qc": [1, 2.5, None]}


def test_the_files_of_a_run_that_declares_nothing(put: Any, read: Any, omics_bucket: str) -> None:
    for key in ("logs/engine.log", "pubdir/a.vcf", "pubdir/b.vcf"):
        put(key, "x")
    assert read() == [f"s3://{omics_bucket}/runs/1/uuid/pubdir/{name}.vcf" for name in "ab"]


def test_what_is_too_large_for_xcom_is_left_in_s3(put: Any, read: Any, logged: Logged) -> None:
    put("logs/outputs.json", json.dumps({"names": ["x" * 100] * 1000}))
    assert read() is None
    assert "too large for XCom; they are in s3://omics-test-bucket/runs/1/uuid/logs/outputs.json" in logged()


def test_too_many_files_for_xcom(put: Any, read: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "OUTPUTS_BYTES", 100)
    for number in range(5):
        put(f"pubdir/{number}.vcf", "x")
    assert read() is None
    assert "too many for XCom; see s3://omics-test-bucket/runs/1/uuid/" in logged()


def test_outputs_that_cannot_be_read_do_not_fail_the_run(read: Any, put: Any, logged: Logged) -> None:
    put("logs/outputs.json", "{broken")
    assert read() is None
    assert "cannot be read" in logged()
    assert outputs.of_run(OmicsHook(), "s3://no-such-bucket/x") is None
    assert outputs.of_run(OmicsHook(), "/local") is None


def test_in_a_key_every_character_counts(omics_connection: str, omics_bucket: str) -> None:
    """A URL's parser would end it at # or ?, and the outputs of another run would be read."""
    client = s3.client(OmicsHook())
    for prefix in ("runs", "runs#1", "runs?1", "runs//1"):
        body = json.dumps({"of": prefix}).encode()
        client.put_object(Bucket=omics_bucket, Key=f"{prefix}/1/uuid/logs/outputs.json", Body=body)
        assert outputs.of_run(OmicsHook(), f"s3://{omics_bucket}/{prefix}/1/uuid") == {"of": prefix}


def test_numbers_that_json_does_not_know_become_null(put: Any, read: Any, logged: Logged) -> None:
    """Airflow 3 posts XCom by httpx, which refuses them: the task would fail after the run completed."""
    put("logs/outputs.json", '{"qc": [NaN, 1.5, 2], "scores": {"a": Infinity, "b": -Infinity, "c": 1e999}}')
    assert read() == {"qc": [None, 1.5, 2], "scores": {"a": None, "b": None, "c": None}}
    text = "XCom carries no NaN and no Infinity: 4 of them became null; they are in s3://omics-test-bucket/runs/1/uuid"
    assert f"{text}/logs/outputs.json" in logged()


@pytest.fixture
def without_list_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let S3 answer as it does without s3:ListBucket: nobody learns which objects are not there.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    made = s3.client

    def client(hook: OmicsHook) -> Any:
        real = made(hook)

        def get_object(**members: Any) -> Any:
            try:
                return allowed(**members)
            except real.exceptions.NoSuchKey:
                raise _denied("GetObject") from None

        def get_paginator(name: str) -> Any:
            raise _denied(name)

        allowed, real.get_object, real.get_paginator = real.get_object, get_object, get_paginator
        return real

    monkeypatch.setattr(s3, "client", client)


def _denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, operation)


def test_the_second_name_is_tried_where_absent_objects_are_denied(
    put: Any, read: Any, without_list_bucket: None
) -> None:
    put("logs/output.json", '{"vcf": "s3://b/k"}')
    assert read() == {"vcf": "s3://b/k"}


def test_outputs_that_are_denied_are_not_replaced_by_the_list_of_files(
    put: Any, read: Any, logged: Logged, without_list_bucket: None
) -> None:
    put("out/a.vcf", "x")
    assert read() is None
    assert "cannot be read: An error occurred (AccessDenied) when calling the GetObject operation" in logged()
