"""Errors on run groups."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError


class RunGroupError(OmicsError):
    """Say that a run group is not what was asked for.

    :param run_group_id: the id of the run group
    """

    def __init__(self, message: str, *, run_group_id: str) -> None:
        super().__init__(message)
        self.run_group_id = run_group_id


class RunGroupDrift(RunGroupError, AirflowFailException):
    """Refuse a run group whose limits are not those asked for."""


class RunGroupExists(RunGroupError, AirflowFailException):
    """Refuse to go on because the run group exists."""


class RunGroupGone(RunGroupError):
    """Say that AWS answered a create with a run group that does not exist any more."""


class RunGroupInUse(RunGroupError):
    """Say that the run group cannot be deleted because runs of it are active.

    :param run_ids: those runs
    """

    def __init__(self, message: str, *, run_group_id: str, run_ids: Sequence[str]) -> None:
        super().__init__(message, run_group_id=run_group_id)
        self.run_ids = tuple(run_ids)
