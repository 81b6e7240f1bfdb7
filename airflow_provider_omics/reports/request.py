"""A request in words of the API, for the log of a dry run: pure functions, no calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_omics.redaction import redacted


def rendered(request: Mapping[str, Any]) -> str:
    """Return a request as JSON, the same for the same request, without what presigned URLs are signed with.

    :param request: the members as in the API; what JSON does not know stands there as text
    """
    return json.dumps(_redacted(request), indent=2, sort_keys=True, ensure_ascii=False, default=str)


def _redacted(value: Any) -> Any:
    """Return a value with its strings redacted before they are quoted: a backslash of JSON may stand in a URL's way."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each) for each in value]
    return value
