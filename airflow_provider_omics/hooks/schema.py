"""What the installed botocore's service model knows: operations, members, and the rules on their values."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import botocore
from botocore import xform_name
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.session import Session, get_session

from airflow_provider_omics.exceptions import OmicsInputError, OmicsVersionError
from airflow_provider_omics.limits import JSON_DEPTH, MATCHED_CHARACTERS
from airflow_provider_omics.redaction import one_line, redacted
from airflow_provider_omics.resources import RULES, SINCE

OF_SAMPLES = "batch_run_settings["
"""What the argument begins with by which errors name a value of one run of a batch."""


@lru_cache(maxsize=1)
def bare_session() -> Session:
    """Return a session for what botocore knows by itself.

    Its loader serves all sessions of this package: each has one of its own by default, and each of these parses
    botocore's files anew and keeps some 12 MB of them.
    """
    return get_session()


@lru_cache(maxsize=1)
def service_model() -> ServiceModel:
    """Return the installed botocore's model of HealthOmics; no client, and so no credentials, are needed for it."""
    return bare_session().get_service_model("omics")


def method(client: Any, operation: str, members: Mapping[str, Any]) -> Any:
    """Return the client's method for an operation of the API.

    :raises OmicsVersionError: if the installed boto3 lacks the operation or one of the members
    """
    input_shape(operation, members)
    return getattr(client, xform_name(operation))


def input_shape(operation: str, members: Mapping[str, Any]) -> StructureShape:
    """Return the shape of an operation's input.

    :raises OmicsVersionError: if the installed boto3 lacks the operation or one of the members
    """
    since = SINCE.get(operation)
    if operation not in service_model().operation_names:
        needed = since.operation if since else None
        raise OmicsVersionError(f"the operation {operation!r} of HealthOmics", botocore.__version__, needed)
    shape = service_model().operation_model(operation).input_shape
    assert shape is not None  # noqa: S101 - every operation of HealthOmics has an input
    for member in members:
        if member not in shape.members:
            needed = since.members.get(member) if since else None
            raise OmicsVersionError(f"the member {member!r} of {operation}", botocore.__version__, needed)
    return shape


def members_of(operation: str) -> frozenset[str]:
    """Return the members of an operation's input, in the installed botocore."""
    return frozenset(input_shape(operation, {}).members)


def in_model_order(enum: str, values: Collection[str]) -> list[str]:
    """Return some values of an enum in the order of the model, which for statuses is that of a resource's life."""
    shape = service_model().shape_for(enum)
    assert isinstance(shape, StringShape)  # noqa: S101 - as every enum is
    return [value for value in shape.enum if value in values]


def check(operation: str, request: Mapping[str, Any], arguments: Mapping[str, str]) -> dict[str, Any]:
    """Check a request by the model's rules and return it with numbers and booleans in their own types.

    botocore itself checks neither pattern nor enum nor maximum. Values that a template rendered are strings, or with
    ``render_template_as_native_obj`` numbers: each is read as what the model wants.

    :param request: the members as in the API
    :param arguments: the operator's argument for each member, to name it in the error
    :raises OmicsInputError: for the first member that breaks a rule
    :raises OmicsVersionError: if the installed boto3 lacks the operation or a member
    """
    shape = input_shape(operation, request)
    for member in shape.required_members:
        if request.get(member) in (None, "") and not shape.members[member].metadata.get("idempotencyToken"):
            raise OmicsInputError(arguments.get(member, member), f"{operation} needs a value.")
    return {
        member: _check_value(arguments.get(member, member), shape.members[member], value)
        for member, value in request.items()
    }


def _check_value(argument: str, shape: Shape, value: Any) -> Any:
    if isinstance(shape, StringShape):
        return _check_string(argument, shape, value)
    if isinstance(shape, MapShape):
        return _check_map(argument, shape, value)
    if isinstance(shape, ListShape):
        return _check_list(argument, shape, value)
    if isinstance(shape, StructureShape):
        return _check_document(argument, value) if shape.is_document_type else check_structure(argument, shape, value)
    if shape.type_name in ("integer", "long"):
        return _check_integer(argument, shape, value)
    return value


def _check_string(argument: str, shape: StringShape, value: Any) -> str:
    pattern = shape.metadata.get("pattern")
    if isinstance(value, int) and not isinstance(value, bool) and _DIGITS.fullmatch(pattern or ""):
        value = str(value)
    if not isinstance(value, str):
        raise OmicsInputError(argument, f"must be a string, not {_said(argument, value)} ({type(value).__name__}).")
    if shape.enum and value not in shape.enum:
        raise OmicsInputError(argument, f"must be one of {', '.join(shape.enum)}, not {_said(argument, value)}.")
    _check_text(argument, value)
    said = _said(argument, value)
    _check_bounds(argument, shape, len(value), f"{said} has {len(value)}", "characters")
    if pattern and not _matches(pattern, value, shape.metadata.get("max", MATCHED_CHARACTERS)):
        raise OmicsInputError(argument, f"{said} must {_in_words(pattern)}.")
    return value


