"""No web page reaches any part of the emulator, by whatever request; every client of AWS does."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator import Clock, Store, guard, handle, incoming
from airflow_provider_omics.emulator.neighbours import SERVICES, MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import EngineName
from tests.emulator.served import Client, connect, scope
from tests.emulator.wired import ACCOUNT, REGION
from tests.limit import LIMIT_SECONDS

FORM = "application/x-www-form-urlencoded"
RECORDER = "/moto-api/recorder"
ATTACKS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "a call of HealthOmics": ("POST", "/runCache", {"Content-Type": "text/plain"}, b'{"cacheS3Location": "s3://x"}'),
    "a list of HealthOmics": ("GET", "/run", {}, b""),
    "a fault": ("POST", "/_emulator/faults", {"Content-Type": "text/plain"}, b'{"deny": {"operation": "*"}}'),
    "a reset": ("POST", "/_emulator/reset", {}, b""),
    "the calls": ("GET", "/_emulator/calls", {}, b""),
    "an object to read": ("GET", "/genomes/x", {}, b""),
    "an object to write": ("PUT", "/genomes/y", {"Content-Type": "text/plain"}, b"ACGT"),
    "an object in a form": ("POST", "/genomes", {"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
    "a preflight": ("OPTIONS", "/genomes/x", {"Access-Control-Request-Method": "PUT"}, b""),
    "a signed call": ("POST", "/", {"Content-Type": FORM, "Authorization": scope("sqs")}, b"Action=ListQueues"),
    "a call of SNS": ("POST", "/", {"Content-Type": FORM, "Authorization": scope("sns")}, b"Action=ListTopics"),
    "a recording": ("POST", f"{RECORDER}/upload-recording", {"Content-Type": "text/plain"}, b"{}"),
    "moto's dashboard": ("GET", "/moto-api/", {}, b""),
    "a path that nobody has": ("GET", "/favicon.ico", {}, b""),
}
"""Requests that a page can make; the answer to none of them is to tell it, or to do, anything."""
MARKS: dict[str, dict[str, str]] = {
    "another origin": {"Origin": "https://example.org"},
    "no origin": {"Origin": "null"},
    "the own origin": {"Origin": "http://127.0.0.1:5000"},
    "an empty origin": {"Origin": ""},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another port": {"Sec-Fetch-Site": "same-site"},
    "a page of a user's own bucket": {"Sec-Fetch-Site": "same-origin"},
    "a name that led elsewhere before": {"Host": "example.org:5000"},
    "a name that begins like ours": {"Host": "127.0.0.1.example.org"},
    "a name that ends like ours": {"Host": "evil-localhost"},
    "a name like one of AWS": {"Host": "s3.amazonaws.com.example.org"},
    "a prefix before another name": {"Host": "workflows-example.org"},
    "the address of any interface": {"Host": "0.0.0.0:5000"},
    "another address": {"Host": "192.168.1.2:5000"},
    "nothing": {"Host": ""},
}
"""What such a request carries: what a browser adds for a page, or the name by which a page reached this machine."""


@pytest.fixture(params=["simulated", pytest.param("wdl", marks=pytest.mark.locked)])
def engine(request: pytest.FixtureRequest) -> EngineName:
    """Return each engine's name."""
    name: EngineName = request.param
    return name


@pytest.fixture
def guarded(engine: EngineName) -> Iterator[Server]:
    """Return a server of either engine, with a bucket and an object."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(frozen=True), neighbours=neighbours, engine=engine)
    with Server(store) as server:
        neighbours.create_bucket("genomes", ACCOUNT, REGION)
        neighbours.put_object("genomes", "x", b"SECRET")
        yield server
    store.close()
    neighbours.reset()


def sent(server: Server, request: bytes) -> bytes:
    """Return what the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(100_000), b""))


