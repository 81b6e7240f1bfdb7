"""The emulator as an HTTP server of its own: HealthOmics, and every service that moto emulates, at one address."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import socketserver
import string
import threading
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

from airflow_provider_omics.emulator import control, core, neighbour_permissions, wire
from airflow_provider_omics.emulator.errors import ServiceError
from airflow_provider_omics.emulator.neighbours import MotoNeighbours, NoNeighbours, account_of
from airflow_provider_omics.emulator.request_body import FIELDS, LINE, read_body
from airflow_provider_omics.emulator.signature import scope_of
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.wsgi import Answer, MotoApplication

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
"""Loopback only: the emulator checks neither signatures nor permissions."""

PATIENCE = 0.5
"""How many seconds a server that is told to stop waits for answers under way."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)\n")  # RFC 9110, 5.6.2
_END = (b"\r\n", b"\n", b"")
"""What ends the headers: an empty line, or the connection's end."""


class Server:
    """A HealthOmics at an address of its own, answering from a thread of its own.

    ``with Server() as server: boto3.client("omics", endpoint_url=server.url, ...)``

    :param store: what it answers from; by default an empty one on the real clock.
    :param neighbours: whether S3, STS, CloudWatch Logs and moto's other services answer at the same address. They are
        ready one to three seconds later; a request that comes before waits.
    :param port: the TCP port; 0 lets the system choose a free one.
    :raises OSError: if the port is taken.
    """

    def __init__(self, store: Store | None = None, *, neighbours: bool = True, port: int = 0) -> None:
        self.store = store or Store(neighbours=MotoNeighbours() if neighbours else NoNeighbours())
        self._http = _HTTPServer(self, port)
        self.moto = MotoApplication() if neighbours else None
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open between requests
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave in one piece
    raw_requestline: bytes
    fields: list[tuple[str, str]]
    """The headers of the request, as they came."""
    named: dict[str, str]
    """The same by their names in lower case; of one that is repeated, the first."""

    def parse_request(self) -> bool:
        """Read the head of a request, and return whether it can be answered.

        The base class's own parses headers as those of a mail, which takes longer than answering most requests.
        """
        self.command, self.request_version, self.close_connection = "", self.protocol_version, True
        if self.raw_requestline in _END:  # one is to be ignored: RFC 9112, 2.2
            self.raw_requestline = self.rfile.readline(LINE)
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        words = self.requestline.split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
            return self._refuse(HTTPStatus.BAD_REQUEST, "The first line must be that of HTTP/1.1.")
        self.command, self.path, self.request_version = words
        if not self.path.isascii():  # others decode it as UTF-8
            self.path = quote(self.path, safe=string.printable, encoding="latin-1")
        self.fields, self.named = [], {}
        while (line := self.rfile.readline(LINE)) not in _END:
            found = _FIELD.fullmatch(text := line.decode("latin-1"))
            if not found or len(self.fields) >= FIELDS:
                return self._refuse(HTTPStatus.BAD_REQUEST, f"This cannot be a header here: {text[:40].rstrip()!r}.")
            name, value = found[1], found[2].strip(" \t\r")  # UTF-8 has bytes that are spaces in Latin-1
            self.fields.append((name, value))
            self.named.setdefault(name.lower(), value)
        options = self.named.get("connection", "").lower().replace(" ", "").split(",")
        self.close_connection = "close" in options or words[2] == "HTTP/1.0"
        expects = self.named.get("expect", "").lower() == "100-continue"
        return self.handle_expect_100() if expects else True

    def _refuse(self, status: HTTPStatus, why: str) -> bool:
        self.send_error(status, why)
        return False

    def do_GET(self) -> None:
        try:
            status, headers, body = self._answer(read_body(self.rfile, self.named))
        except core.AnswerLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except ServiceError as error:
            self.close_connection = True  # where the next request begins is unknown
            refusal = wire.refuse(error)
            status, headers, body = refusal.status, list(refusal.headers.items()), refusal.body
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            self.close_connection = True  # what is left of the request may still be in it
            status, headers, body = 500, [("Content-Type", "text/plain")], b"The emulator failed: see its log."
        log.debug("%s %s: %s", self.command, self.path, status)
        self.wfile.write(self._head(status, headers, len(body)))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: Iterable[tuple[str, str]], size: int) -> bytes:
        """Return the head of an answer: in one piece, since the base class's own way takes as long as the work does."""
        lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}", f"Date: {self.date_time_string()}"]
        sized = status in (204, 304)
        for name, value in headers:
            lower = name.lower()
            sized = sized or lower == "content-length"
            if lower not in ("connection", "date", "server", "transfer-encoding"):
                lines.append(f"{name}: {value}")
        if not sized:
            lines.append(f"Content-Length: {size}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "\r\n"])
        try:
            return head.encode("latin-1")
        except UnicodeEncodeError:  # e.g. the file name that a presigned address asks S3 to answer with
            return head.encode()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  # the base class looks these names up

    @property
    def _emulator(self) -> Server:
        return cast(_HTTPServer, self.server).emulator

    def _answer(self, body: bytes) -> Answer:
        emulator = self._emulator
        path, _, query = self.path.partition("?")
        if path == control.ROOT or path.startswith(f"{control.ROOT}/"):
            return control.answer(emulator.store, self.command, path, body)
        scope = scope_of(self.named.get("authorization"), query)
        # The signature names the service; without one, the model's routes decide.
        if scope.service == "omics" if scope else core.is_omics(self.named.get("host", ""), path):
            account = account_of(self.named, scope) if emulator.moto and emulator.moto.ready else None
            region = scope.region if scope else None
            request = (self.command, path, query, self.named, body)
            response = core.handle(emulator.store, *request, account=account, region=region)
            return response.status, list(response.headers.items()), response.body
        if emulator.moto is None:
            text = "This is no HealthOmics request, and the emulator runs without S3, STS and Logs."
            error = f"<Error><Code>NotImplemented</Code><Message>{text}</Message></Error>"
            # STS wants its errors wrapped, S3 does not; S3's parser finds the one inside, too.
            return 501, [("Content-Type", "text/xml")], f"<ErrorResponse>{error}</ErrorResponse>\n".encode()
        if path == "/moto-api/reset":
            emulator.store.reset()
        headers = HTTPMessage()
        for name, value in self.fields:
            headers[name] = value
        emulator.store.permissions.need(neighbour_permissions.needs(self.command, self.path, headers, body))
        return emulator.moto.answer(self.command, self.path, headers, body)

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()  # botocore waits a second for this before it sends an object
        return going_on

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Date the answers by the store's clock, as they date everything else."""
        now = self._emulator.store.clock.now().timestamp() if timestamp is None else timestamp
        return _http_date(int(now))

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


@lru_cache(maxsize=1)
def _http_date(timestamp: int) -> str:
    return formatdate(timestamp, usegmt=True)
