"""Errors on runs."""

from __future__ import annotations

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.redaction import one_line


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
        self.reason = reason and one_line(reason)
        self.aws_message = aws_message and one_line(aws_message)


class RunCancelled(RunError):
    """Say that a run was cancelled or deleted, by this deployment of Airflow or where ``retry_cancelled`` is set."""


class RunCancelledForGood(RunCancelled, AirflowFailException):
    """Say that somebody else cancelled or deleted a run: a retry would undo what they wanted."""


class RunFailed(RunError):
    """Say that a run failed."""


class RunFailedForGood(RunFailed, AirflowFailException):
    """Say that a run failed for a reason that the same request always meets."""


class StartTimeout(OmicsError):
    """Say that a start was refused until its time ran out; nothing was started.

    :param waited: for how many seconds it waited
    :param refusal: what AWS answered last; None if time ran out before the request was sent
    :param title: what was to be started, in words
    :param limit: the argument that set the limit
    """

    def __init__(self, waited: float, refusal: str | None, title: str = "run", limit: str = "start_timeout") -> None:
        answer = f"AWS's last answer: {refusal} " if refusal else ""
        super().__init__(
            f"The {title} was not started: its turn did not come within {waited:.0f} s ({limit}). {answer}Next: start "
            f"fewer runs at once, raise {limit}, or ask AWS for a higher rate or quota."
        )
        self.waited = waited
