"""A request in words of the API, for the log of a dry run: pure functions, no calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_omics.redaction import redacted_json, several_lines


def rendered(request: Mapping[str, Any]) -> str:
    """Return a request as JSON, the same for the same request, without credentials.

    :param request: the members as in the API; what JSON does not know stands there as text
    """
    shown = json.dumps(redacted_json(request), indent=2, sort_keys=True, ensure_ascii=False, default=str)
    return several_lines(shown)
