"""Requests as other clients than boto3 send them, and such as are none."""

from __future__ import annotations

import http.client
import json
import re
import socket
from urllib.parse import quote

import pytest

from airflow_provider_omics.emulator.server import Server
from tests.emulator.served import Client, scope
from tests.limit import LIMIT_SECONDS


def test_chunked_bodies(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    body = (chunk for chunk in (b'{"cacheS3Location": ', b'"s3://genomes/cache", "requestId": "1"}'))
    connection.request("POST", "/runCache", body=body, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    answer = connection.getresponse()
    assert (answer.status, "id" in json.load(answer)) == (201, True)
    connection.close()


@pytest.mark.parametrize(
    "head",
    [
        "GET /run",
        "GET /run HTTP/2.0",
        "GET / run HTTP/1.1",
        "GET /run HTTP/1.1\r\nno colon",
        "GET /run HTTP/1.1\r\n folded: on",
        "GET /run HTTP/1.1\r\nX: " + "x" * 70_000,
        "GET /run HTTP/1.1" + "\r\nX: x" * 101,
    ],
)
def test_a_head_that_is_not_http_is_refused(server: Server, head: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("header", "body", "message"),
    [
        ("Content-Length: -1", "", "Content-Length must be a number up to 5368709120, not '-1'"),
        ("Content-Length: ten", "", "not 'ten'"),
        ("Content-Length: " + "9" * 5000, "", "not '9999"),
        ("Content-Length: 9999999999", "", "not '9999999999'"),
        ("Content-Length: 3", "{}", "ends after 2 bytes, of 3"),
        ("Transfer-Encoding: gzip, chunked", "0\r\n\r\n", "only be chunked, not 'gzip, chunked'"),
        (CHUNKED, "", "size of a chunk must be a number up to 5368709120, not ''"),
        (CHUNKED, "zz\r\n{}\r\n0\r\n\r\n", "not 'zz'"),
        (CHUNKED, "-2\r\n{}\r\n0\r\n\r\n", "not '-2'"),
        (CHUNKED, "0x2\r\n{}\r\n0\r\n\r\n", "not '0x2'"),
        (CHUNKED, "ffffffffffffffff\r\n{}\r\n0\r\n\r\n", "not 'ffffffffffffffff'"),
        (CHUNKED, "1\r\n{\r\n140000000\r\n", "larger than 5368709120 bytes"),
        (CHUNKED, "1\r\n{}\r\n0\r\n\r\n", "longer than its size, 1 bytes"),
        (CHUNKED, "3\r\n{}", "ends after 2 bytes, of 3"),
        (CHUNKED, "2\r\n{}\r\n0\r\n" + "X: x\r\n" * 101 + "\r\n", "more than 100 trailers"),
    ],
)
def test_a_body_that_is_none_is_refused_and_nothing_after_it_is_read(
    server: Server, header: str, body: str, message: str
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS) as connection:
        connection.sendall(f"POST /runCache HTTP/1.1\r\n{header}\r\n\r\n{body}".encode())
        connection.shutdown(socket.SHUT_WR)
        head, _, document = b"".join(iter(lambda: connection.recv(10_000), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nX-Amzn-Errortype: ValidationException\r\n" in head
    assert head.endswith(b"\r\nConnection: close")
    assert message in json.loads(document)["message"]


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding"])
def test_a_header_that_may_stand_once_is_refused_twice(server: Server, name: str) -> None:
    value = {"Host": "localhost", "Content-Length": "2", "Transfer-Encoding": "chunked"}[name]
    request = f"POST /runCache HTTP/1.1\r\n{name}: {value}\r\n{name.lower()}: {value}\r\n\r\n{{}}"
    assert sent(server, request.encode()).startswith(b"HTTP/1.1 400 The request has more than one")


def test_a_length_beside_chunks_hides_no_second_request(server: Server) -> None:
    """The chunks count, and the connection ends, whatever follows: RFC 9112, 6.1."""
    head = "POST /runCache HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = sent(server, f"{head}2\r\n{{}}\r\n0\r\n\r\nGET /run HTTP/1.1\r\n\r\n".encode())
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Member must not be null" in answer
    assert server.store.faults.calls == {"CreateRunCache": 1}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_what_a_request_says_makes_no_header_of_the_answer(server: Server, end: str) -> None:
    server.store.neighbours.put_object("genomes", "x", b"ACGT")
    shared = f"Host: localhost\r\nConnection: close\r\nAuthorization: {scope('s3')}\r\n"
    injected = quote(f"attachment{end}Set-Cookie: x=1{end}{end}<script>")
    get = f"GET /genomes/x?response-content-disposition={injected} HTTP/1.1\r\n{shared}\r\n"
    put = f"PUT /genomes/y HTTP/1.1\r\n{shared}Content-Length: 0\r\nx-amz-meta-a: b\rSet-Cookie: x=1\r\n\r\n"
    head = f"HEAD /genomes/y HTTP/1.1\r\n{shared}\r\n"
    for request in (get, put, head):
        assert not re.search(rb"[\r\n]Set-Cookie|<script>", sent(server, request.encode()))


def test_it_listens_on_one_loopback_address_only(server: Server) -> None:
    assert server._http.server_address == ("127.0.0.1", server.port)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port))


@pytest.mark.parametrize(
    "head",
    [
        "GET /run HTTP/1.0",
        "GET /run HTTP/1.0\r\nConnection: keep-alive",
        "GET /run HTTP/1.1\r\nConnection: TE, close",
        "\r\nGET /run HTTP/1.1\r\nConnection: close",
    ],
)
def test_a_connection_that_is_not_kept_is_answered_once(server: Server, head: str) -> None:
    answer = sent(server, f"{head}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b'{"items":[]}')


def test_bytes_that_look_like_spaces_of_latin_1_are_kept(server: Server, client: Client) -> None:
    """The last byte of UTF-8 may: that of Å is 85, that of à is A0."""
    s3, names = client("s3"), ("Å", "voilà")
    shared = f"Host: localhost\r\nConnection: close\r\nAuthorization: {scope('s3')}"
    for name in names:
        put = f"PUT /genomes/{name}/à.txt HTTP/1.1\r\n{shared}\r\nContent-Length: 4\r\nx-amz-meta-name: {name}"
        assert sent(server, f"{put}\r\n\r\nACGT".encode()).startswith(b"HTTP/1.1 200 ")
        head = sent(server, f"HEAD /genomes/{name}/à.txt HTTP/1.1\r\n{shared}\r\n\r\n".encode())
        assert f"\r\nx-amz-meta-name: {name}\r\n".encode() in head
        s3.put_object(Bucket="genomes", Key="x", ContentDisposition=f"attachment; filename={name}")
        disposition = s3.head_object(Bucket="genomes", Key="x")["ContentDisposition"]  # read as Latin-1
        assert disposition.encode("latin-1").decode() == f"attachment; filename={name}"
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="genomes", Prefix="")["Contents"]]
    assert sorted(keys) == sorted([*(f"{name}/à.txt" for name in names), "x"])


def sent(server: Server, request: bytes) -> bytes:
    """Return what the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(10_000), b""))
