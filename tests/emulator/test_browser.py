"""A real browser shows a page of another origin, whose script does to the emulator what it can."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator import guard
from airflow_provider_omics.emulator.server import Server
from tests.e2e.programs import chromium
from tests.emulator.served import Client
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.slow

PAGE = Path(__file__).with_name("page.html")
REBOUND = "page.example"
"""The name of a page that its owner's DNS leads to this machine."""
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    # Nothing but this machine is reached, and the browser does not try https in the place of http.
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode",
)
MARKER = "SECRET"


class Page(ThreadingHTTPServer):
    """Where the page lies: it takes the results, and hands on to the emulator whatever else it is asked for.

    That is what a name does whose owner leads it to the emulator as soon as the page is loaded (DNS rebinding).
    """

    daemon_threads = True

    def __init__(self, emulator: Server) -> None:
        super().__init__(("127.0.0.1", 0), _PageHandler)
        self.emulator = emulator
        self.results: dict[str, Any] = {}
        self.done = threading.Event()


class _PageHandler(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/page":
            self._answer(200, "text/html", PAGE.read_bytes().replace(b"EMULATOR", self.server.emulator.url.encode()))
        elif self.path == "/results":
            self.server.results = json.loads(body)
            self._answer(200, "text/plain", b"")
            self.server.done.set()
        elif self.path == "/favicon.ico":
            self._answer(404, "text/plain", b"")
        else:
            self._hand_on(body)

    do_POST = do_PUT = do_GET  # noqa: N815  # the base class looks these names up

    def _hand_on(self, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.emulator.port, timeout=LIMIT_SECONDS)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        self._answer(answer.status, answer.headers.get("Content-Type", ""), answer.read())
        connection.close()

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def page(server: Server, client: Client) -> Iterator[Page]:
    """Put a script and an image into the emulator's S3, and serve the page on another port."""
    script, image = f"window.leaked = {MARKER!r};", '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
    for key, body, kind in (("secret.js", script, "text/javascript"), ("secret.svg", image, "image/svg+xml")):
        client("s3").put_object(Bucket="genomes", Key=key, Body=body, ContentType=kind, ACL="public-read")
    with Page(server) as page:
        thread = threading.Thread(target=page.serve_forever, args=(0.01,))
        thread.start()
        yield page
        page.shutdown()
        thread.join()


@contextmanager
def browser(url: str, folder: Path) -> Iterator[None]:
    """Show an address in a browser that knows nothing of any user."""
    with (folder / "chromium.log").open("wb") as log:
        command: list[str | Path] = [chromium(), *OPTIONS, f"--user-data-dir={folder / 'profile'}", url]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its processes are a session of their own
        process.wait()


def attacked(page: Page, host: str, folder: Path) -> dict[str, Any]:
    """Return what became of the page's attempts when the browser showed it at an address of that host."""
    with browser(f"http://{host}:{page.server_port}/page", folder):
        assert page.done.wait(LIMIT_SECONDS), (folder / "chromium.log").read_text()
    return page.results


@pytest.mark.parametrize("host", ["localhost", REBOUND])
def test_a_page_reaches_nothing(page: Page, host: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "airflow_provider_omics.emulator.http_handler")
    caplog.clear()
    results = attacked(page, host, tmp_path)
    answered = Counter(record.getMessage() for record in caplog.records)
    arrived = {
        *("POST /_emulator/faults: 403", "POST /moto-api/recorder/upload-recording: 403", "POST /runCache: 403"),
        *("POST /genomes: 403", "GET /_emulator/calls: 403", "GET /genomes/secret.js: 403"),
        *("OPTIONS /genomes/written: 403", "GET /genomes/secret.svg: 403", "PUT /genomes/rebound: 403"),
    }
    assert set(answered) == arrived
    assert (answered["GET /_emulator/calls: 403"], answered["GET /genomes/secret.js: 403"]) == (2, 3)
    assert MARKER not in json.dumps(results)
    assert {name for name, result in results.items() if result == "failed"} == {
        *("calls", "object", "written", "script", "image"),
    }
    store = page.emulator.store
    assert store.neighbours.keys("genomes", "") == ["secret.js", "secret.svg"]
    assert store.faults.calls == {}
    assert store.faults.meet("ListRuns").error is None


def test_the_attempts_are_real(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard the same page does harm, in the same browser."""
    monkeypatch.setattr(guard, "check", lambda headers: None)
    monkeypatch.setattr(guard, "check_page", lambda headers: None)
    results = attacked(page, REBOUND, tmp_path)
    store = page.emulator.store
    assert store.neighbours.keys("genomes", "") == ["planted", "secret.js", "secret.svg"]
    assert store.faults.calls == {"CreateRunCache": 1}
    assert store.faults.meet("ListRuns").error
    assert (results["script"], results["image"], results["leaked"]) == ("loaded", "loaded", MARKER)
    assert json.loads(results["own calls"]) == {"calls": {"CreateRunCache": 1}}
