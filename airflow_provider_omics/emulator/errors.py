"""The service's errors, with the HTTP codes of botocore's model; a test compares the two.

https://docs.aws.amazon.com/omics/latest/api/CommonErrors.html
"""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """An error that the service answers with; its class's name is the error's code.

    :param message: the sentence for the caller.
    """

    status: ClassVar[int]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The code as clients see it, e.g. ``ValidationException``."""
        return type(self).__name__


class ValidationException(ServiceError):
    """The request does not satisfy a constraint."""

    status = 400


class ServiceQuotaExceededException(ServiceError):
    """The request would exceed a quota."""

    status = 402


class AccessDeniedException(ServiceError):
    """The caller may not do this."""

    status = 403


class ResourceNotFoundException(ServiceError):
    """There is no such resource."""

    status = 404


class RequestTimeoutException(ServiceError):
    """The request took too long."""

    status = 408


class ConflictException(ServiceError):
    """The request does not fit the state of its target."""

    status = 409


class ThrottlingException(ServiceError):
    """There are too many requests."""

    status = 429


class InternalServerException(ServiceError):
    """The service failed; try again."""

    status = 500


class UnknownOperationException(ServiceError):
    """No operation of the service has this method and path."""

    status = 404


class NotImplementedException(ServiceError):
    """The operation exists, but is not emulated; 501 is a status that botocore does not repeat."""

    status = 501


MODELLED: dict[str, type[ServiceError]] = {
    kind.__name__: kind
    for kind in (
        ValidationException,
        ServiceQuotaExceededException,
        AccessDeniedException,
        ResourceNotFoundException,
        RequestTimeoutException,
        ConflictException,
        ThrottlingException,
        InternalServerException,
    )
}
"""Every error of the service's model that an emulated operation can answer with, by its code."""
