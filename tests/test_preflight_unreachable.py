"""The checks before a run is started, where HealthOmics and S3 do not answer, or not as they should."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks import buckets, preflight
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.hooks.preflight_rules import Verdict
from tests.conftest import Logged
from tests.fixed_answers import Server
from tests.limit import LIMIT_SECONDS

REGION = "us-east-1"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a maker of servers; the connection points at the last one."""
    servers = []

    def make(answer: bytes | None, **arguments: Any) -> Server:
        from airflow_provider_omics.emulator.connection import CONNECTION, connection_json

        servers.append(Server(answer, **arguments))
        monkeypatch.setenv(CONNECTION, connection_json(servers[-1].url, REGION))
        return servers[-1]

    yield make
    for server in servers:
        server.close()
    for thread in [thread for thread in threading.enumerate() if thread.name == "omics-preflight"]:
        thread.join(LIMIT_SECONDS)


REQUEST = {"workflowId": "1234567", "cacheId": "7654321", "outputUri": "s3://outputs/runs"}
LOOKS = ("workflow 1234567", "run cache 7654321", "the bucket of s3://outputs/runs")


def looked(request: dict[str, Any]) -> None:
    assert preflight.check(OmicsHook(), request) == {}


class Clock:
    """A clock that the waits for answers move, so that the longest wait takes no time."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()

    class Answers(SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            assert timeout is not None, "this waits for ever"
            moved.move(timeout)
            raise Empty

    monkeypatch.setattr(preflight, "monotonic", moved)
    monkeypatch.setattr(preflight, "SimpleQueue", Answers)
    return moved


@pytest.mark.parametrize("clients_take", [0, 3, 7])
def test_a_server_that_does_not_answer_holds_a_start_for_five_seconds_at_most(
    clients_take: int, serve: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """The time that boto3 takes to make its clients counts too; beyond five seconds nothing is waited for."""
    server = serve(None)
    make = buckets.client

    def slowly(*given: Any) -> Any:
        clock.move(clients_take)
        return make(*given)

    monkeypatch.setattr(buckets, "client", slowly)
    before = clock.now
    assert preflight.check(OmicsHook(), REQUEST) == {}
    assert clock.now - before == max(preflight.SECONDS, clients_take)
    text = logged()
    skipped = f"is not checked: {server.url} did not answer within 5 s"
    assert [look for look in LOOKS if f"{look} {skipped}" in text] == [*LOOKS]


def test_a_server_that_answers_drop_by_drop(serve: Any, monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    """No timeout of a socket ever ends this: the answer takes half an hour."""
    monkeypatch.setattr(preflight, "SECONDS", 2.0)
    server = serve(b"HTTP/1.1 200 OK\r\n" + b"X-Patience: yes\r\n" * 1000, drip=0.1)
    looked(REQUEST)  # and is not held up by the threads, which are
    hanging = [thread for thread in threading.enumerate() if thread.name == "omics-preflight"]
    assert [thread.daemon for thread in hanging] == [True] * len(LOOKS)
    text = logged()
    assert [look for look in LOOKS if f"{look} is not checked: {server.url} did not answer within 2 s" in text] == [
        *LOOKS
    ]


def test_verdicts_stand_in_the_order_of_the_looks_whichever_answer_came_first() -> None:
    second: SimpleQueue[threading.Thread] = SimpleQueue()

    def see_first() -> Verdict:
        second.get(timeout=LIMIT_SECONDS).join(LIMIT_SECONDS)
        return Verdict(skipped=("first",))

    def see_second() -> Verdict:
        second.put(threading.current_thread())
        return Verdict(skipped=("second",))

    looks = [preflight.Look("one", "", see_first), preflight.Look("other", "", see_second)]
    verdicts = preflight._together(looks, monotonic() + LIMIT_SECONDS)
    assert [verdict.skipped for verdict in verdicts] == [("first",), ("second",)]


def test_nobody_there(serve: Any, logged: Logged) -> None:
    server = serve(None)
    server.close()
    looked(REQUEST)
    text = logged()
    assert [look for look in LOOKS if f"{look} is not checked: EndpointConnectionError" in text] == [*LOOKS]
    assert server.url in text


NONSENSE = b'{"parameterTemplate": ["sample"], "status": {"of": "what"}, "cacheS3Uri": 7}'


@pytest.mark.parametrize("body", [b"<html>Welcome to the proxy</html>", b"[]", NONSENSE])
def test_an_answer_that_is_not_understood_never_blocks(body: bytes, serve: Any, logged: Logged) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    serve(head % len(body) + body)
    looked({**REQUEST, "parameters": {"sample": "x"}})
    assert "the bucket of s3://outputs/runs is not checked: LookupError" in logged()


@pytest.mark.parametrize(
    ("status", "region"), [(403, "eu-west-1"), (403, None), (404, None), (400, "eu-west-1"), (301, "eu-west-1")]
)
def test_what_a_bucket_tells(status: int, region: str | None, serve: Any, logged: Logged) -> None:
    where = f"x-amz-bucket-region: {region}\r\n" if region else ""
    head = f"HTTP/1.1 {status} Told\r\nConnection: close\r\nContent-Length: 0\r\n{where}\r\n"
    serve(head.encode())
    request = {"runId": "5", "outputUri": "s3://outputs/runs"}
    if region or status == 404:
        with pytest.raises(errors.PreflightFailed, match="is in eu-west-1" if region else "does not exist"):
            preflight.check(OmicsHook(), request)
    else:
        looked(request)
        assert "is not checked: s3:ListBucket on it is not allowed" in logged()
