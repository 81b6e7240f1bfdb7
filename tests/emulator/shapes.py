"""Values for the shapes of a service model: valid ones, and ones that break a single constraint each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

_TEXTS = (
    *("1234567", "123456789012", "text", "arn:aws:omics:us-east-1:123456789012:run/1234567", "s3://genomes/key"),
    *(
        "owner/repository",
        "arn:aws:codeconnections:us-east-1:123456789012:connection/x",
        "vpc-0123",
        "subnet-01",
        "sg-01",
    ),
    *("arn:aws:secretsmanager:us-east-1:123456789012:secret:x", "arn:aws:s3:us-east-1:123456789012:accesspoint/x"),
    *("01234567-89ab-cdef-0123-456789abcdef", "s3://genomes/folder/", ","),
)
_NO_TEXTS = ("not a number", "\n", "-", "s3:/genomes", "\x00")
Where = tuple[str | int, ...]


def valid(shape: Shape, *, only_required: bool = False) -> Any:
    """Return a value that satisfies a shape, with all its members or with the required ones."""
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return {}
        names = list(shape.required_members if only_required else shape.members)
        names = list(shape.members)[:1] if shape.is_tagged_union else names  # one of them, and none is required
        return {name: valid(shape.members[name], only_required=only_required) for name in names}
    if isinstance(shape, ListShape):
        return [valid(shape.member, only_required=only_required)]
    if isinstance(shape, MapShape):
        return {valid(shape.key): valid(shape.value, only_required=only_required)}
    rules = shape.metadata
    if shape.type_name in ("integer", "long"):
        return rules.get("min", 1)
    if shape.type_name == "boolean":
        return True
    if shape.type_name == "blob":
        return b"content"
    texts: tuple[str, ...] = tuple(rules.get("enum", _TEXTS))
    return next(text for text in texts if _fits(text, rules))


def broken(shape: Shape, where: Where = ()) -> Iterator[tuple[Where, str, Any]]:
    """Yield, for each constraint in a shape, where it stands, its name and a value that breaks it."""
    if isinstance(shape, StructureShape):
        members = {} if shape.is_document_type else shape.members
        yield from (((*where, name), "required", None) for name in members if name in shape.required_members)
        for name, member in members.items():
            yield from broken(member, (*where, name))
    elif isinstance(shape, ListShape):
        yield from broken(shape.member, (*where, 0))
    elif isinstance(shape, MapShape):
        yield from broken(shape.value, (*where, valid(shape.key)))
    yield from _broken_itself(shape, where)


def _broken_itself(shape: Shape, where: Where) -> Iterator[tuple[Where, str, Any]]:
    rules = shape.metadata
    if "enum" in rules:
        yield where, "enum", "NONE_OF_THEM"
    elif "pattern" in rules:
        yield where, "pattern", next(text for text in _NO_TEXTS if not regex.fullmatch(rules["pattern"], text))
    if rules.get("min", 0) > 0:
        yield where, "min", _sized(shape, rules["min"] - 1)
    if "max" in rules and "enum" not in rules:
        yield where, "max", _sized(shape, rules["max"] + 1)


def _sized(shape: Shape, size: int) -> Any:
    if isinstance(shape, ListShape):
        return [valid(shape.member)] * size
    if isinstance(shape, MapShape):
        return {f"key {n}": valid(shape.value) for n in range(size)}
    if shape.type_name in ("integer", "long"):
        return size
    text: str = valid(shape) if size else ""
    return (text + text[-1:] * (size - len(text)))[:size]


def _fits(text: str, rules: dict[str, Any]) -> bool:
    pattern = rules.get("pattern")
    return rules.get("min", 0) <= len(text) <= rules.get("max", 10**9) and (
        pattern is None or bool(regex.fullmatch(pattern, text))
    )


def replaced(value: Any, where: Where, new: Any) -> Any:
    """Return a value with another one somewhere in it; None: without what stood there."""
    first, *rest = where
    copy = value.copy()
    if rest:
        copy[first] = replaced(copy[first], tuple(rest), new)
    elif new is None:
        del copy[first]
    else:
        copy[first] = new
    return copy
