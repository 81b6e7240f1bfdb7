"""What XCom carries: plain JSON without credentials, which Airflow's database takes and no mapped task renders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from airflow_provider_omics.limits import JSON_DEPTH, JSON_INTEGERS
from airflow_provider_omics.redaction import redacted_json
from airflow_provider_omics.templates import Templates

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """Return a text with U+FFFD for each NUL and each half of a surrogate pair.

    PostgreSQL refuses NUL in JSON (https://www.postgresql.org/docs/current/datatype-json.html), and UTF-8 has no halves
    of surrogate pairs, which JSON can escape.
    """
    return text.replace("\0", REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_storable(text: str) -> bool:
    """Tell whether a text has neither NUL nor half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


@dataclass
class Result:
    """What goes into XCom of a value that others wrote, e.g. of the outputs of a run.

    Credentials are taken out of it: :func:`~airflow_provider_omics.redaction.redacted_json`. What Airflow cannot carry,
    or would render in a mapped task, becomes None: a run that completed does not fail for it. An entry whose name would
    be rendered is left out.

    :param templates: those of the DAG
    """

    templates: Templates
    left_out: Counter[str] = field(default_factory=Counter)
    """How many values became None, by the reason in words."""

    def of(self, value: Any) -> Any:
        """Return a value as plain JSON, times as ISO 8601."""
        return self._kept(redacted_json(value), 0)

    def _kept(self, value: Any, depth: int) -> Any:
        """Return plain JSON that may hold times; it stands in so many objects and arrays."""
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, str):
            return self._text(storable(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value)
        return self._inner(value, depth + 1) if isinstance(value, dict | list) else value

    def _inner(self, value: dict[str, Any] | list[Any], depth: int) -> Any:
        if depth > JSON_DEPTH:
            self._without(f"they are nested more than {JSON_DEPTH} deep")
            return None
        if isinstance(value, dict):
            named = ((self._text(storable(name)), each) for name, each in value.items())
            return {name: self._kept(each, depth) for name, each in named if name is not None}
        return [self._kept(each, depth) for each in value]

    def _text(self, text: str) -> str | None:
        if not self.templates.is_template(text):
            return text
        self._without(f"they contain {self.templates.marks}, which Airflow would render in a mapped task")
        return None

    def _number(self, number: float) -> float | None:
        if number in JSON_INTEGERS if isinstance(number, int) else isfinite(number):
            return number
        self._without("they are numbers that Airflow cannot send: of more than 64 bits, infinite or NaN")
        return None

    def _without(self, reason: str) -> None:
        self.left_out[reason] += 1
