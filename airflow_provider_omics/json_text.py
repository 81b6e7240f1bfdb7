"""The one place where the provider reads JSON that others wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NoReturn

from airflow_provider_omics.limits import JSON_DEPTH


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("it has a number that is too large")
    return number


def read(text: bytes | str, *, number: Callable[[str], Any] = _number, constant: Callable[[str], Any] = _refuse) -> Any:
    """Return what a JSON document holds.

    :param number: reads a number with a point or an exponent; by default one beyond the range of a float is refused,
        which Python reads as infinity
    :param constant: reads ``NaN``, ``Infinity`` or ``-Infinity``, which Python writes; by default they are refused
    :raises ValueError: if the text is not JSON, or is nested too deeply; never with the text itself, which may name a
        patient
    """
    try:
        value = json.loads(text, parse_float=number, parse_constant=constant)
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def given(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an object without those that are null, which mean the same as absent ones."""
    return {member: value for member, value in members.items() if value is not None}


_TOO_DEEP = f"its objects and arrays are nested more than {JSON_DEPTH} deep"


def is_deep(value: Any, most: int = JSON_DEPTH) -> bool:
    """Tell whether objects and arrays are nested too deeply, level by level: recursion could end before its end.

    :param most: how deeply they may be nested
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
