"""The end of a failed task's log, where CloudWatch Logs does not answer, or not as it should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_provider_omics.emulator.connection import CONNECTION
from airflow_provider_omics.hooks import run_logs
from airflow_provider_omics.hooks.omics import OmicsHook
from tests.conftest import Logged
from tests.fixed_answers import Server

GROUP = "/aws/omics/WorkflowLog"
STREAMS = ("run/1/task/2", "run/1/engine")


@pytest.fixture
def answer(omics_connection: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return what lets CloudWatch Logs answer alone with something else than the emulator would."""
    import os

    servers: list[Server] = []

    def set_answer(status: str, body: bytes, kind: str = "application/x-amz-json-1.1") -> Server:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        servers.append(Server(head.encode() + body if status else None))
        connection = json.loads(os.environ[CONNECTION])
        connection["extra"]["service_config"] = {"logs": {"endpoint_url": servers[-1].url}}
        monkeypatch.setenv(CONNECTION, json.dumps(connection))
        return servers[-1]

    yield set_answer
    for server in servers:
        server.close()


def test_a_missing_permission(answer: Any, logged: Logged) -> None:
    denial = {"__type": "AccessDeniedException", "message": "not authorized to perform: logs:GetLogEvents"}
    answer("400 Bad Request", json.dumps(denial).encode())
    assert run_logs.tail(OmicsHook(), GROUP, STREAMS, 30) is None
    text = logged()
    assert "not authorized to perform: logs:GetLogEvents" in text
    assert all(f"The log stream {stream} of {GROUP} cannot be read" in text for stream in STREAMS)


@pytest.mark.parametrize("body", [b"<html>Welcome to the proxy</html>", b"[]", b"{}"])
def test_what_is_not_understood(body: bytes, answer: Any, logged: Logged) -> None:
    answer("200 OK", body, "text/html")
    assert run_logs.tail(OmicsHook(), GROUP, STREAMS, 30) is None
    assert f"The log group {GROUP} cannot be read" in logged()


def test_a_network_without_a_way_to_logs_is_tried_once(
    answer: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_logs, "QUICK", run_logs.QUICK.merge(Config(read_timeout=0.2)))
    server = answer("", b"")
    assert run_logs.tail(OmicsHook(), GROUP, STREAMS, 30) is None
    assert "ReadTimeoutError" in logged()
    assert server.connections == 2, "one stream, with one repetition"


def test_an_empty_page_is_not_the_end() -> None:
    """moto has no empty pages before the last lines; CloudWatch documents them."""

    class Logs:
        pages = {None: ([], "b/1"), "b/1": ([], "b/2"), "b/2": ([{"message": "the end"}], "b/3")}

        def get_log_events(self, nextToken: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803
            events, token = self.pages[nextToken]
            return {"events": events, "nextBackwardToken": token}

    assert run_logs._last(Logs(), {"limit": 30}) == ["the end"]


def test_a_role_that_cannot_be_assumed(omics_connection: str, logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = OmicsHook()

    def get_session(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "AssumeRole")

    monkeypatch.setattr(hook, "get_session", get_session)
    assert run_logs.tail(hook, GROUP, STREAMS, 30) is None
    assert "The log group /aws/omics/WorkflowLog cannot be read: ClientError" in logged()
