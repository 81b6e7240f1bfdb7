"""The emulator as an HTTP server of its own: HealthOmics, and every service that moto emulates, at one address."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Collection
from email.utils import formatdate
from functools import lru_cache
from http.client import HTTPMessage
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from xml.sax.saxutils import escape

from airflow_provider_omics.emulator import control, core, guard, neighbour_permissions, wire
from airflow_provider_omics.emulator.errors import NotImplementedException, RequestTimeoutException, ServiceError
from airflow_provider_omics.emulator.http_handler import Answer, HttpHandler
from airflow_provider_omics.emulator.neighbours import (
    MotoNeighbours,
    NoNeighbours,
    account_of,
    check_services,
)
from airflow_provider_omics.emulator.request_body import read_body
from airflow_provider_omics.emulator.signature import Scope, scope_of
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.wsgi import MotoApplication

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
"""Loopback only: the emulator checks neither signatures nor permissions. :mod:`.guard` keeps web pages out."""

_REST_XML = ("cloudfront", "route53", "s3")
"""The services, as signatures name them, whose clients read errors as S3 writes them."""
PATIENCE = 0.5
"""How many seconds a server that is told to stop waits for answers under way."""


class Server:
    """A HealthOmics at an address of its own, answering from a thread of its own.

    ``with Server() as server: boto3.client("omics", endpoint_url=server.url, ...)``

    :param store: what it answers from; by default an empty one on the real clock.
    :param neighbours: whether S3, STS, CloudWatch Logs, IAM, EventBridge and SQS answer at the same address. They are
        ready one to three seconds later; a request that comes before waits.
    :param services: further services that moto emulates, by the names of their packages there, e.g. ``dynamodb``. Some
        of them run containers or call addresses.
    :param port: the TCP port; 0 lets the system choose a free one.
    :raises OSError: if the port is taken.
    :raises ValueError: if moto has no such service.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        neighbours: bool = True,
        services: Collection[str] = (),
        port: int = 0,
    ) -> None:
        self.store = store or Store(neighbours=MotoNeighbours() if neighbours else NoNeighbours())
        check_services(services)
        self._http = _HTTPServer(self, port)
        self.moto = MotoApplication(services) if neighbours else None
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), name="omics-emulator", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """The address, e.g. ``http://127.0.0.1:5000``: the ``endpoint_url`` of clients."""
        return f"http://{HOST}:{self.port}"

    def wait(self) -> None:
        """Wait until the neighbours can answer too.

        :raises RuntimeError: if moto cannot be imported.
        """
        if self.moto:
            self.moto.wait()

    def close(self) -> None:
        """Stop answering, drop every connection, and return when nothing is left running."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = False  # a second emulator on the same port is to fail, not to share it
    request_queue_size = 128

    def __init__(self, emulator: Server, port: int) -> None:
        self.emulator = emulator
        self._open: dict[threading.Thread, socket.socket] = {}
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for the host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="omics-emulator", daemon=True
        )
        self._open[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[threading.current_thread()]

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("A connection from %s broke off", client_address, exc_info=True)

    def server_close(self) -> None:
        super().server_close()
        still_open = list(self._open.items())
        for _, connection in still_open:
            with contextlib.suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits on an idle connection
        deadline = time.monotonic() + PATIENCE
        for thread, _ in still_open:
            thread.join(timeout=max(0, deadline - time.monotonic()))


class _Handler(HttpHandler):
    def refusal(self) -> Answer | None:
        """Refuse web pages, before any part of the emulator sees what they send."""
        try:
            guard.check(self.named)
        except ServiceError as error:
            return self._refused(error)
        return None

    def respond(self) -> None:
        """Answer a request whose head is read."""
        try:
            body = read_body(self.rfile, self.named)
        except TimeoutError:
            self._give_up(RequestTimeoutException("The request did not arrive in time."))
            return
        except ServiceError as error:
            self._give_up(error)
            return
        try:
            answer = self._answer(body)
        except core.AnswerLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except ServiceError as error:
            answer = self._refused(error)
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            self.close_connection = True
            answer = 500, [("Content-Type", "text/plain")], b"The emulator failed: see its log."
        self.send(answer)

    def _give_up(self, error: ServiceError) -> None:
        """Refuse a request that was not read to its end: where the next one begins is unknown."""
        self.close_connection = True
        self.send(self._refused(error))

    @property
    def _emulator(self) -> Server:
        return cast(_HTTPServer, self.server).emulator

    def _answer(self, body: bytes) -> Answer:
        """Return the answer to a request that may be answered.

        :raises ServiceError: if no part of the emulator answers it.
        """
        emulator = self._emulator
        path, _, query = self.path.partition("?")
        if _is_control(path):
            return control.answer(emulator.store, self.command, path, body)
        scope = scope_of(self.named.get("authorization"), query)
        if self._is_omics(path, scope):
            account = account_of(self.named, scope) if emulator.moto and emulator.moto.ready else None
            region = scope.region if scope else None
            request = (self.command, path, query, self.named, body)
            response = core.handle(emulator.store, *request, account=account, region=region)
            return response.status, list(response.headers.items()), response.body
        if emulator.moto is None:
            raise NotImplementedException(
                "This is no HealthOmics request, and the emulator runs without S3, STS and Logs."
            )
        headers = HTTPMessage()
        for name, value in self.fields:
            headers[name] = value
        emulator.store.permissions.need(neighbour_permissions.needs(self.command, self.path, headers, body))
        return emulator.moto.answer(self.command, self.path, headers, body)

    def _is_omics(self, path: str, scope: Scope | None) -> bool:
        """Return whether a request is for HealthOmics: its signature names the service, or else the routes decide."""
        return scope.service == "omics" if scope else core.is_omics(self.named.get("host", ""), path)

    def _refused(self, error: ServiceError) -> Answer:
        """Return the answer that carries an error, in the form that clients of the service in question read."""
        if "x-amz-target" in self.named:
            body = json.dumps({"__type": error.code, "message": error.message}).encode()
            return error.status, [("Content-Type", "application/x-amz-json-1.1")], body
        if self._reads_rest_json():
            response = wire.refuse(error)
            return response.status, list(response.headers.items()), response.body
        code = error.code.removesuffix("Exception")
        xml = f"<Error><Code>{code}</Code><Message>{escape(error.message)}</Message></Error>"
        # STS wants its errors wrapped, S3 does not; S3's parser finds the one inside, too.
        return error.status, [("Content-Type", "text/xml")], f"<ErrorResponse>{xml}</ErrorResponse>\n".encode()

    def _reads_rest_json(self) -> bool:
        """Return whether the client of a request reads errors as HealthOmics writes them."""
        path, _, query = self.path.partition("?")
        scope = scope_of(self.named.get("authorization"), query)
        if scope is None or _is_control(path):
            return _is_control(path) or self._is_omics(path, scope)
        form = self.named.get("content-type", "").startswith("application/x-www-form-urlencoded")  # as of STS
        return scope.service not in _REST_XML and not form

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Date the answers by the store's clock, as they date everything else."""
        now = self._emulator.store.clock.now().timestamp() if timestamp is None else timestamp
        return _http_date(int(now))


def _is_control(path: str) -> bool:
    return path == control.ROOT or path.startswith(f"{control.ROOT}/")


@lru_cache(maxsize=1)
def _http_date(timestamp: int) -> str:
    return formatdate(timestamp, usegmt=True)
