"""Strategies of hypothesis for requests: valid by the service model, broken in a place, or such as no client sends."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

from airflow_provider_omics.emulator.model import Operation
from tests.archives import archive, zipped
from tests.emulator.shapes import Where, replaced

ACCOUNT, REGION = "123456789012", "us-east-1"
KNOWN: Mapping[str, Sequence[Any]] = {
    "workflowId": ("1234567", "1234568"),
    "cacheId": ("2345678",),
    "runId": ("3456789", "3456790"),
    "runGroupId": ("5678912",),
    "batchId": ("7123456", "7123457"),
    "taskId": ("4567891",),
    "versionName": ("v1",),
    "workflowVersionName": ("v1",),
    "runSettingId": ("a", "b"),
    "name": ("cohort",),
    "batchName": ("cohort",),
    "requestId": ("used", "once more", "again"),
    "resourceArn": tuple(
        f"arn:aws:omics:{REGION}:{ACCOUNT}:{resource}"
        for resource in ("run/3456789", "runCache/2345678", "runGroup/5678912", "workflow/1234567", "runBatch/7123456")
    ),
    "tagKeys": ("team", "absent"),
    "cacheS3Location": ("s3://genomes", "s3://genomes/cache/", "s3://theirs/cache", "s3://missing"),
    "outputUri": ("s3://genomes/runs", "s3://elsewhere", "s3://theirs", "s3://missing"),
    "definitionZip": (archive(), archive("version 1.0\nworkflow cohort {"), zipped({"../main.wdl": ""}), zipped({})),
    "definitionUri": ("s3://genomes/definition.zip", "s3://genomes/settings.json", "s3://genomes/missing"),
    "s3UriSettings": ("s3://genomes/settings.json", "s3://genomes/definition.zip", "s3://genomes/missing"),
    "main": ("main.wdl", "../main.wdl"),
    "parameterTemplatePath": ("main.wdl", "missing.json"),
    "startingToken": tuple(
        urlsafe_b64encode(token).decode() for token in (b"ListRuns:1", b"ListRuns:x", b"ListBatch:-1", b"\xff")
    ),
}
"""Values of members that name what a prepared service has, or what it almost has."""
_ID_OF = {"run": "runId", "runCache": "cacheId", "runGroup": "runGroupId", "workflow": "workflowId"}
"""What a member that is only called ``id`` stands for, by the first segment of the path."""

_TEXT = st.text(st.characters(categories=("L", "M", "Z", "S", "N", "P")), min_size=1, max_size=40)
_WILD = st.text(st.characters(), max_size=10) | st.sampled_from(("", "\x00", "\ud800", "\u202e", "a" * 5000, "%s{0}"))
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WILD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WILD, inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(_TEXT, _JSON, max_size=3) | st.sampled_from(({"a": "\ud800"}, {"\ud800": "a"}))


@dataclass(frozen=True)
class Request:
    """An HTTP request to the core."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def request(operation: Operation, parameters: Mapping[str, Any]) -> Request:
    """Return a request, written down here without botocore's help."""
    members = operation.input.members if operation.input else {}
    path, query, body = operation.path, [], {}
    for name, value in parameters.items():
        location = members[name].serialization.get("location")
        if location == "uri":
            path = path.replace(f"{{{name}}}", quote(str(value), safe="", errors="replace"))
        elif location == "querystring":
            query += [(name, item) for item in (value if isinstance(value, list) else [value])]
        else:
            body[name] = value
    text = json.dumps(body, default=lambda blob: b64encode(blob).decode())
    return Request(operation.method, path, urlencode(query, errors="replace"), text.encode() if body else b"")


@cache
def valid(operation: Operation) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for parameters that satisfy an operation's input shape."""
    alias = {"id": _ID_OF.get(operation.path.split("/")[1], "")}
    return _values(operation.input, "", alias) if operation.input else st.just({})


@st.composite
def broken(draw: st.DrawFn, operation: Operation) -> Request:
    """Draw a request with something else in the place of one or two of its values."""
    parameters = draw(valid(operation))
    for _ in range(draw(st.integers(1, 2))):
        if places := list(_places(parameters)):
            parameters = replaced(parameters, draw(st.sampled_from(places)), draw(_JSON))
    return request(operation, parameters)


