"""boto3 wired straight to the emulator's core, without sockets; every answer is held against botocore's model."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from airflow_provider_omics.emulator import AnswerLost, Clock, Plan, Response, Store, Task, handle
from airflow_provider_omics.emulator.model import match, operations
from airflow_provider_omics.emulator.neighbours import Bucket
from airflow_provider_omics.emulator.validation import check

ACCOUNT = "123456789012"
REGION = "us-east-1"
WORKFLOW = "1111111"
ROLE = "arn:aws:iam::123456789012:role/runs"


class Memory:
    """S3 and CloudWatch Logs as far as the core touches them."""

    knows_buckets = True

    def __init__(self) -> None:
        self.buckets = {
            bucket.name: bucket
            for bucket in (
                Bucket("genomes", ACCOUNT, REGION),
                Bucket("elsewhere", ACCOUNT, "eu-west-1"),
                Bucket("theirs", "999999999999", REGION),
            )
        }
        self.objects: dict[str, bytes] = {}
        self.logs: dict[str, list[str]] = {}

    def bucket(self, name: str) -> Bucket | None:
        return self.buckets.get(name)

    def put_object(self, bucket: str, key: str, body: bytes) -> str:
        self.objects[f"s3://{self.buckets[bucket].name}/{key}"] = body
        return self.etag(bucket, key) or ""

    def get_object(self, bucket: str, key: str) -> bytes | None:
        return self.objects.get(f"s3://{bucket}/{key}")

    def etag(self, bucket: str, key: str) -> str | None:
        body = self.objects.get(f"s3://{bucket}/{key}")
        return None if body is None else md5(body).hexdigest()

    def keys(self, bucket: str, prefix: str) -> list[str]:
        start = f"s3://{bucket}/"
        return sorted(uri.removeprefix(start) for uri in self.objects if uri.startswith(start + prefix))

    def log(self, account: str, region: str, group: str, stream: str, events: Sequence[tuple[datetime, str]]) -> None:
        assert group == "/aws/omics/WorkflowLog"
        self.logs.setdefault(stream, []).extend(message for _, message in events)

    def account(self, headers: Mapping[str, str]) -> str | None:
        return None

    def reset(self) -> None:
        self.objects.clear()


class Wire:
    """Where a client's requests go: into the core with the store of the test."""

    def __init__(self) -> None:
        self.store = Store()
        self.succeeded: Counter[str] = Counter()

    def client(self, **settings: Any) -> Any:
        """Return a client whose calls are made once and arrive here."""
        client = boto3.client(
            "omics",
            region_name=settings.pop("region", REGION),
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, **settings),
        )
        events: Any = client.meta.events
        events.register("before-send.omics", self._send)
        return client

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(str(request.url))
        headers = {name: text(value) for name, value in request.headers.items()}
        body: Any = request.body
        body = body.encode() if isinstance(body, str) else body
        try:
            response = handle(self.store, str(request.method), url.path, url.query, headers, body or b"")
        except AnswerLost:
            raise ConnectionClosedError(endpoint_url=str(request.url)) from None
        self._hold_against_model(str(request.method), url.path, response)
        raw: Any = Raw(response.body)
        fields: Any = dict(response.headers)
        return AWSResponse(str(request.url), response.status, fields, raw)

    def _hold_against_model(self, method: str, path: str, response: Response) -> None:
        found = match(method, path)
        if found is None or response.status >= 400:
            return
        operation, _ = found
        assert response.status == operation.status
        if operation.output is None or operation.status == 204:
            assert response.body == b""
        else:
            members = json.loads(response.body)
            assert check(operation.output, members) == members, "the answer has members that the model does not know"
        self.succeeded[operation.name] += 1


class Raw(io.BytesIO):
    """A response's body as urllib3 hands it to botocore."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def text(value: str | bytes) -> str:
    """Return a header as text."""
    return value.decode() if isinstance(value, bytes) else value


class Service:
    """What the tests do over and over with one client."""

    def __init__(self, client: Any, store: Store, clock: Clock, memory: Memory) -> None:
        self.client, self.store, self.clock, self.memory = client, store, clock, memory

    def needs(self, operation: str, member: str | None = None) -> None:
        """Skip the test if the installed botocore has no such operation, or the operation no such member."""
        known = operations().get(operation)
        if known is None or known.input is None or member not in (None, *known.input.members):
            pytest.skip(f"botocore {botocore.__version__} has no {operation}{f'.{member}' if member else ''}")

    def cache(self, **request: Any) -> Any:
        """Make a run cache."""
        return self.client.create_run_cache(**{"cacheS3Location": "s3://genomes/cache", **request})

    def start(self, **request: Any) -> Any:
        """Start a run of the seeded workflow."""
        known = {"workflowId": WORKFLOW, "roleArn": ROLE, "outputUri": "s3://genomes/out"}
        return self.client.start_run(**{**known, **request})

    def start_batch(self, *settings: Mapping[str, Any], shared: Mapping[str, Any] | None = None, **request: Any) -> Any:
        """Start a batch of runs of the seeded workflow.

        :param settings: those of the runs.
        :param shared: what the ``defaultRunSetting`` has besides.
        """
        known = {"workflowId": WORKFLOW, "roleArn": ROLE, "outputUri": "s3://genomes/out"}
        request = {"batchRunSettings": {"inlineSettings": list(settings)}, **request}
        return self.client.start_run_batch(defaultRunSetting={**known, **(shared or {})}, **request)

    def run(self, **request: Any) -> Any:
        """Start a run and describe it after an hour."""
        run_id = self.start(**request)["id"]
        self.clock.advance(3600)
        return self.client.get_run(id=run_id)

    def tasks(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tasks of a run by name."""
        return {task["name"]: task for task in self.client.list_run_tasks(id=run["id"])["items"]}

    def hits(self, run: Mapping[str, Any]) -> set[str]:
        """Return the names of the tasks of a run that came from its cache."""
        return {name for name, task in self.tasks(run).items() if task["cacheHit"]}

    def plan(self, *tasks: Task) -> None:
        """Let every workflow have these tasks."""
        self.store.plans.set("*", Plan(tasks))
