"""Which run cache a name stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_omics.exceptions import RunCacheDrift, RunCacheElsewhere, RunCacheExists, RunCacheFailed
from airflow_provider_omics.hooks import run_caches
from airflow_provider_omics.operators.ensure import Ensurer
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import CACHE_BEHAVIORS, RUN_CACHE


class RunCacheEnsurer(Ensurer):
    """Find the run cache that a request describes, or create it: by its name, S3 location and bucket owner."""

    resource = RUN_CACHE
    update = "UpdateRunCache"
    compared = ("cacheBehavior",)
    updated = ("cacheBehavior", "description")
    defaults = {"cacheBehavior": CACHE_BEHAVIORS[0]}
    in_words = {"cacheBehavior": "the default behaviour"}
    unusable = RunCacheFailed

    def candidates(self, listed: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the ACTIVE caches of this name, the oldest first."""
        return run_caches.usable(listed, self.name)

    @property
    def listed_enough(self) -> bool:
        """Whether the list tells which of the candidates is meant; it carries neither tags nor the owner."""
        return super().listed_enough and "cacheBucketOwnerId" not in self.request

    def is_meant(self, description: Mapping[str, Any]) -> bool:
        """Tell by its description whether a candidate is meant."""
        account = self.hook.identity
        owners = (members.get("cacheBucketOwnerId", account) for members in (description, self.request))
        return len(set(owners)) == 1 and super().is_meant(description)

    def choose(self, candidates: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the oldest at this location that is meant, or None.

        :raises RunCacheElsewhere: if the name is taken by others
        """
        here = [cache for cache in candidates if run_caches.is_at(cache, self.request["cacheS3Location"])]
        found = super().choose(here)
        if found is None and candidates and not self.marker:
            raise self._elsewhere(candidates)
        return found

    def label(self, found: Mapping[str, Any]) -> str:
        """Return what the log calls it."""
        return f"{super().label(found)} at {one_line(found['cacheS3Uri'])}"

    def _elsewhere(self, named: list[dict[str, Any]]) -> RunCacheElsewhere:
        owner = self.request.get("cacheBucketOwnerId")
        wanted = self.request["cacheS3Location"] + (f" in a bucket of account {owner}" if owner else "")
        places = "; ".join(f"{cache['id']} at {one_line(cache['cacheS3Uri'])}" for cache in named)
        return RunCacheElsewhere(
            f"The run cache {self.name!r} exists, but not at {wanted}: {places}. The location and the owner of a run "
            "cache cannot be changed. Use its location, or another name, or delete it (DeleteRunCacheOperator)."
        )

    def exists_error(self, found: Mapping[str, Any]) -> RunCacheExists:
        """Return the error for ``if_exists="fail"``."""
        return RunCacheExists(
            f"The run cache {self.name!r} exists (id {found['id']}, {one_line(found['cacheS3Uri'])}), and "
            'if_exists="fail". Use another name, or if_exists="reuse" or "update".',
            cache_id=found["id"],
        )

    def drift_error(self, found: Mapping[str, Any], differences: str) -> RunCacheDrift:
        """Return the error for ``drift="error"``."""
        return RunCacheDrift(
            f'Run cache {found["id"]} ({self.name}) has {differences}. Use if_exists="update" to change it, or '
            f"cache_behavior={found['cacheBehavior']!r} to accept it.",
            cache_id=found["id"],
        )

    def unusable_error(self, identifier: str, status: str) -> RunCacheFailed:
        """Return the error for a create that was answered with a cache that is not ACTIVE."""
        return RunCacheFailed(
            f"AWS HealthOmics answered CreateRunCache with run cache {identifier}, whose status is {status}. "
            "Next: check that the bucket exists in this region, and that the connection may write to it.",
            cache_id=identifier,
        )
