"""Errors on runs."""

from __future__ import annotations

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError


class RunError(OmicsError):
    """Say that a run did not complete.

    :param run_id: its id
    :param status: its status
    :param reason: AWS's ``failureReason``
    :param aws_message: AWS's ``statusMessage``
    """

    def __init__(
        self,
        message: str,
        *,
        run_id: str,
        status: str,
        reason: str | None = None,
        aws_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.run_id = run_id
        self.status = status
        self.reason = reason
        self.aws_message = aws_message


class RunCancelled(RunError):
    """Say that a run was cancelled or deleted."""


class RunFailed(RunError):
    """Say that a run failed."""


class RunFailedForGood(RunFailed, AirflowFailException):
    """Say that a run failed for a reason that the same request always meets."""
