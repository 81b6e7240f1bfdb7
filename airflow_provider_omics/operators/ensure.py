"""One run cache for one name, whatever retries, races and lost answers do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_omics.exceptions import (
    AccessDenied,
    Conflict,
    NotFound,
    OutcomeUnknown,
    RunCacheDrift,
    RunCacheElsewhere,
    RunCacheExists,
    RunCacheFailed,
    ValidationFailed,
)
from airflow_provider_omics.resources import RUN_CACHE

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

SETTLE_SECONDS = 4.0
"""How long a new cache is looked at before it is trusted to be the oldest. Lists may lag, and creation times may have a
resolution of a second; AWS documents neither. 4 s cover a lag of 3 s and such a resolution."""

SENDS = 3
"""How often a create whose answers are lost is sent, always with the same token."""


@dataclass
class RunCacheEnsurer:
    """Find the run cache that a request describes, or create it.

    :param hook: the client
    :param request: the checked members of CreateRunCache, ``name`` and ``requestId`` among them
    :param if_exists: ``reuse``, ``update``, ``fail`` or ``create``
    :param drift: ``warn`` or ``error``, where the default behaviour of an existing cache is another one
    :param own_token: whether the author gave the ``requestId``: then no other is tried
    :param marker: tags by which the cache is told from others of its name, where the name is not enough
    """

    hook: OmicsHook
    request: dict[str, Any]
    if_exists: str
    drift: str
    own_token: bool
    marker: Mapping[str, str] = field(default_factory=dict)
    log: Any = field(default_factory=lambda: logging.getLogger(__name__))

    def __post_init__(self) -> None:
        self.name: str = self.request["name"]
        self.location: str = self.request["cacheS3Location"]
        self.behavior: str = self.request.get("cacheBehavior", "CACHE_ON_FAILURE")  # AWS's own default

    def ensure(self) -> dict[str, Any]:
        """Return the cache's description, with ``created`` telling whether this call made it."""
        found = self._oldest()
        if found is not None and self.if_exists == "fail":
            raise RunCacheExists(
                f'The run cache {self.name!r} exists (id {found["id"]}, {found["cacheS3Uri"]}), and if_exists="fail". '
                'Use another name, or if_exists="reuse" or "update".',
                cache_id=found["id"],
            )
        if found is not None:
            return self._reuse(self._settled(found))
        own = self._create()
        sleep(SETTLE_SECONDS)
        winner = self._oldest(own) or own
        if winner["id"] != own["id"]:
            self._step_aside(own["id"], winner["id"])
            return self._reuse(winner)
        self.log.info("Created run cache %s (%s) at %s", own["id"], self.name, own["cacheS3Uri"])
        return own | {"created": True}

    # --- looking

    def _oldest(self, own: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the cache that the name stands for: at this location, of this owner, of this task instance.

        :param own: the cache that was just made, which counts even if it is not listed yet
        """
        from airflow_provider_omics.hooks import run_caches

        listed = {cache["id"]: cache for cache in self.hook.iterate(RUN_CACHE.list)}
        if own is not None:
            listed.setdefault(own["id"], own)
        named = run_caches.usable(listed.values(), self.name)
        here = [cache for cache in named if run_caches.is_at(cache, self.location)]
        if "cacheBucketOwnerId" not in self.request and not self.marker:
            mine = here
        else:  # owner and tags are not listed
            described = (self.hook.describe(RUN_CACHE, id=cache["id"]) for cache in here)
            mine = [next(filter(self._is_mine, described), {})]
        if mine and mine[0]:
            return mine[0]
        if named and not self.marker:
            raise self._elsewhere(named)
        return None

    def _is_mine(self, cache: dict[str, Any]) -> bool:
        account = self.hook.identity
        owner = self.request.get("cacheBucketOwnerId", account)
        tags: dict[str, str] = cache.get("tags", {})
        return bool(cache.get("cacheBucketOwnerId", account) == owner) and self.marker.items() <= tags.items()

    def _elsewhere(self, named: list[dict[str, Any]]) -> RunCacheElsewhere:
        owner = self.request.get("cacheBucketOwnerId")
        wanted = self.location + (f" in a bucket of account {owner}" if owner else "")
        places = "; ".join(f"{cache['id']} at {cache['cacheS3Uri']}" for cache in named)
        return RunCacheElsewhere(
            f"The run cache {self.name!r} exists, but not at {wanted}: {places}. The location and the owner of a run "
            "cache cannot be changed. Use its location, or another name, or delete it (DeleteRunCacheOperator)."
        )

    def _settled(self, found: dict[str, Any]) -> dict[str, Any]:
        """Look again at a cache so young that an older one may not be listed yet."""
        age = (self.hook.service_time - found["creationTime"]).total_seconds()
        if age >= SETTLE_SECONDS:
            return found
        sleep(SETTLE_SECONDS - max(age, 0))
        return self._oldest() or found

    # --- creating

    def _create(self) -> dict[str, Any]:
        """Create the cache and return its description; a token that only answers with the past is changed once."""
        request = dict(self.request)
        try:
            return self._active(self._send(request))
        except (ValidationFailed, Conflict, RunCacheFailed) as refused:
            if self.own_token:
                raise
            # The token is the same for all creators of this cache, so the answer may be about an older cache.
            self.log.info("%s Trying once more with a new request id.", refused)
        return self._active(self._send(request | {"requestId": str(uuid4())}))

    def _send(self, request: dict[str, Any]) -> str:
        for attempt in range(1, SENDS + 1):
            try:
                return str(self.hook.create("CreateRunCache", **request)["id"])
            except OutcomeUnknown as unknown:
                if attempt == SENDS:
                    raise
                self.log.warning("%s", unknown)
                sleep(SETTLE_SECONDS)
                if found := self._oldest():
                    return str(found["id"])
        raise AssertionError("unreachable")

    def _active(self, cache_id: str) -> dict[str, Any]:
        try:
            cache = self.hook.describe(RUN_CACHE, id=cache_id)
        except NotFound:
            cache = {"status": "DELETED"}
        if cache["status"] in RUN_CACHE.succeeded:
            return cache
        raise RunCacheFailed(
            f"AWS HealthOmics answered CreateRunCache with run cache {cache_id}, whose status is {cache['status']}. "
            "Next: check that the bucket exists in this region, and that the connection may write to it.",
            cache_id=cache_id,
        )

    # --- what exists

    def _step_aside(self, loser: str, winner: str) -> None:
        """Rename a cache that lost a race; never delete it: somebody may hold its id, and its data would be lost."""
        from airflow_provider_omics.hooks.run_caches import duplicate_name

        name = duplicate_name(self.name, winner)
        try:
            self.hook.call("UpdateRunCache", id=loser, name=name)
        except AccessDenied as denied:
            self.log.warning("Run cache %s lost a race against %s and keeps its name: %s", loser, winner, denied)
            return
        self.log.warning("Run cache %s lost a race against %s and is now named %r", loser, winner, name)

    def _reuse(self, cache: dict[str, Any]) -> dict[str, Any]:
        actual = cache["cacheBehavior"]
        if self.if_exists == "update":
            cache = self._update(cache["id"])
        elif actual != self.behavior:
            problem = f"Run cache {cache['id']} ({self.name}) has the default behaviour {actual}, not {self.behavior}."
            if self.drift == "error":
                raise RunCacheDrift(
                    f'{problem} Use if_exists="update" to change it, or cache_behavior={actual!r} to accept it.',
                    cache_id=cache["id"],
                )
            self.log.warning('%s It is used as it is; if_exists="update" changes it.', problem)
        self.log.info("Reusing run cache %s (%s) at %s", cache["id"], self.name, cache["cacheS3Uri"])
        return cache | {"created": False}

    def _update(self, cache_id: str) -> dict[str, Any]:
        """Bring behaviour, description and tags in line; tags that others put on the cache stay."""
        cache = self.hook.describe(RUN_CACHE, id=cache_id)
        wanted: Mapping[str, Any] = {
            "cacheBehavior": self.behavior,
            "description": self.request.get("description", cache.get("description")),
        }
        changes = {member: value for member, value in wanted.items() if value != cache.get(member)}
        if changes:
            self.log.info("Updating run cache %s: %s", cache_id, ", ".join(sorted(changes)))
            self.hook.call("UpdateRunCache", id=cache_id, **changes)
        tags = {k: v for k, v in self.request.get("tags", {}).items() if cache.get("tags", {}).get(k) != v}
        if tags:
            self.log.info("Tagging run cache %s: %s", cache_id, ", ".join(sorted(tags)))
            self.hook.call("TagResource", resourceArn=cache["arn"], tags=tags)
        return self.hook.describe(RUN_CACHE, id=cache_id) if changes or tags else cache
