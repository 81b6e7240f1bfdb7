"""What an error of botocore means: which class of ours, and whether asking again helps."""

from __future__ import annotations

import random

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
    ResponseStreamingError,
)

from airflow_provider_omics.exceptions import (
    SERVICE_ERRORS,
    NoAnswer,
    OmicsError,
    OmicsServiceError,
    Throttled,
    ValidationFailed,
)
from airflow_provider_omics.redaction import one_line

__all__ = ["cleaned", "is_ambiguous", "is_passing", "pause", "translate", "was_sent"]


def translate(operation: str, error: BotoCoreError | ClientError) -> OmicsError:
    """Return the error of ours for one that AWS answered with, or for an answer that did not come."""
    cleaned(error)
    if isinstance(error, ParamValidationError):  # botocore's own check, before anything is sent
        return ValidationFailed(operation, "ParamValidationError", str(error))
    if isinstance(error, BotoCoreError):
        return NoAnswer(operation, str(error))
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "Unknown"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    kind = Throttled if status == 429 else SERVICE_ERRORS.get(code, OmicsServiceError)
    return kind(operation, code, str(answer.get("Message", "")), status)


def cleaned(error: Exception) -> Exception:
    """Return an error of botocore, and change it and what led to it: each a line without credentials in a traceback.

    botocore's errors quote what was sent and what was answered.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            if not isinstance(each, OmicsError):  # which is so already, and may have several lines
                each.args = tuple(one_line(arg) for arg in each.args)
            left += [each.__cause__, each.__context__]
    return error


def is_ambiguous(error: OmicsServiceError) -> bool:
    """Tell whether a creating call may have taken effect in spite of this answer: 408 and 5xx."""
    return error.status is not None and (error.status == 408 or (error.status >= 500 and error.status != 501))


def was_sent(error: BotoCoreError | ClientError) -> bool:
    """Tell whether a call without an answer had been sent: without credentials or a connection, it had not."""
    return isinstance(error, HTTPClientError | IncompleteReadError | ResponseStreamingError)


def is_passing(error: OmicsError) -> bool:
    """Tell whether the same reading call may succeed a little later."""
    return isinstance(error, Throttled | NoAnswer) or (isinstance(error, OmicsServiceError) and is_ambiguous(error))


def pause(repeat: int, *, base: float = 1.0, longest: float = 30.0) -> float:
    """Return the seconds before the ``repeat``-th repetition: exponential, with full jitter, never below half a second.

    Source of the rule: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html.
    """
    return max(0.5, random.uniform(0, min(longest, base * 2**repeat)))  # noqa: S311 - jitter, not a secret
