"""Requests and responses on the wire: routes, types, errors, places."""

from __future__ import annotations

import json
import logging
import math
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import create_loader

from airflow_provider_omics.emulator import AnswerLost, Clock, Response, Store, handle
from airflow_provider_omics.emulator.core import is_omics
from airflow_provider_omics.emulator.errors import MODELLED
from airflow_provider_omics.emulator.model import match
from tests.emulator.wired import Service, Wire

CREATE = {"cacheS3Location": "s3://genomes", "requestId": "token"}
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/omics/aws4_request, SignedHeaders=host"}


@pytest.fixture
def store() -> Store:
    return Store(clock=Clock(frozen=True))


def send(store: Store, method: str, target: str, body: Any = None, **headers: str) -> Response:
    path, _, query = target.partition("?")
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return handle(store, method, path, query, headers, content)


def message(response: Response) -> str:
    return str(json.loads(response.body)["message"])


def test_labels_are_percent_decoded() -> None:
    found = match("GET", "/tags/arn%3Aaws%3Aomics%3Aus-east-1%3A1%3Arun%2F1")
    assert found is not None
    assert found[1] == {"resourceArn": "arn:aws:omics:us-east-1:1:run/1"}


@pytest.mark.parametrize(
    ("path", "name"),
    [("/run/1/task/2", "GetRunTask"), ("/run/1/task", "ListRunTasks"), ("/run/1", "GetRun"), ("/run", "ListRuns")],
)
def test_a_path_is_that_of_one_operation(path: str, name: str) -> None:
    found = match("GET", path)
    assert found is not None
    assert found[0].name == name


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("PUT", "/run"), ("GET", "/run/1/2/3"), ("GET", "/")]
)
def test_an_unknown_route_is_answered_in_json(store: Store, method: str, path: str) -> None:
    response = send(store, method, path)
    assert (response.status, response.headers["X-Amzn-Errortype"]) == (404, "UnknownOperationException")
    assert f"{method} {path}" in message(response)


def test_an_error_has_the_form_of_rest_json(store: Store) -> None:
    response = send(store, "GET", "/runCache/7777777")
    assert response.status == 404
    assert response.headers["X-Amzn-Errortype"] == "ResourceNotFoundException"
    assert response.headers["Content-Type"] == "application/json"
    assert set(json.loads(response.body)) == {"message"}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"[" * 5000 + b"]" * 5000, "nested more than 100 deep"),
        (b'{"tags":' * 101 + b"1" + b"}" * 101, "nested more than 100 deep"),
        (b'{"name": NaN}', "NaN is no number"),
        (b'{"name": 1e999}', "1e999 is no number"),
        (b'{"name": "\\ud800"}', r"'\ud800' is no Unicode text"),
        (b'{"tags": {"\\udcff": "x"}}', r"'\udcff' is no Unicode text"),
        ({**CREATE, "cacheS3Location": 5}, "'cacheS3Location' must be a string"),
        ({**CREATE, "tags": []}, "'tags' must be an object"),
        ({**CREATE, "tags": {"a": 1}}, "'tags.a' must be a string"),
        ({**CREATE, "tags": {"": "x"}}, "'tags.key' failed to satisfy constraint"),
        ({**CREATE, "requestId": None}, "'requestId' failed to satisfy constraint: Member must not be null"),
        ({**CREATE, "name": "a\nb"}, "'name' failed to satisfy constraint: Member must satisfy regular expression"),
        ({}, "2 validation errors detected"),
    ],
)
def test_a_bad_body_is_refused_with_what_is_wrong(store: Store, body: Any, complaint: str) -> None:
    response = send(store, "POST", "/runCache", body)
    assert (response.status, response.headers["X-Amzn-Errortype"]) == (400, "ValidationException")
    assert complaint in message(response)


def test_unknown_and_null_members_are_left_aside(store: Store) -> None:
    assert send(store, "POST", "/runCache", {**CREATE, "colour": "red", "name": None}).status == 201


@pytest.mark.parametrize("value", ["0", "101", "ten", "1.5", ""])
def test_numbers_in_the_query_are_checked(store: Store, value: str) -> None:
    response = send(store, "GET", f"/runCache?maxResults={value}")
    assert response.status == 400
    assert "'maxResults'" in message(response)


def test_the_query_is_decoded(service: Service) -> None:
    service.start(name="a b+c&d é")
    assert len(service.client.list_runs(name="a b+c&d é")["items"]) == 1


