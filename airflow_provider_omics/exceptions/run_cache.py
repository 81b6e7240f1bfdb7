"""Errors on run caches."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError


class RunCacheError(OmicsError):
    """Say that a run cache is not what was asked for.

    :param cache_id: the id of the cache
    """

    def __init__(self, message: str, *, cache_id: str | None = None) -> None:
        super().__init__(message)
        self.cache_id = cache_id


class RunCacheDrift(RunCacheError, AirflowFailException):
    """Refuse a cache whose default behaviour is not the one asked for."""


class RunCacheElsewhere(RunCacheError, AirflowFailException):
    """Refuse a name that is taken by caches of other S3 locations or owners, which no call can change."""


class RunCacheExists(RunCacheError, AirflowFailException):
    """Refuse to go on because the cache exists."""


class RunCacheFailed(RunCacheError):
    """Say that AWS made the cache in status FAILED."""


class RunCacheInUse(RunCacheError):
    """Say that the cache cannot be deleted because runs use it.

    :param run_ids: the active runs that carry the cache's id
    """

    def __init__(self, message: str, *, cache_id: str, run_ids: Sequence[str]) -> None:
        super().__init__(message, cache_id=cache_id)
        self.run_ids = tuple(run_ids)
