"""Read JSON, and check it against the signature of the Python function or dataclass that is to receive it."""

from __future__ import annotations

import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

DEPTH = 100
"""How deeply objects and arrays may be nested; Python's own parser and printer stop at some 1,000, each elsewhere."""


class BadInput(ValueError):
    """JSON that does not fit: which field, and what would be right."""


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadInput(f"{text} is no number")
    return number


def read(text: bytes | str, *, number: Callable[[str], float] = _number) -> Any:
    """Return what a JSON text holds.

    :param number: reads what is no whole number; by default NaN and infinity are refused, which Python writes.
    :raises ValueError: if it is none by RFC 8259, has a number that is none for Python or a string that is no Unicode
        text, or is nested too deeply.
    """
    try:
        value = json.loads(text, parse_constant=number, parse_float=number)
        nested = _depth(value)
    except UnicodeEncodeError as error:
        around = error.object[max(0, error.start - 20) : error.end + 20]
        raise BadInput(f"{around!r} is no Unicode text") from None
    except RecursionError:
        nested = DEPTH + 1
    if nested > DEPTH:
        raise BadInput(f"objects and arrays are nested more than {DEPTH} deep")
    return value


def _depth(value: object) -> int:
    """Return how deeply objects and arrays are nested.

    :raises UnicodeEncodeError: if a string has half of a surrogate pair, which JSON can escape and UTF-8 not hold.
    """
    if isinstance(value, str):
        value.encode()
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_depth, (*value, *value.values()) if isinstance(value, dict) else value), default=0)


def only(fields: Mapping[str, Any], known: typing.Iterable[str], what: str) -> None:
    """Refuse a field that nobody reads, which is mostly a slip of the pen.

    :raises BadInput: naming the field and those that there are.
    """
    known = list(known)
    for name in fields:
        if name not in known:
            raise BadInput(f"{name}: not {what}; there are {', '.join(known)}.")


def arguments(receiver: Callable[..., object], where: str, fields: object) -> dict[str, Any]:
    """Return the keyword arguments for a function, method or dataclass that a JSON object holds.

    :param receiver: its annotated parameters say what is needed and of what type; ``self`` is left out.
    :param where: where in the JSON document the object stands, for messages.
    :raises BadInput: if one is unknown, missing or of another type.
    """
    parameters = {n: p for n, p in inspect.signature(receiver).parameters.items() if n != "self"}
    hints = typing.get_type_hints(receiver)
    if not isinstance(fields, dict):
        raise BadInput(f"{where}: give an object with {', '.join(parameters)}.")
    only({f"{where}.{name}": None for name in fields}, [f"{where}.{name}" for name in parameters], "known here")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in fields:
            raise BadInput(f"{where}.{name}: missing; give {_wanted(hints[name])}.")
    return {name: value_of(hints[name], f"{where}.{name}", value) for name, value in fields.items()}


def value_of(hint: Any, where: str, value: object) -> Any:
    """Return a JSON value as the Python type that an annotation asks for.

    :raises BadInput: if it is of another type.
    """
    for one in typing.get_args(hint) if _is_union(hint) else (hint,):
        if typing.get_origin(one) is tuple and isinstance(value, list):
            item = typing.get_args(one)[0]
            return tuple(value_of(item, f"{where}[{n}]", each) for n, each in enumerate(value))
        if _fits(one, value):
            return value
    raise BadInput(f"{where}: {value!r} will not do; give {_wanted(hint)}.")


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _fits(hint: Any, value: object) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint if isinstance(hint, type) else ())


def _wanted(hint: Any) -> str:
    if _is_union(hint):
        return " or ".join(_wanted(one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        return f"a list, each {_wanted(typing.get_args(hint)[0])}"
    names = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
    return names.get(hint, str(hint))
