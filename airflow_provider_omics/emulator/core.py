"""The emulated service: one function from an HTTP request to an HTTP response."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from airflow_provider_omics.emulator import guard, model, wire
from airflow_provider_omics.emulator.errors import (
    AccessDeniedException,
    InternalServerException,
    NotImplementedException,
    ServiceError,
    UnknownOperationException,
)
from airflow_provider_omics.emulator.idempotency import once
from airflow_provider_omics.emulator.operations import HANDLERS, Call
from airflow_provider_omics.emulator.signature import scope_of
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.wire import Response

__all__ = ["AnswerLost", "Response", "handle", "is_omics"]

log = logging.getLogger(__name__)

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z0-9-]{1,32}")


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
        guard.check_page(names)
        operation, labels = _route(method, path)
        meeting = store.faults.meet(operation.name)
        lost, delay = meeting.lost and not meeting.error, meeting.delay
        place = _place(account or _account(names), region or _region(names))
        parameters = _parameters(store, operation, (labels, query, names, body), place, meeting.error)
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


def _route(method: str, path: str) -> tuple[model.Operation, Mapping[str, str]]:
    found = model.match(method, path)
    if found is None:
        raise UnknownOperationException(f"HealthOmics has no operation {method} {path}.")
    if found[0].name not in HANDLERS:
        raise NotImplementedException(f"{found[0].name} is not emulated. Emulated are: {', '.join(sorted(HANDLERS))}.")
    return found


def _parameters(
    store: Store,
    operation: model.Operation,
    request: tuple[Mapping[str, str], str, dict[str, str], bytes],
    place: tuple[str, str],
    fault: ServiceError | None,
) -> dict[str, Any]:
    """Return what a request asks for, and take note of the permissions that this needs, whatever becomes of it."""
    try:
        parameters = wire.parse(operation, *request)
    except ServiceError as error:
        raise fault or error from None
    store.permissions.call(operation.name, parameters, *place)
    if fault:
        raise fault
    return parameters


def _perform(
    store: Store, operation: model.Operation, parameters: dict[str, Any], place: tuple[str, str]
) -> dict[str, Any]:
    with store.lock:
        store.settle()
        call = Call(store, store.region(*place), operation, parameters)
        answer = once(call, HANDLERS[operation.name])
        store.permissions.made(operation.name, answer)
        return answer


@lru_cache
def _place(account: str, region: str) -> tuple[str, str]:
    """Return account and region, which become parts of ARNs.

    :raises AccessDeniedException: if one cannot be that of any caller.
    """
    if not ACCOUNT.fullmatch(account):
        raise AccessDeniedException(f"An account is 12 digits, not {account[:40]!r}.")
    if not REGION.fullmatch(region):
        raise AccessDeniedException(f"The signature's scope must have a region, e.g. us-east-1, not {region[:40]!r}.")
    return account, region


def _account(headers: Mapping[str, str]) -> str:
    return os.environ.get("MOTO_ACCOUNT_ID") or headers.get("x-moto-account-id") or DEFAULT_ACCOUNT


def _region(headers: Mapping[str, str]) -> str:
    scope = scope_of(headers.get("authorization"))
    return (scope.region if scope else None) or DEFAULT_REGION
