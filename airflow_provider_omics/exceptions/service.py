"""What AWS answers with."""

from __future__ import annotations

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.redaction import one_line


class OmicsServiceError(OmicsError):
    """Pass on an error that AWS answered with.

    :param operation: the operation of the API, e.g. ``CreateRunCache``
    :param code: AWS's name of the error, e.g. ``ConflictException``
    :param message: AWS's own message
    :param status: the HTTP status
    """

    advice = "AWS gives no more than this; if it persists, ask AWS Support with the request id of the log."

    def __init__(self, operation: str, code: str, message: str, status: int | None = None) -> None:
        code, message = one_line(code), one_line(message)
        http = f", HTTP {status}" if status else ""
        super().__init__(
            f"AWS HealthOmics refused {operation} ({code}{http}): {message or 'no message'} "
            f"Next: {self.advice.format(operation=operation)}"
        )
        self.operation = operation
        self.code = code
        self.aws_message = message
        self.status = status


class AccessDenied(OmicsServiceError):
    """Pass on a 403."""

    advice = (
        "allow omics:{operation} (with omics:TagResource where tags are sent, and iam:PassRole on the run's role "
        "where one is) for the identity of the Airflow connection; the README lists the statements of each operator."
    )


class Conflict(OmicsServiceError):
    """Pass on a 409."""

    advice = "look at the state of the resource that AWS names; try again when it has settled."


class NotFound(OmicsServiceError):
    """Pass on a 404."""

    advice = "check the id, and that account and region are the right ones: the task's log names both."


class QuotaExceeded(OmicsServiceError):
    """Pass on a 402."""

    advice = (
        "delete what is no longer needed, or ask for more at the Service Quotas console "
        "(https://docs.aws.amazon.com/omics/latest/dev/service-quotas.html)."
    )


class Throttled(OmicsServiceError):
    """Pass on a 429 that outlasted all repeats."""

    advice = "start fewer tasks at once (an Airflow pool helps), or ask AWS for a higher request rate."


class ValidationFailed(OmicsServiceError, AirflowFailException):
    """Pass on a 400."""

    advice = "correct the request; AWS's message says which part of it."


SERVICE_ERRORS: dict[str, type[OmicsServiceError]] = {
    "AccessDeniedException": AccessDenied,
    "ConflictException": Conflict,
    "ResourceNotFoundException": NotFound,
    "ServiceQuotaExceededException": QuotaExceeded,
    "ThrottlingException": Throttled,
    "ValidationException": ValidationFailed,
}
"""AWS's error codes and the classes they become; any other code becomes :class:`OmicsServiceError`."""
