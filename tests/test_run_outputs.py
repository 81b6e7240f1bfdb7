"""What a completed run hands on to the next task."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
    monkeypatch.setattr(outputs, "LARGEST", 100)
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
