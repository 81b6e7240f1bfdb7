"""Every error of this package.

::

    OmicsError                      everything below; an AirflowException
    ├── OmicsInputError *           an argument is wrong; nothing was called
    ├── OmicsConnectionError *      the Airflow connection, its region or its settings are wrong
    ├── OmicsVersionError *         the installed boto3 lacks an operation or a member
    ├── OmicsServiceError           AWS answered with an error
    │   ├── AccessDenied            403: a permission is missing
    │   ├── Conflict                409: the state of a resource forbids the call
    │   ├── NotFound                404: no such resource
    │   ├── QuotaExceeded           402: a quota of the account is used up
    │   ├── Throttled               429, after all repeats
    │   └── ValidationFailed *      400: AWS refuses the request
    ├── NoAnswer                    AWS could not be reached
    ├── OutcomeUnknown              a creating call was sent, and no answer says whether it took effect
    ├── WaitTimeout                 a wait came to its limit; the resource goes on
    ├── RunCacheError               a run cache is not what was asked for
    │   ├── RunCacheDrift *         it exists with another default behaviour
    │   ├── RunCacheElsewhere *     its name exists, but only at other S3 locations or owners
    │   ├── RunCacheExists *        it exists, and the author wants an error then
    │   ├── RunCacheFailed          AWS made it, in status FAILED
    │   └── RunCacheInUse           it cannot be deleted: runs use it
    └── RunError                    a run did not complete
        ├── RunCancelled            it was cancelled or deleted
        └── RunFailed               it failed
            └── RunFailedForGood *  it failed for a reason that the same request always meets

Those with a star are also ``AirflowFailException``: no retry can mend them, so Airflow fails the task at once. Of all
others ``retries`` decides. A message says what, which one, its status, AWS's own reason and what to do next; the same
facts are attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_omics.compat import AirflowException, AirflowFailException


class OmicsError(AirflowException):
    """Stand above every error of this package."""


class OmicsInputError(OmicsError, AirflowFailException, ValueError):
    """Refuse an argument before any call.

    :param argument: the operator's argument
    :param problem: what is wrong with it, and what would be right
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument
        self.problem = problem


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


class OmicsServiceError(OmicsError):
    """Pass on an error that AWS answered with.

    :param operation: the operation of the API, e.g. ``CreateRunCache``
    :param code: AWS's name of the error, e.g. ``ConflictException``
    :param message: AWS's own message
    :param status: the HTTP status
    """

    advice = "AWS gives no more than this; if it persists, ask AWS Support with the request id of the log."

    def __init__(self, operation: str, code: str, message: str, status: int | None = None) -> None:
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


class NoAnswer(OmicsError):
    """Say that a call could not be made, or got no answer.

    :param operation: the operation of the API
    :param cause: what went wrong, in a few words
    """

    def __init__(self, operation: str, cause: str) -> None:
        super().__init__(
            f"{operation} got no answer from AWS HealthOmics: {cause}. "
            "Next: check credentials, endpoint and network; the task's log names the endpoint."
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
            f"{operation} was sent with request id {request_id}, but no answer says whether it took effect: {cause}. "
            "Next: retry the task; it looks for what may have been made before it makes another."
        )
        self.operation = operation
        self.request_id = request_id


class WaitTimeout(OmicsError):
    """Say that a wait came to its limit while the resource goes on.

    :param title: the kind of resource in words, e.g. ``run``
    :param identifiers: which one
    :param status: its last known status
    :param attempts: how often was looked
    """

    def __init__(self, title: str, identifiers: dict[str, Any], status: str | None, attempts: int) -> None:
        which = "/".join(str(value) for value in identifiers.values())
        super().__init__(
            f"Stopped waiting for {title} {which} after {attempts} looks; its status is {status}. It goes on in AWS. "
            "Next: raise waiter_max_attempts (None means no limit) or waiter_delay."
        )
        self.identifiers = identifiers
        self.status = status


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


SERVICE_ERRORS: dict[str, type[OmicsServiceError]] = {
    "AccessDeniedException": AccessDenied,
    "ConflictException": Conflict,
    "ResourceNotFoundException": NotFound,
    "ServiceQuotaExceededException": QuotaExceeded,
    "ThrottlingException": Throttled,
    "ValidationException": ValidationFailed,
}
"""AWS's error codes and the classes they become; any other code becomes :class:`OmicsServiceError`."""
