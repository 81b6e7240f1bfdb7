"""The emulator as an HTTP server of its own: HealthOmics, and every service that moto emulates, at one address."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import socketserver
import threading
import time
from email.message import Message
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qs

from airflow_provider_omics.emulator import control, core, neighbour_permissions
from airflow_provider_omics.emulator.neighbours import MotoNeighbours, NoNeighbours, account_of
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.wsgi import Answer, MotoApplication

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
"""Loopback only: the emulator checks neither signatures nor permissions."""

PATIENCE = 0.5
"""How many seconds a server that is told to stop waits for answers under way."""

_LINE = 65_536
"""How long a line of a request's head may be, in bytes."""

_HEADERS = 100
"""How many headers a request can have."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_SCOPE = re.compile(r"\bCredential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


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
            target=self._http.serve_forever, args=(0.05,), name="omics-emulator", daemon=True
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

    def parse_request(self) -> bool:
        """Read the head of a request, and return whether it can be answered.

        The base class's own parses headers as those of a mail, which takes longer than answering most requests.
        """
        self.command, self.request_version, self.close_connection = "", self.protocol_version, True
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        words = self.requestline.split()
        if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
            return self._refuse(HTTPStatus.BAD_REQUEST, "The first line must be that of HTTP/1.1.")
        self.command, self.path, self.request_version = words
        self.headers = HTTPMessage()
        while line := self.rfile.readline(_LINE).rstrip(b"\r\n").decode("latin-1"):
            name, colon, value = line.partition(":")
            if not _NAME.fullmatch(name) or not colon or len(line) >= _LINE - 2 or len(self.headers) >= _HEADERS:
                return self._refuse(HTTPStatus.BAD_REQUEST, f"This cannot be a header here: {line[:40]!r}.")
            self.headers[name] = value.strip()
        if not (self.headers.get("Content-Length") or "0").isdecimal():
            return self._refuse(HTTPStatus.BAD_REQUEST, "The Content-Length must be a number.")
        connection = self.headers.get("Connection", "").lower()
        self.close_connection = connection == "close" or (words[2] == "HTTP/1.0" and connection != "keep-alive")
        expects = self.headers.get("Expect", "").lower() == "100-continue"
        return self.handle_expect_100() if expects else True

    def _refuse(self, status: HTTPStatus, why: str) -> bool:
        self.send_error(status, why)
        return False

    def do_GET(self) -> None:
        try:
            status, headers, body = self._answer(self._body())
        except core.AnswerLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            self.close_connection = True  # what is left of the request may still be in it
            status, headers, body = 500, [("Content-Type", "text/plain")], b"The emulator failed: see its log."
        self.send_response(status)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in ("connection", "date", "server", "transfer-encoding"):
                self.send_header(name, value)
        if "content-length" not in names and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  # the base class looks these names up

    @property
    def _emulator(self) -> Server:
        return cast(_HTTPServer, self.server).emulator

    def _answer(self, body: bytes) -> Answer:
        emulator = self._emulator
        path, _, query = self.path.partition("?")
        if path == control.ROOT or path.startswith(f"{control.ROOT}/"):
            return control.answer(emulator.store, self.command, path, body)
        if _is_omics(self.headers, path, query):
            names = {name.lower(): value for name, value in self.headers.items()}
            account = account_of(names) if emulator.moto and emulator.moto.ready else None
            response = core.handle(emulator.store, self.command, path, query, names, body, account=account)
            return response.status, list(response.headers.items()), response.body
        if emulator.moto is None:
            text = "This is no HealthOmics request, and the emulator runs without S3, STS and Logs."
            error = f"<Error><Code>NotImplemented</Code><Message>{text}</Message></Error>"
            # STS wants its errors wrapped, S3 does not; S3's parser finds the one inside, too.
            return 501, [("Content-Type", "text/xml")], f"<ErrorResponse>{error}</ErrorResponse>\n".encode()
        if path == "/moto-api/reset":
            emulator.store.reset()
        emulator.store.permissions.need(neighbour_permissions.needs(self.command, self.path, self.headers, body))
        return emulator.moto.answer(self.command, self.path, self.headers, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(chunks)

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()  # botocore waits a second for this before it sends an object
        return going_on

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Date the answers by the store's clock, as they date everything else."""
        now = self._emulator.store.clock.now().timestamp()
        return super().date_time_string(int(now if timestamp is None else timestamp))

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def _presigned(query: str) -> str:
    return f"Credential={''.join(parse_qs(query).get('X-Amz-Credential', []))}/" if query else ""


def _is_omics(headers: Message, path: str, query: str) -> bool:
    """Decide whose request it is: the signature names the service; without one, the model's routes decide."""
    scope = _SCOPE.search(headers.get("Authorization") or _presigned(query))
    if scope:
        return scope.group(1) == "omics"
    return core.is_omics(headers.get("Host", ""), path)