def raw(server: Server, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, str]:
    """Send a request that ends its connection, and return status, head and body of the answer."""
    whole = {"Host": f"127.0.0.1:{server.port}", "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in whole.items())
    head, _, content = sent(server, f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body).partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode(), content.decode()


@pytest.mark.parametrize("mark", MARKS)
def test_no_page_reaches_any_part(guarded: Server, mark: str) -> None:
    faults, objects = guarded.store.faults, guarded.store.neighbours
    for attack, (method, path, headers, body) in ATTACKS.items():
        status, head, content = raw(guarded, method, path, headers | MARKS[mark], body)
        assert status == 403, attack
        assert "access-control" not in head.lower(), attack
        assert "SECRET" not in content, attack
        assert re.search(r"header (Origin|Sec-Fetch-Site|Host)", content), attack
    assert (faults.calls, objects.keys("genomes", "")) == ({}, ["x"])
    assert raw(guarded, "GET", "/run", {}, b"")[0] == 200


def test_the_recorder_of_moto_sends_nothing(guarded: Server, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends again what was uploaded, without the headers by which a browser marks a page's requests."""
    monkeypatch.chdir(tmp_path)
    order = {"cacheS3Location": "s3://genomes/c", "requestId": "1"}
    entry = {"method": "POST", "url": f"{guarded.url}/runCache", "headers": {}, "body": json.dumps(order)}
    for marks in (MARKS["another origin"], {}):
        for path in (RECORDER, "//moto-api/recorder", "/%6doto-api/recorder", "/moto-api/../moto-api/recorder"):
            raw(guarded, "POST", f"{path}/upload-recording", marks, json.dumps(entry).encode())
            raw(guarded, "POST", f"{path}/replay-recording", marks, b"{}")
    assert guarded.store.faults.calls == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["", "/", "/reset", "/data.json", "/seed?a=1", "/config", "/recorder/start-recording", "/proxy/passthrough"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_motos_own_interface_is_closed(server: Server, path: str, method: str) -> None:
    status, _, content = raw(server, method, f"/moto-api{path}", {}, b"{}")
    assert status == 403
    assert "moto's own interface: POST /_emulator/reset with" in content
    assert server.store.neighbours.bucket("genomes")


def test_no_part_sends_headers_for_other_origins(server: Server) -> None:
    for path in ("/", "/genomes", "/genomes/absent", "/run", "/_emulator", "/?Action=GetCallerIdentity"):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert "access-control" not in raw(server, method, path, {}, b"")[1].lower()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:5000", "127.8.9.10:1", "localhost", "LOCALHOST:5000", "localhost.", "[::1]:5000"),
        *("genomes.localhost:5000", "genomes.s3.localhost", "workflows-localhost:5000", "tags-127.0.0.1:5000"),
        *("workflows-omics.us-east-1.amazonaws.com", "s3.amazonaws.com", "genomes.s3.eu-west-1.amazonaws.com:443"),
        *("sts.amazonaws.com", "logs.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_names_that_clients_are_given_are_known(host: str) -> None:
    guard.check({"host": host})
    guard.check({"host": host, "sec-fetch-site": "none"})  # an address that was typed into a browser
    guard.check({})


def test_a_refused_request_is_told_before_its_body_is_read(server: Server) -> None:
    head = "POST /runCache HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 5000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS) as connection:
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(100_000), b""))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_client_reads_the_refusal_though_it_sends_a_large_body(server: Server) -> None:
    status, _, content = raw(server, "PUT", "/genomes/y", {"Host": "example.org"}, bytes(incoming.DISCARDED // 2))
    assert (status, "header Host" in content) == (403, True)


def test_the_core_refuses_pages_wherever_it_is_mounted() -> None:
    """moto's own server leads requests to it, too."""
    assert handle(Store(), "GET", "/run", "", {"Origin": "https://example.org"}, b"").status == 403


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        ("omics", "list_runs", {}, "AccessDeniedException"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException"),
        ("events", "list_rules", {}, "AccessDeniedException"),
        ("sqs", "list_queues", {}, "AccessDeniedException"),
        ("s3", "list_buckets", {}, "AccessDenied"),
        ("s3", "list_objects_v2", {"Bucket": "genomes"}, "AccessDenied"),
        ("s3", "put_object", {"Bucket": "genomes", "Key": "x", "Body": b"ACGT" * 100_000}, "AccessDenied"),
        ("sts", "get_caller_identity", {}, "AccessDenied"),
        ("iam", "list_roles", {}, "AccessDenied"),
    ],
)
def test_clients_understand_a_refusal(
    client: Client, service: str, operation: str, arguments: dict[str, Any], code: str
) -> None:
    def mark(request: Any, **_: Any) -> None:
        request.headers["Origin"] = "https://example.org"

    marked = client(service)
    marked.meta.events.register(f"before-send.{service}", mark)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(marked, operation)(**arguments)
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, 403)
    assert "does not answer web pages (header Origin)" in error["Error"]["Message"]


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "sns": ("list_topics", {}),
    "lambda": ("list_functions", {}),
    "batch": ("describe_compute_environments", {}),
    "dynamodb": ("list_tables", {}),
    "ec2": ("describe_instances", {}),
    "stepfunctions": ("list_state_machines", {}),
    "cloudformation": ("list_stacks", {}),
    "ecs": ("list_clusters", {}),
    "route53": ("list_hosted_zones", {}),
}
"""Services that run, mount or call something, or that nothing here needs."""


@pytest.mark.parametrize("service", CALLS)
def test_a_service_that_is_not_served_says_how_it_would_be(server: Server, service: str) -> None:
    operation, arguments = CALLS[service]
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    neighbour = connect(server, service, config=config)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(neighbour, operation)(**arguments)
    error = refused.value.response
    package = {"lambda": "awslambda"}.get(service, service)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    assert f"start it with --service {package}, or Server(services=['{package}'])" in error["Error"]["Message"]


def test_nothing_that_runs_or_calls_anything_is_served_by_itself(server: Server) -> None:
    assert {"events", "iam", "logs", "s3", "sqs", "sts"} == SERVICES
    for service, operation in {"events": "list_rules", "iam": "list_roles", "sqs": "list_queues"}.items():
        getattr(connect(server, service), operation)()


def test_events_call_no_address(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto does call a rule's API destination where the environment says so."""
    from moto import settings

    assert not settings.events_invoke_http()
    called: list[Any] = []
    monkeypatch.setattr("moto.events.models.requests.request", lambda **arguments: called.append(arguments))
    events = client("events")
    connection = events.create_connection(
        Name="c",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "n", "ApiKeyValue": "v"}},
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name="d", ConnectionArn=connection, InvocationEndpoint="http://127.0.0.1:9/", HttpMethod="POST"
    )["ApiDestinationArn"]
    events.put_rule(Name="r", EventPattern='{"source": ["test"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": destination}])
    events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": "{}"}])
    assert called == []


def test_a_service_that_is_asked_for_is_served() -> None:
    with Server(services=["dynamodb"]) as server:
        assert connect(server, "dynamodb").list_tables()["TableNames"] == []
        with pytest.raises(botocore.exceptions.ClientError, match="--service sns"):
            connect(server, "sns").list_topics()
    MotoNeighbours().reset()


@pytest.mark.parametrize("name", ["lambda", "moto_api", "moto_api._internal", "../moto/s3", "", "core"])
def test_a_service_that_moto_has_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"moto emulates no service '{re.escape(name)}'"):
        Server(services=[name])


