"""What XCom carries: plain JSON without credentials, which Airflow's database takes and no mapped task renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_omics.limits import JSON_INTEGERS
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


def plain(value: Any) -> Any:
    """Return a value as plain JSON, times as ISO 8601: what requests and XCom carry."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):  # Airflow's lazy ones, too
        return [plain(each) for each in value]
    return value


@dataclass
class Result:
    """What goes into XCom of a value that others wrote, e.g. of the outputs of a run.

    Credentials are taken out of it: :func:`~airflow_provider_omics.redaction.redacted_json`.
    A text that a mapped task would render, and a number that Airflow cannot send, become None: a run that completed
    does not fail for them. An entry whose name is such a text is left out.

    :param templates: those of the DAG
    """

    templates: Templates
    rendered: int = 0
    """How many texts were left out, since Airflow would render them."""
    too_large: int = 0
    """How many whole numbers were left out, since Airflow cannot send them."""

    def of(self, value: Any) -> Any:
        """Return a value as plain JSON, times as ISO 8601."""
        return self._kept(redacted_json(plain(value)))

    def _kept(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(storable(value))
        if isinstance(value, int) and not isinstance(value, bool) and value not in JSON_INTEGERS:
            self.too_large += 1
            return None
        if isinstance(value, dict):
            named = ((self._text(storable(name)), each) for name, each in value.items())
            return {name: self._kept(each) for name, each in named if name is not None}
        return [self._kept(each) for each in value] if isinstance(value, list) else value

    def _text(self, text: str) -> str | None:
        if not self.templates.is_template(text):
            return text
        self.rendered += 1
        return None
