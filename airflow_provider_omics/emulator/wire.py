"""rest-json on the wire: a request into parameters, and an answer, or an error, into a response."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from botocore.model import ListShape, Shape, StructureShape

from airflow_provider_omics.emulator import json_input
from airflow_provider_omics.emulator.errors import ServiceError, ValidationException
from airflow_provider_omics.emulator.model import Operation
from airflow_provider_omics.emulator.validation import check

_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parse(
    operation: Operation, labels: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """Return the parameters of a request, checked against the operation's input shape.

    :param labels: the values of the path's labels, percent-decoded.
    :param query: the query string as it came.
    :param headers: with names in lower case.
    :raises ValidationException: naming what is wrong.
    """
    if operation.input is None:
        return {}
    fields = parse_qs(query, keep_blank_values=True) if query else {}
    given: dict[str, Any] = {}
    places = _places(operation.input)
    document = _document(body) if any(location is None for _, _, location, _ in places) else {}
    for name, key, location, shape in places:
        if location == "uri":
            given[name] = labels.get(key)
        elif location == "querystring" and key in fields:
            texts = fields[key]
            given[name] = texts if isinstance(shape, ListShape) else _from_text(shape, texts[-1])
        elif location == "header" and key.lower() in headers:
            given[name] = _from_text(shape, headers[key.lower()])
        elif location is None:
            given[name] = document.get(key)
    parameters: dict[str, Any] = check(operation.input, given)
    return parameters


def answer(operation: Operation, members: Mapping[str, Any]) -> Response:
    """Return the response that carries an answer; members that the output shape does not have are left out."""
    if operation.output is None or operation.status == 204:
        return Response(operation.status, _headers(), b"")
    body = _JSON.encode(_written(operation.output, members)).encode()
    return Response(operation.status, _headers(), body)


def refuse(error: ServiceError) -> Response:
    """Return the response that carries an error."""
    body = json.dumps({"message": error.message}).encode()
    return Response(error.status, {**_headers(), "X-Amzn-Errortype": error.code}, body)


def timestamp(value: datetime) -> str:
    """Return a time as the service writes it: ISO 8601 in UTC with a Z."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid4())}


@cache
def _places(shape: StructureShape) -> list[tuple[str, str, str | None, Shape]]:
    """Return the members of a shape, each with its name on the wire and where it stands there; None: in the body."""
    return [
        (name, member.serialization.get("name", name), member.serialization.get("location"), member)
        for name, member in shape.members.items()
    ]


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json_input.read(body) if body else {}
    except ValueError as error:
        raise ValidationException(f"The request's body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise ValidationException("The request's body must be a JSON object.")
    return document


def _from_text(shape: Shape, text: str) -> Any:
    """Return a value with its type, or the text itself, which the check then refuses."""
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            return text
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _written(shape: StructureShape, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: write(found) if write else found
        for name, key, write in _writers(shape)
        if (found := value.get(name)) is not None
    }


@cache
def _writers(shape: StructureShape) -> list[tuple[str, str, Callable[[Any], Any] | None]]:
    """Return the members of a shape, each with its name on the wire and what writes it; None: as it is."""
    return [(name, key, _writer(member)) for name, key, _, member in _places(shape)]


def _writer(shape: Shape) -> Callable[[Any], Any] | None:
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        return partial(_written, shape)
    if isinstance(shape, ListShape):
        write = _writer(shape.member)
        return (lambda items: [write(item) for item in items]) if write else None
    return timestamp if shape.type_name == "timestamp" else None
