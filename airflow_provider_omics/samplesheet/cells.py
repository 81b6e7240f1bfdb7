"""The cells of a samplesheet: how a column's type reads them, and what none may hold.

What is wrong is said without the cell's content, which may name a patient.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from airflow_provider_omics.redaction import INVISIBLE, holds_credentials

TEMPLATE_MARKS = ("{{", "{%", "{#")
"""What Jinja acts on. Airflow renders the dicts that ``expand_kwargs`` gives to a template field, also those from XCom:
a cell could read a password from a connection."""

CREDENTIAL = "holds a presigned URL or another credential, which Airflow would keep in its database; give the s3:// URI"


def _int(cell: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", cell):
        raise ValueError
    return int(cell)


def _float(cell: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", cell) or math.isinf(float(cell)):
        raise ValueError
    return float(cell)


def _bool(cell: str) -> bool:
    return {"true": True, "false": False}[cell.lower()]


def _json(cell: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    return json.loads(cell, parse_constant=refuse)


TYPES: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "str": (str, "text"),
    "int": (_int, "a whole number like 30"),
    "float": (_float, "a number like 0.5 or 1e-8"),
    "bool": (_bool, "true or false"),
    "json": (_json, 'JSON like ["a", "b"]'),
}
"""How a cell is read by the type of its column, and what it must be then, in words."""


def is_template(value: Any) -> bool:
    """Tell whether Airflow would render a value that is plain JSON: braces follow each other in its strings only."""
    text = json.dumps(value)
    return any(mark in text for mark in TEMPLATE_MARKS)


def convert(cell: str, kind: str) -> Any:
    """Return a cell's value by its column's type.

    :param kind: a key of :data:`TYPES`
    :raises ValueError: saying what the cell must be, but not what it is
    """
    read, wanted = TYPES[kind]
    try:
        value = read(cell)
    except (ValueError, KeyError, RecursionError):
        raise ValueError(f"must be {wanted}") from None
    if is_template(value):
        raise ValueError("holds {{, {% or {#, which Airflow would take for a template")
    if kind == "json" and holds_credentials(json.dumps(value)):  # which the cell may have written as \u0058-Amz-…
        raise ValueError(CREDENTIAL)
    return value


def fault(cell: str) -> str | None:
    """Say what is wrong with a cell, whatever its column; None if nothing is."""
    for character in cell:
        if unicodedata.category(character) in INVISIBLE:  # two keys must not differ by what nobody sees
            return (
                f"holds a line break or another invisible character (U+{ord(character):04X}); "
                "is a quotation mark not closed?"
            )
    return CREDENTIAL if holds_credentials(cell) else None
