"""The cells of a samplesheet: how a column's type reads them, and what none may hold.

What is wrong is said without the cell's content, which may name a patient.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow_provider_omics import json_text
from airflow_provider_omics.limits import JSON_INTEGERS, SAMPLESHEET_NUMBER
from airflow_provider_omics.redaction import INVISIBLE, holds_credentials
from airflow_provider_omics.templates import Templates, texts
from airflow_provider_omics.xcom import is_storable

CREDENTIAL = "holds a presigned URL or another credential, which Airflow would keep in its database; give the s3:// URI"


NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""No digit fits two parts of it, so that it is matched in one pass."""


def _int(cell: str) -> int:
    if len(cell) > SAMPLESHEET_NUMBER or not re.fullmatch(r"[+-]?[0-9]+", cell):
        raise ValueError
    return int(cell)


def _float(cell: str) -> float:
    if len(cell) > SAMPLESHEET_NUMBER or not re.fullmatch(NUMBER, cell) or math.isinf(float(cell)):
        raise ValueError
    return float(cell)


def _bool(cell: str) -> bool:
    return {"true": True, "false": False}[cell.lower()]


TYPES: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "str": (str, "text"),
    "int": (_int, "a whole number like 30"),
    "float": (_float, "a number like 0.5 or 1e-8"),
    "bool": (_bool, "true or false"),
    "json": (json_text.read, 'JSON like ["a", "b"]'),
}
"""How a cell is read by the type of its column, and what it must be then, in words."""


def convert(cell: str, kind: str, templates: Templates) -> Any:
    """Return a cell's value by its column's type.

    :param kind: a key of :data:`TYPES`
    :param templates: those of the DAG, which no cell may hold
    :raises ValueError: saying what the cell must be, but not what it is
    """
    convert_text, wanted = TYPES[kind]
    try:
        value = convert_text(cell)
    except (ValueError, KeyError):
        raise ValueError(f"must be {wanted}") from None
    if templates.in_value(value):
        raise ValueError(f"holds {templates.marks}, which Airflow would take for a template")
    if not all(map(is_storable, texts(value))):
        raise ValueError("holds NUL or half of a surrogate pair, which Airflow's database does not keep")
    if not all(each in JSON_INTEGERS for each in _integers(value)):
        raise ValueError("holds a whole number of more than 64 bits, which Airflow cannot send")
    if kind == "json" and holds_credentials(json.dumps(value, ensure_ascii=False)):
        raise ValueError(CREDENTIAL)  # which the cell may have written as \u0058-Amz-…
    return value


def _integers(value: Any) -> Iterator[int]:
    """Yield every whole number in plain JSON."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _integers(each)


def fault(cell: str) -> str | None:
    """Say what is wrong with a cell, whatever its column; None if nothing is."""
    for character in cell:
        if unicodedata.category(character) in INVISIBLE:  # two keys must not differ by what nobody sees
            return (
                f"holds a line break or another invisible character (U+{ord(character):04X}); "
                "is a quotation mark not closed?"
            )
    return CREDENTIAL if holds_credentials(cell) else None
