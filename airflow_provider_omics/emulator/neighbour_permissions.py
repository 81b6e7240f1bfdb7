"""What calls of the services beside HealthOmics need: S3, CloudWatch Logs and STS, read from the requests themselves.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html, and of CloudWatch Logs
and STS beside it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from airflow_provider_omics.emulator import json_input
from airflow_provider_omics.emulator.core import DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import partition
from airflow_provider_omics.emulator.permissions import Need
from airflow_provider_omics.emulator.signature import scope_of

log = logging.getLogger(__name__)

S3: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("", ""): {"GET": "ListAllMyBuckets"},
    ("bucket", ""): {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"},
    ("bucket", "delete"): {"POST": "DeleteObject"},
    ("bucket", "lifecycle"): {"GET": "GetLifecycleConfiguration", "PUT": "PutLifecycleConfiguration"},
    ("bucket", "location"): {"GET": "GetBucketLocation"},
    ("bucket", "policy"): {"GET": "GetBucketPolicy", "PUT": "PutBucketPolicy"},
    ("bucket", "tagging"): {"GET": "GetBucketTagging", "PUT": "PutBucketTagging"},
    ("bucket", "uploads"): {"GET": "ListBucketMultipartUploads"},
    ("bucket", "versioning"): {"GET": "GetBucketVersioning", "PUT": "PutBucketVersioning"},
    ("bucket", "versions"): {"GET": "ListBucketVersions"},
    ("object", ""): {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"},
    ("object", "tagging"): {"GET": "GetObjectTagging", "PUT": "PutObjectTagging", "DELETE": "DeleteObjectTagging"},
    ("object", "uploadId"): {
        "GET": "ListMultipartUploadParts",
        "PUT": "PutObject",
        "POST": "PutObject",
        "DELETE": "AbortMultipartUpload",
    },
    ("object", "uploads"): {"POST": "PutObject"},
    ("object", "versionId"): {"GET": "GetObjectVersion", "HEAD": "GetObjectVersion", "DELETE": "DeleteObjectVersion"},
}
"""The action of each kind of S3 request: what it is about, the parameter that says more, and the method."""

_PLAIN = frozenset(
    (
        *("continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type", "marker"),
        *("max-keys", "partNumber", "prefix", "start-after", "version-id-marker", "x-id"),
        *("AWSAccessKeyId", "Expires", "Signature"),
    )
)
"""Parameters that change nothing about the permission; so do those that begin with ``response-`` and ``x-amz-``."""
_HOSTED = re.compile(r"(.+)\.s3[.-].+", re.DOTALL)  # so that a line break sends it back to no earlier ``.s3.``
"""A virtual-hosted S3 address begins with the bucket: ``genomes.s3.us-east-1.amazonaws.com``."""
_MADE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{7,}")
"""An id in the key of an object, e.g. of a run: another one the next time."""


def needs(method: str, target: str, headers: Message, body: bytes) -> list[Need]:
    """Return what a request to one of these services needs; of another service a warning says that it is left out.

    :param target: path and query string as they came, percent-encoded.
    """
    path, _, query = target.partition("?")
    parameters = parse_qs(query, keep_blank_values=True)
    scope = scope_of(headers.get("Authorization"), query)
    if scope is None:
        return []
    region = scope.region or DEFAULT_REGION
    if scope.service == "s3":
        if hosted := _HOSTED.fullmatch(headers.get("Host", "")):
            path = f"/{hosted[1]}{path}"
        return list(_s3(method, path, parameters, headers, body, region))
    if scope.service == "logs":
        return list(_logs(headers, body, region))
    if scope.service == "sts":
        return list(_sts(body))
    _left_out(scope.service)
    return []


@cache
def _left_out(what: str) -> None:
    log.warning("Calls of %s are not part of the IAM policy that the emulator writes.", what)


def _s3(
    method: str, path: str, parameters: Mapping[str, list[str]], headers: Message, body: bytes, region: str
) -> Iterator[Need]:
    bucket, _, key = path.lstrip("/").partition("/")
    bucket, key = unquote(bucket), unquote(key)
    about = "object" if key else "bucket" if bucket else ""
    said = {name for name in parameters if name not in _PLAIN and not name.lower().startswith(("response-", "x-amz-"))}
    action = S3.get((about, "".join(said)), {}).get(method) if len(said) < 2 else None
    if action is None:
        _left_out(f"S3 ({method} of {about or 'the account'}, {', '.join(sorted(said)) or 'plain'})")
        return
    arn = f"arn:{partition(region)}:s3:::"
    if about == "":
        yield f"s3:{action}", "*"
    elif about == "bucket" and action != "DeleteObject":
        yield f"s3:{action}", f"{arn}{bucket}"
    else:
        for each in [key] if key else _deleted(body):
            yield f"s3:{action}", f"{arn}{bucket}/{_folder(each)}"
    if source := headers.get("x-amz-copy-source"):
        origin, _, copied = unquote(source).lstrip("/").partition("/")
        yield "s3:GetObject", f"{arn}{origin}/{_folder(copied.partition('?')[0])}"


def _deleted(body: bytes) -> list[str]:
    """Return the keys of a DeleteObjects request."""
    parts = [part.partition("</Key>") for part in body.decode(errors="replace").split("<Key>")[1:]]
    return [_unescaped(key) for key, end, _ in parts if end]


def _unescaped(text: str) -> str:
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(escaped, plain)
    return text


def _folder(key: str) -> str:
    """Return what stands for a key in a policy: its folder, as far as that is the same the next time."""
    *folders, _ = key.split("/")
    if not folders:
        return key
    same = next((number for number, folder in enumerate(folders) if _MADE.fullmatch(folder)), len(folders))
    return "/".join([*folders[:same], "*"])


def _logs(headers: Message, body: bytes, region: str) -> Iterator[Need]:
    action = headers.get("X-Amz-Target", "").partition(".")[2]
    fields = _json(body)
    group = fields.get("logGroupName")
    place = f"arn:{partition(region)}:logs:{region}:*:log-group:{group or '*'}"
    yield f"logs:{action}", f"{place}:log-stream:*" if "logStreamName" in fields else f"{place}:*"


def _json(body: bytes) -> dict[str, Any]:
    try:
        fields = json_input.read(body)
    except ValueError:  # moto refuses it
        return {}
    return fields if isinstance(fields, dict) else {}


def _sts(body: bytes) -> Iterator[Need]:
    fields = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    if fields.get("Action") == "AssumeRole" and "RoleArn" in fields:  # GetCallerIdentity needs no permission
        yield "sts:AssumeRole", fields["RoleArn"]