def test_virtual_hosted_buckets_are_reached(server: Server) -> None:
    """By a name that ends in localhost, as some clients do, and by that of AWS, where a name leads here."""
    server.store.neighbours.put_object("genomes", "x", b"ACGT")
    for host in ("genomes.localhost", "genomes.s3.localhost", "genomes.s3.us-east-1.amazonaws.com"):
        status, _, content = raw(server, "GET", "/x", {"Host": host, "Authorization": scope("s3")}, b"")
        assert (host, status, content) == (host, 200, "ACGT")


def test_host_prefixes_reach_healthomics(server: Server) -> None:
    for host in ("workflows-localhost", "workflows-127.0.0.1", "workflows-omics.us-east-1.amazonaws.com"):
        assert raw(server, "GET", "/run", {"Host": f"{host}:{server.port}"}, b"")[::2] == (200, '{"items":[]}')


def test_a_client_that_is_told_localhost_works(server: Server) -> None:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": REGION}
    config = Config(inject_host_prefix=False, s3={"addressing_style": "path"})
    url = f"http://localhost:{server.port}"
    s3, omics = (boto3.client(name, endpoint_url=url, config=config, **keys) for name in ("s3", "omics"))  # type: ignore[call-overload]
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["genomes"]
    assert omics.list_runs()["items"] == []
