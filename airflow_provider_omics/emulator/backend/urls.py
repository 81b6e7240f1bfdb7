"""The one route by which moto hands every request to the core."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionClosedError

from airflow_provider_omics.emulator import core
from airflow_provider_omics.emulator.backend import URL
from airflow_provider_omics.emulator.backend.models import OmicsBackend
from airflow_provider_omics.emulator.neighbours import account_of
from airflow_provider_omics.emulator.signature import scope_of


def answer(request: Any, full_url: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
    """Answer a request that moto has normalized.

    :raises botocore.exceptions.ConnectionClosedError: in place of an answer that a fault has lost.
    """
    url = urlsplit(full_url)
    names = {name.lower(): value for name, value in headers.items()}
    try:
        response = core.handle(
            OmicsBackend.store,
            request.method,
            url.path,
            url.query,
            names,
            _body(request),
            account=account_of(names, scope_of(names.get("authorization"), url.query)),
        )
    except core.AnswerLost:
        raise ConnectionClosedError(endpoint_url=full_url) from None
    date = format_datetime(OmicsBackend.store.clock.now(), usegmt=True)
    return response.status, {**response.headers, "Date": date}, response.body


def _body(request: Any) -> bytes:
    if hasattr(request, "get_data"):
        return bytes(request.get_data())
    body = request.body or b""  # moto 5.2.0 hands over what botocore prepared
    body = body.read() if hasattr(body, "read") else body
    return body.encode() if isinstance(body, str) else bytes(body)


url_bases = [URL]
url_paths = {"{0}/(?P<route>.+)$": answer}
