"""The faults that crash tests need, set from another process: over HTTP alone, on both sides."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from airflow_provider_omics.emulator import Clock, Store, core
from airflow_provider_omics.emulator.server import Server
from tests.emulator.wired import ACCOUNT, REGION, ROLE, WORKFLOW

Control = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[Server]:
    store = Store(clock=Clock(frozen=True))
    store.seed_workflow(ACCOUNT, REGION, WORKFLOW, "cohort")
    with Server(store, neighbours=False) as server:
        yield server


@pytest.fixture
def control(server: Server) -> Control:
    """Return a caller of the control address: ``control("faults", list_lag=10)``."""

    def call(address: str, **fields: Any) -> Any:
        with urllib.request.urlopen(f"{server.url}/_emulator/{address}", json.dumps(fields).encode()) as answer:
            return json.load(answer)

    return call


@pytest.fixture
def client(server: Server) -> Any:
    return boto3.client(
        "omics",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


def start(client: Any, token: str = "token", **request: Any) -> str:
    known = {"workflowId": WORKFLOW, "roleArn": ROLE, "outputUri": "s3://genomes/out", "requestId": token}
    return str(client.start_run(**known, **request)["id"])


def listed(client: Any, **filters: Any) -> list[str]:
    return [run["id"] for run in client.list_runs(**filters)["items"]]


def code_of(call: Callable[..., Any], *arguments: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **request)
    return str(caught.value.response["Error"]["Code"])


def test_the_answer_to_a_start_is_lost_and_the_run_is_there(client: Any, control: Control) -> None:
    control("faults", lose_answer={"operation": "StartRun"})
    with pytest.raises(ConnectionClosedError):
        start(client)
    (run_id,) = listed(client)
    assert start(client) == run_id


def test_a_token_is_forgotten(client: Any, control: Control) -> None:
    control("faults", lose_answer={"operation": "StartRun"}, idempotency="off")
    with pytest.raises(ConnectionClosedError):
        start(client)
    assert start(client) not in listed(client)[:1]
    assert len(listed(client)) == 2


def test_an_old_token_is_answered_with_the_old_run(client: Any, control: Control) -> None:
    run_id = start(client)
    control("clock", advance=3600)
    again = client.start_run(workflowId=WORKFLOW, roleArn=ROLE, outputUri="s3://genomes/out", requestId="token")
    assert (again["id"], again["status"]) == (run_id, "COMPLETED")


@pytest.mark.parametrize(("mode", "code"), [("validation", "ValidationException"), ("conflict", "ConflictException")])
def test_an_old_token_is_refused(client: Any, control: Control, mode: str, code: str) -> None:
    start(client)
    control("faults", idempotency=mode)
    assert code_of(start, client) == code
    assert len(listed(client)) == 1


def test_lists_lag_and_descriptions_do_not(client: Any, control: Control) -> None:
    control("faults", list_lag=10)
    run_id = start(client, name="sample")
    assert client.get_run(id=run_id)["status"] == "PENDING"
    assert listed(client) == listed(client, name="sample") == []
    control("clock", advance=10)
    assert listed(client, name="sample") == [run_id]


def test_names_are_matched_by_prefix(client: Any, control: Control) -> None:
    runs = [start(client, token=name, name=name) for name in ("sample", "sample-2")]
    assert listed(client, name="sample") == runs[:1]
    control("faults", run_name_match="prefix")
    assert listed(client, name="sample") == runs


def test_the_work_is_done_while_the_answer_is_late(
    client: Any, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, int]] = []

    def sleep(seconds: float) -> None:
        waits.append((seconds, len(listed(client))))

    monkeypatch.setattr(core, "time", SimpleNamespace(sleep=sleep))
    control("faults", slow={"operation": "StartRun", "seconds": 0.3, "times": 1})
    runs = [start(client, token=token) for token in ("1", "2")]
    assert (len(set(runs)), waits) == (2, [(0.3, 1)])
    assert control("faults", clear=True)


def test_starts_above_the_rate_of_aws_are_throttled(client: Any, control: Control) -> None:
    control("faults", limit={"operation": "StartRun", "per_second": 0.1})
    start(client, token="1")
    assert code_of(start, client, token="2") == "ThrottlingException"
    control("clock", advance=10)
    start(client, token="2")
    assert len(listed(client)) == 2
