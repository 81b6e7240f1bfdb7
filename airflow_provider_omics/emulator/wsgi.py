"""moto's own server application, called from ours for every service that is not HealthOmics."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from airflow_provider_omics.emulator.errors import AccessDeniedException
from airflow_provider_omics.emulator.http_handler import Answer
from airflow_provider_omics.emulator.neighbours import SERVICES, MotoNeighbours

if TYPE_CHECKING:
    from email.message import Message

log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class MotoApplication:
    """moto behind the calling convention of WSGI, imported in the background from the moment this is made.

    :param services: the services that answer besides :data:`SERVICES`, by the names of their packages in moto.
    """

    def __init__(self, services: Collection[str] = ()) -> None:
        self._services = SERVICES.union(services)
        self._application: Application | None = None
        self._failure: BaseException | None = None
        self._loaded = threading.Event()
        threading.Thread(target=self._load, name="omics-emulator-moto", daemon=True).start()

    def _load(self) -> None:
        try:
            MotoNeighbours.load()
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication

            self._application = DomainDispatcherApplication(self._application_of)
        except Exception as error:
            self._failure = error
        finally:
            self._loaded.set()

    def _application_of(self, service: str | None) -> Any:
        """Return moto's application of one service; moto calls this when it has decided which one a request is for.

        Whatever the spelling of an address, it passes here, that of moto's own interface ``/moto-api`` included.

        :raises AccessDeniedException: if the emulator does not serve it.
        """
        from moto.moto_server.werkzeug_app import create_backend_app

        if service in self._services:
            return create_backend_app(service)  # type: ignore[arg-type]
        served = f"Beside HealthOmics, the emulator serves {', '.join(sorted(self._services))}"
        if service is None or service.startswith("moto_api"):
            reset = 'POST /_emulator/reset with {"neighbours": true} empties all services'
            raise AccessDeniedException(f"{served}, and not moto's own interface: {reset}.")
        raise AccessDeniedException(
            f"{served}. To serve {service}, too, start it with --service {service}, or Server(services=[{service!r}])."
        )

    @property
    def ready(self) -> bool:
        """Whether moto is imported. Before that, nobody can have assumed a role."""
        return self._loaded.is_set() and self._application is not None

    def wait(self) -> Application:
        """Return the application as soon as moto is imported.

        :raises RuntimeError: if moto or Flask cannot be imported.
        """
        self._loaded.wait()
        if self._application is None:
            raise RuntimeError(
                "The services beside HealthOmics (S3, STS, Logs) need moto with Flask: "
                "install airflow-provider-omics[emulator], or start the emulator without neighbours."
            ) from self._failure
        return self._application

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> Answer:
        """Pass on one request.

        :param target: path and query string as they came, percent-encoded.
        :raises AccessDeniedException: if it is for a service that is not served.
        """
        application = self.wait()
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, fields: list[tuple[str, str]], exc_info: object = None) -> None:
            started.append((status, fields))

        chunks: Any = application(environment(method, target, headers, body), start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        status, fields = started[-1]
        return int(status.split(" ", 1)[0]), fields, content


def environment(method: str, target: str, headers: Message, body: bytes) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333) of a request, with the two additions that moto's server makes."""
    path, _, query = target.partition("?")
    host, _, port = headers.get("Host", "localhost").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": target,  # moto takes S3 keys from here: an encoded slash differs from a slash
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    spelled: dict[str, str] = {}
    for name in sorted(dict.fromkeys(headers), key=lambda name: "_" in name):
        key = "HTTP_" + name.upper().replace("-", "_")
        if key in ("HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"):
            continue
        if "_" in name:
            # WSGI cannot tell X_Foo from X-Foo; S3 can, in the names of an object's metadata.
            if not name.lower().startswith("x-amz-meta-") or key in environ:
                continue
            spelled[key] = name
        environ[key] = ",".join(headers.get_all(name, []))
    environ["moto.preserved_header_names"] = spelled
    return environ
