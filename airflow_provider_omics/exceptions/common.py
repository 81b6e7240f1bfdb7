"""Errors of every operation."""

from __future__ import annotations

from typing import Any

from airflow_provider_omics.compat import AirflowException, AirflowFailException
from airflow_provider_omics.redaction import one_line, several_lines


class OmicsError(AirflowException):
    """Stand above every error of this package.

    :param message: may have several lines; credentials are taken out, and control characters escaped
    """

    def __init__(self, message: str) -> None:
        super().__init__(several_lines(message))


class OmicsInputError(OmicsError, AirflowFailException, ValueError):
    """Refuse an argument before any call.

    :param argument: the operator's argument
    :param problem: what is wrong with it, and what would be right
    """

    def __init__(self, argument: str, problem: str) -> None:
        self.argument = one_line(argument)
        self.problem = one_line(problem)
        super().__init__(f"{self.argument}: {self.problem}")


class OmicsConnectionError(OmicsError, AirflowFailException):
    """Refuse an Airflow connection that cannot work: absent, without region, or in a region without HealthOmics."""


class OmicsVersionError(OmicsError, AirflowFailException):
    """Say that the installed boto3 lacks what the DAG uses.

    :param what: the operation or member, e.g. ``StartRun's member sessionPolicy``
    :param installed: the installed botocore release
    :param needed: the first release that has it; None if this package does not know of one
    """

    def __init__(self, what: str, installed: str, needed: str | None) -> None:
        remedy = f"Install boto3 {needed} or later" if needed else "Check its spelling, or install a newer boto3"
        super().__init__(f"The installed botocore {installed} does not know {what}. {remedy}.")
        self.what = what
        self.installed = installed
        self.needed = needed


class NoAnswer(OmicsError):
    """Say that a call could not be made, or got no answer.

    :param operation: the operation of the API
    :param cause: what went wrong, in a few words
    """

    def __init__(self, operation: str, cause: str) -> None:
        super().__init__(
            f"{operation} got no answer from AWS HealthOmics: {one_line(cause)}. "
            "Next: check credentials, endpoint and network; the task's log names the endpoint."
        )
        self.operation = operation


class AnswerUnreadable(OmicsError):
    """Say that an answer of AWS cannot be read: its objects and arrays are nested too deeply for Python.

    :param operation: the operation of the API
    """

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"The answer of AWS HealthOmics to {operation} is nested too deeply to be read. "
            "Next: look at this resource in the AWS console; the parameters of a run may be nested so."
        )
        self.operation = operation


class OutcomeUnknown(OmicsError):
    """Say that a creating call was sent and its answer did not arrive.

    :param operation: the operation of the API
    :param request_id: the token it was sent with
    :param cause: what went wrong, in a few words
    """

    def __init__(self, operation: str, request_id: str, cause: str) -> None:
        super().__init__(
            f"{operation} was sent with request id {request_id}, but no answer says whether it took effect: "
            f"{one_line(cause)}. "
            "Next: retry the task; it looks for what may have been made before it makes another."
        )
        self.operation = operation
        self.request_id = request_id


class WaitTimeout(OmicsError):
    """Say that a wait came to one of its limits.

    :param title: the kind of resource in words, e.g. ``run``
    :param identifiers: which one
    :param status: its last known status
    :param limit: the argument that set the limit, e.g. ``run_timeout``
    :param cancelled: whether the resource was cancelled for it; otherwise it goes on in AWS
    :param stopping: whether it was stopping already
    :param problem: why it could not be cancelled, though it should have been
    """

    def __init__(
        self,
        title: str,
        identifiers: dict[str, Any],
        status: str | None,
        limit: str,
        *,
        cancelled: bool = False,
        stopping: bool = False,
        problem: OmicsError | None = None,
    ) -> None:
        which = "/".join(str(value) for value in identifiers.values())
        since = f"It goes on in AWS. Next: a retry goes on waiting for it; raise {limit} if it needs longer."
        if cancelled:
            since = (
                "It is being cancelled (on_timeout): what had completed is saved to its run cache, if it has one, and "
                f"a retry reuses that. Next: raise {limit} if it needs longer."
            )
        elif stopping:
            since = "It was stopping already. Next: a retry waits for its end."
        elif problem is not None:
            since = (
                f"It goes on in AWS, since it could not be cancelled: {problem} A retry goes on waiting for it; cancel "
                "it at the console if nobody shall."
            )
        super().__init__(f"Stopped waiting for {title} {which}, status {one_line(status)}: {limit} is over. {since}")
        self.identifiers = identifiers
        self.status = status
        self.limit = limit
        self.cancelled = cancelled
