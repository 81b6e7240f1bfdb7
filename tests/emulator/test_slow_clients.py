"""Connections that send nothing, or half a request, or take no answer: they end, and others are answered meanwhile."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_omics.emulator import incoming
from airflow_provider_omics.emulator.http_handler import HttpHandler
from airflow_provider_omics.emulator.server import Server
from tests.emulator.served import Client, scope
from tests.limit import LIMIT_SECONDS


class Moved:
    """A clock in the place of the module ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time that a test has set."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Moved:
    """Let the limits go by a clock that stands still until the test moves it."""
    moved = Moved()
    monkeypatch.setattr(incoming, "time", moved)
    return moved


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, incoming.Incoming]]:
    """Return a client's socket, and what the server reads of it."""
    client, served = socket.socketpair()
    with client, served:
        yield client, incoming.Incoming(served)


def opened(server: Server) -> socket.socket:
    """Return a new connection to a server."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS)


def received(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(100_000), b""))


def test_a_sender_that_drips_gets_no_further_time(clock: Moved, pair: tuple[socket.socket, incoming.Incoming]) -> None:
    client, reader = pair
    reader.allow(incoming.REQUEST)
    for _ in range(int(incoming.REQUEST)):
        client.sendall(b"X")
        assert reader.read(1) == b"X"
        clock.now += 1.0
    client.sendall(b"X")
    clock.now += 1.0
    with pytest.raises(TimeoutError, match="did not arrive in time"):
        reader.read(1)


def test_a_large_body_gets_the_time_that_it_needs(clock: Moved, pair: tuple[socket.socket, incoming.Incoming]) -> None:
    client, reader = pair
    reader.allow(incoming.REQUEST)
    for _ in range(100):
        client.sendall(bytes(2 * incoming.PACE))
        left = 2 * incoming.PACE
        while left:
            left -= len(reader.read(left) or b"")
        clock.now += 2.0
    clock.now += incoming.REQUEST
    with pytest.raises(TimeoutError):
        reader.read(1)


def test_an_idle_connection_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "IDLE", 0.05)
    with opened(server) as connection:
        assert received(connection) == b""


def test_a_connection_that_is_idle_after_a_request_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    respond = HttpHandler.do_GET

    def last(handler: HttpHandler) -> None:
        monkeypatch.setattr(incoming, "IDLE", 0.05)
        respond(handler)

    monkeypatch.setattr(HttpHandler, "do_GET", last)
    with opened(server) as connection:
        connection.sendall(b"GET /run HTTP/1.1\r\n\r\n")
        assert received(connection).endswith(b'{"items":[]}')


@pytest.mark.parametrize("half", [b"GET /run", b"GET /run HTTP/1.1\r\n", b"GET /run HTTP/1.1\r\nHost: 127.0"])
def test_a_half_sent_head_ends(server: Server, half: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "IDLE", 1.0)
    monkeypatch.setattr(incoming, "REQUEST", 0.05)
    with opened(server) as connection:
        connection.sendall(half)
        assert received(connection) == b""


@pytest.mark.parametrize("body", [b"Content-Length: 9\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"])
def test_a_half_sent_body_ends_with_a_reason(server: Server, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "REQUEST", 0.05)
    with opened(server) as connection:
        connection.sendall(b"POST /runCache HTTP/1.1\r\n" + body)
        head, _, content = received(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nX-Amzn-Errortype: RequestTimeoutException\r\n" in head
    assert json.loads(content)["message"] == "The request did not arrive in time."


def test_a_client_that_takes_no_answer_is_dropped(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.store.neighbours.put_object("genomes", "x", bytes(64 * 1024**2))
    monkeypatch.setattr(incoming, "ANSWER", 0.05)
    with opened(server) as connection:
        connection.sendall(
            f"GET /genomes/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: {scope('s3')}\r\n\r\n".encode()
        )
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        ended(server)


def test_four_hundred_slow_connections_keep_nobody_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "REQUEST", 1.0)
    with ExitStack() as stack:
        slow = [stack.enter_context(opened(server)) for _ in range(400)]
        for connection in slow:
            connection.sendall(b"POST /runCache HTTP/1.1\r\nContent-Len")
        assert status(server) == 200
        assert [received(connection) for connection in slow] == [b""] * 400
    ended(server)
    assert status(server) == 200


def status(server: Server) -> int:
    """Return how a request of a new connection is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    connection.request("GET", "/run", headers={"Connection": "close"})
    found = connection.getresponse().status
    connection.close()
    return found


def ended(server: Server) -> None:
    """Wait until no connection takes a thread any more."""
    threads: dict[Any, socket.socket] = dict(server._http._open)
    for thread in threads:
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()
