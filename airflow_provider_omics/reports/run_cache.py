"""What is said of a run cache: a pure function, no calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESULT = {
    "id": "id",
    "arn": "arn",
    "status": "status",
    "tags": "tags",
    "name": "name",
    "cache_s3_uri": "cacheS3Uri",
    "cache_behavior": "cacheBehavior",
}
"""What every operator says of a cache, and where the API's answer has it."""


def summary(cache: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the XCom of a cache; a member that AWS left out is None."""
    return {key: cache.get(member) for key, member in RESULT.items()} | more
