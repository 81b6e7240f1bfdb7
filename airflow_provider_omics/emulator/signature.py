"""Who signs a request, and for which service: the scope of its credential.

Signatures themselves are not checked. Source of version 4:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(r"\bCredential=([^/\s,=]+)/\d{8}/([^/\s,]+)/([^/\s,]+)/aws4_request")
_VERSION_2 = re.compile(r"AWS ([^:\s]+):")
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html."""


class Scope(NamedTuple):
    """What a signature is good for."""

    access_key: str
    region: str | None
    """None where the signature names none."""
    service: str
    """As signatures name it, e.g. ``omics`` or ``s3``."""


def scope_of(authorization: str | None, query: str = "") -> Scope | None:
    """Return the scope of a request's signature; None if it has none.

    :param authorization: the header of this name.
    :param query: the query string as it came, which signs a presigned address.
    """
    if authorization is None and query:
        return _presigned(parse_qs(query))
    if found := _CREDENTIAL.search(authorization or ""):
        return Scope(*found.groups())
    older = _VERSION_2.match(authorization or "")
    return Scope(older[1], None, "s3") if older else None


def _presigned(parameters: Mapping[str, list[str]]) -> Scope | None:
    """Return the scope of an address that is signed itself: by version 4, or by version 2, as boto3 does for S3."""
    if key := parameters.get("AWSAccessKeyId"):
        return Scope(key[0], None, "s3")
    credential = "".join(parameters.get("X-Amz-Credential", []))
    return scope_of(f"Credential={credential}") if credential else None
