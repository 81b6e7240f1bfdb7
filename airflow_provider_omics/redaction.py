"""What no log, error or XCom may show."""

from __future__ import annotations

import re

_SIGNED = re.compile(
    r"((?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|\bSignature)=)[^&\s\"']+", re.IGNORECASE
)
"""What makes a URL a key to somebody's data, in version 4 and in version 2 of AWS's signatures."""


def redacted(text: str) -> str:
    """Return a text without what presigned URLs are signed with."""
    return _SIGNED.sub(r"\1[redacted]", text)
