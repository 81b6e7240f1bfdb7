"""HTTP/1.1 on one connection: heads that are read quickly, requests that come in time, answers in one piece."""

from __future__ import annotations

import io
import logging
import re
import socket
import string
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

from airflow_provider_omics.emulator import incoming
from airflow_provider_omics.emulator.request_body import FIELDS, LINE

log = logging.getLogger(__name__)

Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)\n")  # RFC 9110, 5.6.2
_OWN = ("connection", "date", "server", "transfer-encoding")
"""Headers that are the server's business."""
_ONCE = ("content-length", "host", "transfer-encoding")
"""Headers of which a second one makes a request ambiguous: RFC 9112, 3.2 and 6.3."""
_END = (b"\r\n", b"\n", b"")
"""What ends the headers: an empty line, or the connection's end."""


class HttpHandler(BaseHTTPRequestHandler):
    """A connection of HTTP/1.1, which lasts for as many requests as come in time.

    What may be asked, and what is answered, is up to whoever derives from it.
    """

    protocol_version = "HTTP/1.1"  # connections stay open between requests
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave in one piece
    raw_requestline: bytes
    fields: list[tuple[str, str]]
    """The headers of the request, as they came."""
    named: dict[str, str]
    """The same by their names in lower case; of one that is repeated, the first."""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._incoming = incoming.Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        """Answer one request, if it comes in time."""
        self._incoming.allow(incoming.IDLE)
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the head of a request, and return whether it can be answered.

        The base class's own parses headers as those of a mail, which takes longer than answering most requests.
        """
        self._incoming.allow(incoming.REQUEST)
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
        if not self._read_fields():
            return False
        options = self.named.get("connection", "").lower().replace(" ", "").split(",")
        ambiguous = "content-length" in self.named and "transfer-encoding" in self.named  # RFC 9112, 6.1
        self.close_connection = "close" in options or words[2] == "HTTP/1.0" or ambiguous
        if not self._admitted():
            return False
        expects = self.named.get("expect", "").lower() == "100-continue"
        return self.handle_expect_100() if expects else True

    def _read_fields(self) -> bool:
        self.fields, self.named = [], {}
        while (line := self.rfile.readline(LINE)) not in _END:
            found = _FIELD.fullmatch(text := line.decode("latin-1"))
            if not found or len(self.fields) >= FIELDS:
                return self._refuse(HTTPStatus.BAD_REQUEST, f"This cannot be a header here: {text[:40].rstrip()!r}.")
            name, value = found[1], found[2].strip(" \t\r")  # UTF-8 has bytes that are spaces in Latin-1
            if name.lower() in _ONCE and name.lower() in self.named:
                return self._refuse(HTTPStatus.BAD_REQUEST, f"The request has more than one {name}.")
            self.fields.append((name, value))
            self.named.setdefault(name.lower(), value)
        return True

    def _admitted(self) -> bool:
        """Return whether the request may reach anything; if not, refuse it, and read none of its body into memory."""
        refusal = self.refusal()
        if refusal is None:
            return True
        self.close_connection = True
        self.send(refusal)
        self.wfile.flush()
        # To close a connection on which something waits unread would drop the answer, too.
        self.connection.shutdown(socket.SHUT_WR)
        self._incoming.allow(incoming.LINGER)
        dropped = 0
        while dropped < incoming.DISCARDED and (piece := self.rfile.read1(LINE)):
            dropped += len(piece)
        return False

    def refusal(self) -> Answer | None:
        """Return the answer to a request that may reach nothing, by its head alone; None to one that may."""
        raise NotImplementedError

    def respond(self) -> None:
        """Answer a request whose head is read."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer a request of any method."""
        self.respond()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  # the base class looks these names up

    def _refuse(self, status: HTTPStatus, why: str) -> bool:
        self.send_error(status, why)
        return False

    def send(self, answer: Answer) -> None:
        """Send an answer."""
        status, headers, body = answer
        log.debug("%s %s: %s", self.command, self.path, status)
        self.connection.settimeout(incoming.ANSWER)
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
            # moto lets every web page read its answers (Access-Control-Allow-Origin).
            if lower not in _OWN and not lower.startswith("access-control-"):
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

    def handle_expect_100(self) -> bool:
        """Let the client send its body."""
        going_on = super().handle_expect_100()
        self.wfile.flush()  # botocore waits a second for this before it sends an object
        return going_on

    def log_message(self, format: str, *args: object) -> None:
        """Log what the base class would print."""
        log.debug(format, *args)