def _check_integer(argument: str, shape: Shape, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(value, bool) or (isinstance(value, float) and value != number):
        raise OmicsInputError(argument, f"must be a whole number, not {_said(argument, value)}.")
    _check_bounds(argument, shape, number, f"is {number}", "")
    return number


def _check_list(argument: str, shape: ListShape, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise OmicsInputError(argument, f"must be a list, not {_said(argument, value)} ({type(value).__name__}).")
    _check_bounds(argument, shape, len(value), f"has {len(value)}", "entries")
    return [_check_value(f"{argument}[{number}]", shape.member, each) for number, each in enumerate(value)]


def check_structure(argument: str, shape: StructureShape, value: Any) -> dict[str, Any]:
    """Check what stands within a request, as :func:`check` checks the whole.

    :param argument: where it stands, e.g. ``batch_run_settings[3]``
    """
    if not isinstance(value, Mapping):
        raise OmicsInputError(argument, f"must be a dict, not {_said(argument, value)} ({type(value).__name__}).")
    for member in value:
        if member not in shape.members:
            raise OmicsVersionError(f"the member {member!r} of {argument}", botocore.__version__, None)
    for member in shape.required_members:
        if value.get(member) in (None, ""):
            raise OmicsInputError(f"{argument}.{member}", "needs a value.")
    return {member: _check_value(f"{argument}.{member}", shape.members[member], each) for member, each in value.items()}


def _check_map(argument: str, shape: MapShape, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise OmicsInputError(argument, f"must be a dict, not {_said(argument, value)} ({type(value).__name__}).")
    if argument.lower().endswith("tags"):
        _check_tags(argument, value)
    return {
        _check_value(f"{argument}, key {key!r}", shape.key, key): _check_value(
            f"{argument}[{key!r}]", shape.value, each
        )
        for key, each in value.items()
    }


def _check_tags(argument: str, tags: Mapping[str, Any]) -> None:
    count, prefix = RULES["tags.count"], RULES["tags.reserved_prefix"]
    if len(tags) > int(count.limit):
        raise OmicsInputError(argument, f"at most {count.limit} are allowed, not {len(tags)} ({count.source}).")
    for key in tags:
        if str(key).lower().startswith(str(prefix.limit)):
            raise OmicsInputError(
                argument,
                f"the key {key!r} begins with {prefix.limit!r}, which AWS keeps to itself ({prefix.source}).",
            )


def _check_text(argument: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OmicsInputError(argument, "holds half of a surrogate pair, which UTF-8 does not have.") from None


def _check_document(argument: str, value: Any, depth: int = 0) -> Any:
    """Check a value that is free in form, and return it as plain JSON, times as ISO 8601.

    The error tells place and type of what is none, but not the value, which may name a patient.

    :param depth: in how many objects and arrays the value stands
    """
    if depth > JSON_DEPTH:
        raise OmicsInputError(f"{one_line(argument)[:60]}…", f"is nested more than {JSON_DEPTH} deep.")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _check_object(argument, value, depth)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):  # Airflow's lazy ones, too
        return [_check_document(f"{argument}[{number}]", each, depth + 1) for number, each in enumerate(value)]
    if isinstance(value, str):
        _check_text(argument, value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise OmicsInputError(argument, f"must be JSON, which has no {value!r}.")
    elif value is not None and not isinstance(value, int | float):  # bool is an int
        raise OmicsInputError(
            argument, f"must be JSON: text, a number, true, false, list or dict; not a {_named(value)}."
        )
    return value


def _check_object(argument: str, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    checked = {}
    for key, each in value.items():
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise OmicsInputError(argument, f"must be JSON; a key of it is a {_named(key)}, not a string.")
        name = str(key)
        _check_text(argument, name)
        checked[name] = _check_document(f"{argument}[{shortened(name)}]", each, depth + 1)
    if len(checked) < len(value):
        raise OmicsInputError(argument, "must be JSON; two keys of it are the same text there, as are 1 and '1'.")
    return checked


def _named(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _check_bounds(argument: str, shape: Shape, size: int, what: str, unit: str) -> None:
    low, high = shape.metadata.get("min", -math.inf), shape.metadata.get("max", math.inf)
    if not low <= size <= high:
        wanted = (
            f"at least {low}" if high == math.inf else f"at most {high}" if low == -math.inf else f"{low} to {high}"
        )
        raise OmicsInputError(argument, f"{what} {unit}".rstrip() + f"; {wanted} are allowed.")


_DIGITS = re.compile(r"\[0-9\](?:\{(\d+)\}|\+)")
"""The patterns of ids."""


def _matches(pattern: str, value: str, longest: int) -> bool:
    if len(value) > longest:
        return False
    categories = re.findall(r"\\p\{(\w)\}", pattern)
    if categories:  # Unicode categories, which Python's re does not know; such patterns are one class repeated
        allowed = {char for escape, char in ((r"\t", "\t"), (r"\n", "\n"), (r"\r", "\r")) if escape in pattern}
        return all(unicodedata.category(char)[0] in categories or char in allowed for char in value)
    return re.fullmatch(pattern, value) is not None


def _in_words(pattern: str) -> str:
    if pattern.startswith("s3://"):
        return "be an S3 URI like s3://bucket/prefix, with a bucket name that S3 allows"
    if r"\p{" in pattern:
        return "not contain control characters"
    digits = _DIGITS.fullmatch(pattern)
    if digits:
        return f"be {digits.group(1) + ' ' if digits.group(1) else ''}digits only"
    return f"match the pattern {pattern}"


def _said(argument: str, value: Any) -> str:
    """Return what a message says of a value: nothing of the settings of a batch's runs, which may name patients."""
    return "this value" if argument.startswith(OF_SAMPLES) else shortened(value)


def shortened(value: Any) -> str:
    """Return how Python writes a value, if that is long only its beginning: it may be the data of a whole cohort.

    Credentials go before it is cut: half of one might not be recognised.
    """
    text = redacted(value if isinstance(value, str) else repr(value))
    text = text if len(text) <= 80 else text[:77] + "…"
    return repr(text) if isinstance(value, str) else text
