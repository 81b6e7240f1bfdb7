"""botocore's model of HealthOmics: what the emulator knows of methods, paths, shapes and codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote

from botocore.loaders import create_loader
from botocore.model import ServiceModel, StructureShape

_LABEL = re.compile(r"\\{(\w+)\\}")  # as re.escape leaves a label of a path


@dataclass(frozen=True)
class Operation:
    """One operation of the model."""

    name: str
    method: str
    path: str
    """With its labels in braces, e.g. ``/run/{id}/task/{taskId}``."""
    status: int
    """The HTTP code of its answer."""
    host_prefix: str
    input: StructureShape | None
    output: StructureShape | None
    token: str | None
    """The input member by which the service tells a repeated request from a new one."""
    pattern: re.Pattern[str]


@cache
def operations() -> Mapping[str, Operation]:
    """Return every operation of the installed botocore's model, by name."""
    model = ServiceModel(create_loader().load_service_model("omics", "service-2"), "omics")
    return {name: _operation(model, name) for name in model.operation_names}


@lru_cache(maxsize=256)
def match(method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
    """Return the operation of a request and the values of its path's labels, percent-decoded.

    :param path: as it came, percent-encoded.
    """
    for operation in _routes().get((method, _head(path)), ()):
        if found := operation.pattern.fullmatch(path):
            return operation, {label: unquote(value) for label, value in found.groupdict().items()}
    return None


def knows_path(path: str) -> bool:
    """Return whether any operation has this path, whatever its method."""
    head = _head(path)
    return any(
        operation.pattern.fullmatch(path)
        for (_, first), found in _routes().items()
        if first == head
        for operation in found
    )


@cache
def host_prefixes() -> tuple[str, ...]:
    """Return the prefixes that botocore puts before the endpoint's host, e.g. ``workflows-``."""
    return tuple(sorted({operation.host_prefix for operation in operations().values()}))


def _operation(model: ServiceModel, name: str) -> Operation:
    found = model.operation_model(name)
    members = found.input_shape.members if found.input_shape else {}
    path = found.http["requestUri"]
    endpoint: Any = found.endpoint or {}  # botocore's stubs take it for a string
    return Operation(
        name=name,
        method=found.http["method"],
        path=path,
        status=found.http.get("responseCode", 200),
        host_prefix=endpoint.get("hostPrefix", ""),
        input=found.input_shape,
        output=found.output_shape,
        token=next((key for key, shape in members.items() if shape.metadata.get("idempotencyToken")), None),
        pattern=re.compile(_LABEL.sub(_group, re.escape(path))),
    )


def _group(label: re.Match[str]) -> str:
    # Clients differ in whether they encode the slashes of an ARN, and an ARN is always the last label.
    return rf"(?P<{label[1]}>{'.+' if label[1].endswith('Arn') else '[^/]+'})"


@cache
def _routes() -> Mapping[tuple[str, str], list[Operation]]:
    """Return the operations by method and first segment, those with fewer labels first."""
    routes: dict[tuple[str, str], list[Operation]] = {}
    for operation in sorted(operations().values(), key=lambda operation: operation.path.count("{")):
        routes.setdefault((operation.method, _head(operation.path)), []).append(operation)
    return routes


def _head(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else path
