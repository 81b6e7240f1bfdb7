"""What a verification makes in an account, and how it is removed again; nothing else there is ever touched."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.resources import RUN, RUN_CACHE, RUN_GROUP, WORKFLOW, Resource

NAME = re.compile(r"omics-verify-[0-9a-f]{12}")
"""The form of a verification's name: no two are alike, and everything that one makes bears it."""

WORDS: Mapping[str, str] = {
    "AccessDeniedException": "access_denied",
    "ConflictException": "conflict",
    "ResourceNotFoundException": "not_found",
    "ValidationException": "validation",
}
"""What ``assumptions.json`` calls the errors that can be an answer."""

PATIENCE = 60
"""How many seconds a list may lag, and a deletion take."""
THROTTLED = 30
"""How often a call that is throttled is sent again, once a second."""
SWEEPS = 3
"""How often the removal of everything is tried."""
_MADE_BY = {resource.create: resource for resource in (RUN, RUN_CACHE, RUN_GROUP, WORKFLOW)}


class Unanswered(Exception):
    """A question has found no answer; the message says why."""


TROUBLE = (ClientError, BotoCoreError, Unanswered)
"""What a single step may fail with while others go on."""


class Account:
    """A part of an account that a verification makes for itself.

    :param omics: a boto3 client of HealthOmics that sends each call once, so that no token is used behind one's back.
    :param s3: a boto3 client of S3.
    :param bucket: a bucket in the same region; everything lies below the verification's name there.
    :param role_arn: a role that HealthOmics can take on for a run; without one, no run is started.
    :param name: that of an earlier verification, to remove what it left.
    :param sleep: waits for so many seconds.
    :param monotonic: tells the seconds.
    :raises ValueError: if the name is none of a verification.
    """

    def __init__(
        self,
        omics: Any,
        s3: Any,
        bucket: str,
        role_arn: str | None = None,
        *,
        name: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._omics, self._s3 = omics, s3
        self.bucket, self.role_arn = bucket, role_arn
        self.name = name or f"omics-verify-{uuid4().hex[:12]}"
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not the name of a verification, e.g. omics-verify-0123456789ab.")
        self.sleep, self.monotonic = sleep, monotonic
        self._made: dict[str, list[str]] = {}

    @property
    def run_name(self) -> str:
        """The name of its runs."""
        return f"{self.name}-Run"

    def uri(self, *parts: str) -> str:
        """Return a location in the part of the bucket that is the verification's own."""
        return "/".join(["s3:/", self.bucket, self.name, *parts])

    def call(self, operation: str, **request: Any) -> Any:
        """Call an operation; one that is throttled is sent again.

        :raises botocore.exceptions.ClientError: whatever else it is answered with.
        """
        for left in reversed(range(THROTTLED)):
            try:
                answer = getattr(self._omics, xform_name(operation))(**request)
                break
            except ClientError as error:
                if error.response["Error"]["Code"] != "ThrottlingException" or not left:
                    raise
                self.sleep(1)
        if made := _MADE_BY.get(operation):
            self._made.setdefault(made.word, []).append(answer["id"])
        return answer

    def answer(self, operation: str, **request: Any) -> Any:
        """Call an operation and return its answer, or the word for the error that it ends with.

        :raises Unanswered: if that is no error which ``assumptions.json`` knows.
        """
        try:
            return self.call(operation, **request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in WORDS:
                raise Unanswered(f"{operation} answered {error}") from error
            return WORDS[code]

    def cache(self, suffix: str, **members: Any) -> dict[str, Any]:
        """Return a request for CreateRunCache, with a token of its own."""
        place, token = self.uri("cache"), f"{self.name}-{uuid4()}"
        return {"cacheS3Location": place, "name": f"{self.name}-{suffix}", "requestId": token, **members}

    def until(self, condition: Callable[[], Any], what: str, *, every: float = 0.5, seconds: float = PATIENCE) -> Any:
        """Wait until a condition holds and return what it returned.

        :raises Unanswered: if it does not in time.
        """
        deadline = self.monotonic() + seconds
        while not (found := condition()):
            if self.monotonic() >= deadline:
                raise Unanswered(f"{what}: not within {seconds:g} seconds")
            self.sleep(every)
        return found

    def listed(self, resource: Resource, **filters: str) -> Iterator[dict[str, Any]]:
        """Yield the verification's own resources of a kind, as a list shows them."""
        following: dict[str, str] = {}
        while True:
            page = self.call(resource.list, **filters, **following)
            yield from (item for item in page["items"] if self._is_ours(item))
            if not page.get("nextToken"):
                return
            following = {"startingToken": page["nextToken"]}

    def clean_up(self) -> list[str]:
        """Remove everything that bears the verification's name; say what could not be removed, and why."""
        left = self._sweep()
        for _ in range(SWEEPS - 1):
            if not left:
                break
            self.sleep(5)
            left = self._sweep()
        return left

    def _sweep(self) -> list[str]:
        left: list[str] = []
        for resource in (RUN, RUN_CACHE, RUN_GROUP, WORKFLOW):
            for key in self._keys(resource, left):
                try:
                    self._remove(resource, key)
                except TROUBLE as error:
                    left.append(f"{resource.title} {key}: {error}")
        try:
            self._remove_objects(left)
        except TROUBLE as error:
            left.append(f"{self.uri('')}: {error}")
        return left

    def _keys(self, resource: Resource, left: list[str]) -> list[str]:
        """Return what is known to have been made, and what a lost answer may have made besides."""
        keys = dict.fromkeys(self._made.get(resource.word, []))
        filters = {"name": self.run_name} if resource is RUN else {}  # an account may have 100,000 runs
        try:
            keys |= {item["id"]: None for item in self.listed(resource, **filters) if item.get("status") != "DELETED"}
        except TROUBLE as error:
            left.append(f"{resource.title}s: {error}")
        return list(keys)

    def _remove(self, resource: Resource, key: str) -> None:
        described = self._describe(resource, key)
        if described is None:
            return
        if resource is RUN and described["status"] not in RUN.ended:
            self.answer("CancelRun", id=key)
            self.until(lambda: self.ended(key), f"the end of run {key}", every=10, seconds=1800)
        self.until(lambda: self._deleted(resource, key), f"the deletion of {resource.title} {key}", every=2)

    def _deleted(self, resource: Resource, key: str) -> bool:
        """Ask for a deletion; a conflict, e.g. with a run that is just ending, is worth another try."""
        if self._describe(resource, key) is None:
            return True
        try:
            self.call(str(resource.delete), id=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ConflictException", "ResourceNotFoundException"):
                raise
        return self._describe(resource, key) is None

    def _describe(self, resource: Resource, key: str) -> Any:
        """Describe a resource that is the verification's own; an id may have gone to somebody else's since."""
        try:
            found = self.call(resource.describe, id=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return found if self._is_ours(found) and found.get("status") != "DELETED" else None

    def ended(self, run_id: str) -> str | None:
        """Return the status of a run if it has ended; ``DELETED`` if it is not there any more."""
        described = self._describe(RUN, run_id)
        status = str(described["status"]) if described else "DELETED"
        return status if status in RUN.ended else None

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        return str(item.get("name", "")).startswith(f"{self.name}-")

    def _remove_objects(self, left: list[str]) -> None:
        """Remove what lies in the bucket; S3 tells which of the keys it refused to remove in an answer of 200."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=f"{self.name}/")
        for page in pages:
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if keys:
                answer = self._s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})
                left += [
                    f"s3://{self.bucket}/{error['Key']}: {error['Code']}: {error.get('Message', '')}"
                    for error in answer.get("Errors", [])
                ]
