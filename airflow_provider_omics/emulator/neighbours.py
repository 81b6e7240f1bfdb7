"""The AWS services beside HealthOmics: S3, where inputs, outputs and caches lie, and CloudWatch Logs.

moto emulates them. Importing it costs one to two and a half seconds, so it is imported when it is first needed; a
server does that in the background with :meth:`MotoNeighbours.load`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_omics.emulator.signature import Scope

if TYPE_CHECKING:
    from moto.s3.models import S3Backend

PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
"""The partitions besides ``aws``, by the start of their regions' names."""

SERVICES = frozenset({"events", "iam", "logs", "s3", "sqs", "sts"})
"""The services of moto's that answer over HTTP unless more are asked for, by the names of their packages.

None of them runs or mounts anything. Only ``events`` can call an address, and does so only where the environment has
``MOTO_EVENTS_INVOKE_HTTP``, which the command line drops.
"""

_ACCESS_KEY = re.compile(r"[A-Z0-9]{20}")
"""What moto takes for a key that may belong to a role or a user."""


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket: its name, the account that owns it and the region it lies in."""

    name: str
    account: str
    region: str


class Neighbours(Protocol):
    """What HealthOmics touches of the services beside it."""

    @property
    def knows_buckets(self) -> bool:
        """Whether :meth:`bucket` speaks of buckets that exist; if not, their checks are left out."""

    def bucket(self, name: str) -> Bucket | None:
        """Return the bucket of that name, whoever owns it, or None if there is none."""

    def put_object(self, bucket: str, key: str, body: bytes) -> str:
        """Write an object into an existing bucket and return its ETag without the quotes."""

    def get_object(self, bucket: str, key: str) -> bytes | None:
        """Return the content of an object, or None if there is no such object."""

    def etag(self, bucket: str, key: str) -> str | None:
        """Return an object's ETag without the quotes, or None if there is no such object."""

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys of the objects whose keys begin so, in their order."""

    def log(self, account: str, region: str, group: str, stream: str, events: Sequence[tuple[datetime, str]]) -> None:
        """Write messages, each with its time, to a log stream, which is made if need be."""

    def reset(self) -> None:
        """Forget everything."""


class NoNeighbours:
    """An empty neighbourhood: any bucket may exist, objects have no content, and logs go nowhere."""

    knows_buckets = False

    def bucket(self, name: str) -> Bucket | None:
        return Bucket(name, account="", region="")

    def put_object(self, bucket: str, key: str, body: bytes) -> str:
        return ""

    def get_object(self, bucket: str, key: str) -> bytes | None:
        return None

    def etag(self, bucket: str, key: str) -> str | None:
        return None

    def keys(self, bucket: str, prefix: str) -> list[str]:
        return []

    def log(self, account: str, region: str, group: str, stream: str, events: Sequence[tuple[datetime, str]]) -> None:
        return None

    def reset(self) -> None:
        return None


class MotoNeighbours:
    """S3 and CloudWatch Logs as moto emulates them in this process, the very ones that boto3 meets there.

    moto's backends have no locks of their own; what is written from here is written one at a time.
    """

    knows_buckets = True
    _importing = threading.Lock()
    _writing = threading.Lock()  # of the class, since moto's backends belong to the process

    @classmethod
    def load(cls) -> None:
        """Import what this needs of moto, once.

        Two threads that import modules of one import cycle at the same time may see half of a module: whoever comes
        second waits here.
        """
        with cls._importing:
            for service in ("iam", "logs", "s3"):
                importlib.import_module(f"moto.{service}.models")

    def bucket(self, name: str) -> Bucket | None:
        owner = self._owner(name)
        found = owner.buckets.get(name) if owner else None
        return Bucket(name, found.account_id, found.region_name) if found else None

    def create_bucket(self, name: str, account: str, region: str) -> None:
        """Make a bucket.

        :raises moto.s3.exceptions.S3ClientError: if the name is taken or is no bucket name.
        """
        self.load()
        from moto.s3.models import s3_backends

        with self._writing:
            s3_backends[account][partition(region)].create_bucket(name, region)

    def put_object(self, bucket: str, key: str, body: bytes) -> str:
        owner = self._owner(bucket)
        if owner is None:
            raise LookupError(f"The emulated S3 has no bucket {bucket!r}.")
        with self._writing:
            return _unquoted(owner.put_object(bucket, key, value=body))

    def get_object(self, bucket: str, key: str) -> bytes | None:
        owner = self._owner(bucket)
        found = owner.get_object(bucket, key) if owner else None
        return bytes(found.value) if found else None

    def etag(self, bucket: str, key: str) -> str | None:
        owner = self._owner(bucket)
        found = owner.get_object(bucket, key) if owner else None
        return _unquoted(found) if found else None

    def keys(self, bucket: str, prefix: str) -> list[str]:
        owner = self._owner(bucket)
        return sorted(key for key in owner.buckets[bucket].keys if key.startswith(prefix)) if owner else []

    def log(self, account: str, region: str, group: str, stream: str, events: Sequence[tuple[datetime, str]]) -> None:
        self.load()
        from moto.logs.models import logs_backends

        entries = [{"timestamp": int(at.timestamp() * 1000), "message": message} for at, message in events]
        with self._writing:
            backend = logs_backends[account][region]
            backend.ensure_log_group(group)
            backend.ensure_log_stream(group, stream)
            # Not through the backend's own put_log_events: it drops what is more than two hours ahead of the real
            # time, and the emulator's clock may be.
            backend.groups[group].streams[stream].put_log_events(entries)

    def reset(self) -> None:
        """Forget every bucket, object, log and identity; in fact everything that moto keeps in this process."""
        self.load()
        from moto.core.base_backend import BackendDict

        BackendDict.reset()  # without our lock: moto takes one of its own, and resets what else is registered with it

    def _owner(self, bucket: str) -> S3Backend | None:
        self.load()
        from moto.s3.models import s3_backends

        partition_and_account = s3_backends.bucket_accounts.get(bucket)
        if partition_and_account is None:
            return None
        name, account = partition_and_account
        return s3_backends[account][name]


def check_services(names: Iterable[str]) -> None:
    """Check that moto emulates these services, without importing it.

    :param names: those of their packages in moto.
    :raises ValueError: naming one that it does not.
    """
    found = importlib.util.find_spec("moto")
    if found is None or found.origin is None:
        return  # whoever needs moto says that it is missing
    for name in names:
        # moto's own interface, moto_api, has no such file.
        if not name.isidentifier() or not (Path(found.origin).parent / name / "urls.py").is_file():
            raise ValueError(f"moto emulates no service {name!r}: give a name of moto's, e.g. dynamodb or awslambda.")


def account_of(headers: Mapping[str, str], scope: Scope | None) -> str | None:
    """Return the account of a request by moto's rules, so that a role assumed in another account acts there.

    :param headers: the request's, with their names in lower case.
    :param scope: that of its signature.
    :return: None where the core's own rules say the same.
    """
    if scope is None or not _ACCESS_KEY.fullmatch(scope.access_key):
        return None
    if os.environ.get("MOTO_ACCOUNT_ID") or "x-moto-account-id" in headers:
        return None
    return _account_rule()(scope.access_key)


@cache
def _account_rule() -> Callable[[str], str]:
    MotoNeighbours.load()
    from moto.iam.models import get_account_id_from

    return get_account_id_from


def partition(region: str) -> str:
    """Return the partition of a region, e.g. ``aws-cn`` of ``cn-north-1``."""
    return next((name for start, name in PARTITIONS.items() if region.startswith(f"{start}-")), "aws")


def _unquoted(key: Any) -> str:
    return str(key.etag).strip('"')
