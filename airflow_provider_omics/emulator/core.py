"""The emulated service: one function from an HTTP request to an HTTP response."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from airflow_provider_omics.emulator import model, wire
from airflow_provider_omics.emulator.errors import (
    InternalServerException,
    NotImplementedException,
    ServiceError,
    UnknownOperationException,
)
from airflow_provider_omics.emulator.idempotency import once
from airflow_provider_omics.emulator.operations import HANDLERS, Call
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.wire import Response

__all__ = ["AnswerLost", "Response", "handle", "is_omics"]

log = logging.getLogger(__name__)

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
_CREDENTIAL_SCOPE = re.compile(r"Credential=[^/\s,]+/\d{8}/([^/\s,]+)/")


class AnswerLost(Exception):
    """The work is done, and a fault says that its answer never arrives: the connection is to be dropped."""


def handle(
    store: Store,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    account: str | None = None,
    region: str | None = None,
) -> Response:
    """Answer one request; threads may call this at the same time.

    :param path: as it came, percent-encoded.
    :param query: the query string as it came.
    :param account: by default that of ``MOTO_ACCOUNT_ID``, of the header ``x-moto-account-id``, or 123456789012.
    :param region: by default that of the signature (SigV4 credential scope).
    :raises AnswerLost: if a fault says so; nothing else is ever raised.
    """
    names = {name.lower(): value for name, value in headers.items()}
    lost, delay = False, 0.0
    try:
        operation, labels = _route(method, path)
        meeting = store.faults.meet(operation.name)
        lost, delay = meeting.lost, meeting.delay
        if meeting.error:
            lost = False
            raise meeting.error
        parameters = wire.parse(operation, labels, query, names, body)
        place = (account or _account(names), region or _region(names))
        response = wire.answer(operation, _perform(store, operation, parameters, place))
    except ServiceError as error:
        response = wire.refuse(error)
    except Exception:
        log.exception("The emulator failed at %s %s", method, path)
        response = wire.refuse(InternalServerException("The emulator itself failed; its log has the traceback."))
    if delay:
        time.sleep(delay)
    if lost:
        raise AnswerLost(f"The answer to {method} {path} is lost, as a fault told it to be.")
    return response


def is_omics(host: str, path: str) -> bool:
    """Return whether a request to this host and percent-encoded path is one for HealthOmics."""
    return host.startswith(model.host_prefixes()) or model.knows_path(path)


def _route(method: str, path: str) -> tuple[model.Operation, dict[str, str]]:
    found = model.match(method, path)
    if found is None:
        raise UnknownOperationException(f"HealthOmics has no operation {method} {path}.")
    if found[0].name not in HANDLERS:
        raise NotImplementedException(f"{found[0].name} is not emulated. Emulated are: {', '.join(sorted(HANDLERS))}.")
    return found


def _perform(
    store: Store, operation: model.Operation, parameters: dict[str, Any], place: tuple[str, str]
) -> dict[str, Any]:
    with store.lock:
        store.settle()
        call = Call(store, store.region(*place), operation, parameters)
        return once(call, HANDLERS[operation.name])


def _account(headers: Mapping[str, str]) -> str:
    return os.environ.get("MOTO_ACCOUNT_ID") or headers.get("x-moto-account-id") or DEFAULT_ACCOUNT


def _region(headers: Mapping[str, str]) -> str:
    found = _CREDENTIAL_SCOPE.search(headers.get("authorization", ""))
    return found[1] if found else DEFAULT_REGION
