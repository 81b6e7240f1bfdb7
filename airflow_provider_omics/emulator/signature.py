"""Who signs a request, and for which service: the scope of its credential (Signature Version 4).

Signatures themselves are not checked. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(r"\bCredential=([^/\s,]+)/\d{8}/([^/\s,]+)/([^/\s,]+)/aws4_request")


class Scope(NamedTuple):
    """What a signature is good for."""

    access_key: str
    region: str
    service: str
    """As signatures name it, e.g. ``omics`` or ``s3``."""


def scope_of(authorization: str | None, query: str = "") -> Scope | None:
    """Return the scope of a request's signature; None if it has none.

    :param authorization: the header of this name.
    :param query: the query string as it came, which signs a presigned address.
    """
    found = _CREDENTIAL.search(authorization or _presigned(query))
    return Scope(*found.groups()) if found else None


def _presigned(query: str) -> str:
    return f"Credential={''.join(parse_qs(query).get('X-Amz-Credential', []))}" if query else ""