_PATHS = st.sampled_from(
    ("%", "%2F", "%00", "..", ".", "%c0%af", "%ff", "%zz", "\n", "é", "%0a", "a b", "1" * 5000, "/")
)
_QUERIES = st.lists(
    st.tuples(st.sampled_from(("maxResults", "startingToken", "name", "export", "status", "", "%")), _PATHS | _WILD)
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
_BODIES = (
    st.binary(max_size=40)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        (
            *(b"[" * 20_000, b'{"tags":' * 2_000, b'{"name": 1e999}', b'{"parameters": {"a": 1e999}}'),
            *(
                b'{"parameters": {"a": NaN}}',
                b'{"priority": ' + b"9" * 5000 + b"}",
                b"\xef\xbb\xbf{}",
                b"\xff\xfe{\x00}\x00",
            ),
        )
    )
)
_HEADERS = st.fixed_dictionaries({"X-Moto-Account-Id": _PATHS | st.just("999999999999")}) | st.fixed_dictionaries(
    {"Authorization": _PATHS.map("AWS4-HMAC-SHA256 Credential=A/20260101/{}/omics/aws4_request".format)}
)


@cache
def hostile(operation: Operation) -> st.SearchStrategy[Request]:
    """Return a strategy for requests with one part such as no client sends."""
    good = valid(operation).map(lambda parameters: request(operation, parameters))
    return st.one_of(
        st.builds(lambda made, end, keep: replace(made, path=made.path * keep + end), good, _PATHS, st.booleans()),
        st.builds(lambda made, query: replace(made, query=query), good, _QUERIES),
        st.builds(lambda made, body: replace(made, body=body), good, _BODIES),
        st.builds(lambda made, headers: replace(made, headers=headers), good, _HEADERS),
    )


def _values(shape: Shape, name: str, alias: Mapping[str, str]) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a shape, among them known ones of the member of that name."""
    if isinstance(shape, StructureShape):
        return _OBJECTS if shape.is_document_type else _structures(shape, alias)
    size = _sizes(shape)
    if isinstance(shape, ListShape):
        return st.lists(_values(shape.member, name, alias), **size)
    if isinstance(shape, MapShape):
        return st.dictionaries(_values(shape.key, "", alias), _values(shape.value, "", alias), **size)
    known = [value for value in KNOWN.get(alias.get(name, name), ()) if _fits(value, shape)]
    made = _scalars(shape)
    return st.sampled_from(known) | st.sampled_from(known) | made if known else made


def _structures(shape: StructureShape, alias: Mapping[str, str]) -> st.SearchStrategy[Any]:
    members = {name: _values(member, name, alias) for name, member in shape.members.items()}
    if shape.is_tagged_union:
        return st.one_of([st.fixed_dictionaries({name: strategy}) for name, strategy in members.items()])
    needed = {name: strategy for name, strategy in members.items() if name in shape.required_members}
    others = {name: strategy for name, strategy in members.items() if name not in needed}
    return st.fixed_dictionaries(needed, optional=others)


def _scalars(shape: Shape) -> st.SearchStrategy[Any]:
    rules = shape.metadata
    if shape.type_name in ("integer", "long"):
        return st.integers(rules.get("min"), rules.get("max"))
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "blob":
        return st.binary(max_size=40)
    if "enum" in rules:
        return st.sampled_from(rules["enum"])
    pattern = rules.get("pattern", r"\p{L}")
    made = _TEXT if r"\p{" in pattern else st.from_regex(pattern, fullmatch=True)
    return made.filter(lambda text: _fits(text, shape))


def _sizes(shape: Shape) -> dict[str, Any]:
    in_query = shape.serialization.get("location") == "querystring"  # where an empty list is none at all
    least = max(shape.metadata.get("min", 0), int(in_query))
    return {"min_size": least, "max_size": min(shape.metadata.get("max", 3), least + 3)}


def _fits(value: Any, shape: Shape) -> bool:
    rules = shape.metadata
    if not isinstance(value, str):
        return True
    pattern = rules.get("pattern")
    return rules.get("min", 0) <= len(value) <= rules.get("max", 10**9) and (
        pattern is None or bool(regex.fullmatch(pattern, value))
    )


def _places(value: Any, where: Where = ()) -> Iterator[Where]:
    """Yield where there is something in a value."""
    if where:
        yield where
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*where, key))