def test_the_region_is_that_of_the_signature_and_the_account_that_of_the_header(store: Store) -> None:
    arn = json.loads(send(store, "POST", "/runCache", CREATE, **SIGNED, **{"X-Moto-Account-Id": "999999999999"}).body)[
        "arn"
    ]
    assert arn == "arn:aws:omics:eu-west-1:999999999999:runCache/2345678"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Moto-Account-Id": "12345"},
        {"X-Moto-Account-Id": "1" * 13},
        {"Authorization": SIGNED["Authorization"].replace("eu-west-1", "Europe")},
    ],
)
def test_a_place_that_is_none_is_refused(store: Store, headers: dict[str, str]) -> None:
    response = send(store, "GET", "/run", **headers)
    assert (response.status, response.headers["X-Amzn-Errortype"]) == (403, "AccessDeniedException")


def test_the_account_of_the_environment_wins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "888888888888")
    arn = json.loads(send(store, "POST", "/runCache", CREATE).body)["arn"]
    assert arn == "arn:aws:omics:us-east-1:888888888888:runCache/2345678"


def test_errors_have_the_codes_of_the_model() -> None:
    shapes = create_loader().load_service_model("omics", "service-2")["shapes"]
    modelled = {name: shape["error"]["httpStatusCode"] for name, shape in shapes.items() if shape.get("exception")}
    assert {name: error.status for name, error in MODELLED.items()}.items() <= modelled.items()
    # Of read sets' bytes and multipart uploads only, which are not emulated.
    assert set(modelled) - set(MODELLED) == {"NotSupportedOperationException", "RangeNotSatisfiableException"}


def test_what_is_not_emulated_is_named_and_not_repeated(wire: Wire, service: Service) -> None:
    client = wire.client()
    with pytest.raises(ClientError, match="ListVariantStores is not emulated") as caught:
        client.list_variant_stores()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_bug_of_the_emulator_is_a_server_error_and_stands_in_the_log(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def burst(*_: object) -> None:
        raise ZeroDivisionError("burst")

    monkeypatch.setattr(store, "settle", burst)
    with caplog.at_level(logging.ERROR):
        response = send(store, "GET", "/runCache")
    assert (response.status, response.headers["X-Amzn-Errortype"]) == (500, "InternalServerException")
    assert "ZeroDivisionError: burst" in caplog.text


def test_only_a_lost_answer_is_raised(store: Store) -> None:
    store.faults.lose_answer("ListRunCaches")
    with pytest.raises(AnswerLost, match="GET /runCache"):
        send(store, "GET", "/runCache")


@pytest.mark.parametrize(
    ("host", "path", "ours"),
    [
        ("workflows-omics.us-east-1.amazonaws.com", "/anything", True),
        ("127.0.0.1:5000", "/runCache/1", True),
        ("127.0.0.1:5000", "/tags/arn%3Aaws%3Aomics%3Aus-east-1%3A1%3Arun%2F1", True),
        ("127.0.0.1:5000", "/genomes/cache/x", False),
        ("127.0.0.1:5000", "/", False),
    ],
)
def test_a_request_is_ours_by_its_host_or_its_path(host: str, path: str, ours: bool) -> None:
    assert is_omics(host, path) is ours


def test_threads_get_each_an_id_of_its_own(store: Store) -> None:
    def create(number: int) -> str:
        return str(json.loads(send(store, "POST", "/runCache", {**CREATE, "requestId": str(number)}).body)["id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(200)))) == 200
        assert set(pool.map(lambda _: create(0), range(50))) == {create(0)}


def test_a_clock_moves_by_its_speed_and_never_back() -> None:
    frozen = Clock(frozen=True)
    now = frozen.now()
    assert frozen.now() == now
    frozen.advance(90)
    assert (frozen.now() - now).total_seconds() == 90
    fast = Clock(speed=1e6)
    assert fast.now() < fast.now()
    for speed in (0, -1, math.nan, math.inf, 1e300):
        with pytest.raises(ValueError, match="frozen=True"):
            Clock(speed=speed)


@pytest.mark.parametrize("seconds", [-1, 1e300, 10**400, 3e11, math.nan, math.inf, -math.inf])
def test_a_clock_is_not_moved_where_there_is_no_time(seconds: float) -> None:
    clock = Clock(frozen=True)
    now = clock.now()
    with pytest.raises(ValueError, match=rf"beyond the year 8999: by 0 to \d+ seconds, not {re.escape(str(seconds))}"):
        clock.advance(seconds)
    assert clock.now() == now


def test_what_falls_due_has_room_at_the_end_of_time(service: Service) -> None:
    service.clock.advance((datetime(9000, 1, 1, tzinfo=UTC) - service.clock.now()).total_seconds())
    group_id = service.client.create_run_group(maxDuration=100_000)["id"]
    assert service.client.get_run(id=service.start(runGroupId=group_id)["id"])["status"] == "PENDING"


def test_nothing_here_opens_a_socket(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    assert service.cache()["status"] == "ACTIVE"
