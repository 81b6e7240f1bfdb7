"""Checks of values against shapes of the model: types, required members, lengths, bounds, enums and patterns.

botocore checks neither patterns nor enums nor upper bounds on the client's side, so that the service has to.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

from airflow_provider_omics.emulator.errors import ValidationException

LONGEST = 2048
"""Characters of a text that a pattern is applied to where the model gives it no ``max``: some patterns, as ``.+/.+``,
take as long as the square of the text, and no text that they mean is longer. Those of messages end with a class that is
repeated, and messages may be longer."""


def check(shape: Shape, value: Any) -> Any:
    """Return a value as its shape wants it: unknown and null members left out, blobs decoded.

    :raises ValidationException: naming every member that breaks a constraint.
    """
    complaints: list[str] = []
    value = _check(shape, value, "", complaints)
    if complaints:
        noun = "error" if len(complaints) == 1 else "errors"
        raise ValidationException(f"{len(complaints)} validation {noun} detected: {'; '.join(complaints)}")
    return value


def _check(shape: Shape, value: Any, where: str, complaints: list[str]) -> Any:
    complaint = _TYPES[shape.type_name](value)
    if complaint:
        complaints.append(f"Value {_shown(value)} at '{where}' must be {complaint}")
        return value
    complaints.extend(
        f"Value {_shown(value)} at '{where}' failed to satisfy constraint: {constraint}"
        for constraint in _broken(shape, value)
    )
    if isinstance(shape, StructureShape):
        return _check_structure(shape, value, where, complaints)
    if isinstance(shape, ListShape):
        return [_check(shape.member, v, f"{where}.{n}", complaints) for n, v in enumerate(value, 1)]
    if isinstance(shape, MapShape):
        for key in value:
            _check(shape.key, key, f"{where}.key", complaints)
        return {k: _check(shape.value, v, f"{where}.{k}", complaints) for k, v in value.items()}
    return base64.b64decode(value) if shape.type_name == "blob" else value


def _check_structure(shape: StructureShape, value: Any, where: str, complaints: list[str]) -> Any:
    if shape.is_document_type:
        return value
    prefix = f"{where}." if where else ""
    given = {k: v for k, v in value.items() if k in shape.members and v is not None}
    complaints.extend(
        f"Value at '{prefix}{name}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if name not in given
    )
    if shape.is_tagged_union and len(given) != 1:
        complaints.append(f"Value at '{where}' must have exactly one of {', '.join(shape.members)}")
    return {k: _check(shape.members[k], v, f"{prefix}{k}", complaints) for k, v in given.items()}


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """Yield the constraints of a shape that a value of the right type breaks, in the service's own words."""
    rules = shape.metadata
    number = isinstance(value, int | float)
    size = value if number else len(value) if isinstance(value, str | list | dict) else 0
    noun = "value" if number else "length"
    if "min" in rules and size < rules["min"]:
        yield f"Member must have {noun} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"Member must have {noun} less than or equal to {rules['max']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"
    if "pattern" in rules and not _matches(rules, value):
        yield f"Member must satisfy regular expression pattern: {rules['pattern']}"


def _matches(rules: Mapping[str, Any], value: str) -> bool:
    pattern = rules["pattern"]
    longest = rules.get("max", math.inf if pattern.endswith("]+") else LONGEST)
    return len(value) <= longest and bool(_compiled(pattern).fullmatch(value))


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)  # Python's own re has no \p{L}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text}'" if len(text) <= 200 else f"'{text[:200]}…'"


def _is(what: str, *kinds: type, unlike: tuple[type, ...] = ()) -> Callable[[Any], str | None]:
    """Return a check that answers None, or what the value should have been."""
    return lambda value: None if isinstance(value, kinds) and not isinstance(value, unlike) else what


def _blob(value: Any) -> str | None:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return "base64"
    return None


def _timestamp(value: Any) -> str | None:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return "a time in the form of ISO 8601"
    return None


_TYPES: dict[str, Callable[[Any], str | None]] = {
    "string": _is("a string", str),
    "integer": _is("an integer", int, unlike=(bool,)),
    "long": _is("an integer", int, unlike=(bool,)),
    "double": _is("a number", int, float, unlike=(bool,)),
    "float": _is("a number", int, float, unlike=(bool,)),
    "boolean": _is("true or false", bool),
    "structure": _is("an object", dict),
    "map": _is("an object", dict),
    "list": _is("an array", list),
    "blob": _blob,
    "timestamp": _timestamp,
}
