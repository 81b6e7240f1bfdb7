"""Errors on run batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.redaction import one_line, redacted_json


class RunBatchError(OmicsError):
    """Say that a run batch did not end as was asked for.

    :param batch_id: its id
    :param status: its status
    :param counts: how many of its samples ended how, as in the operator's result
    :param failed: the rows of samples that did not complete, as in the operator's result, at most 1,000
    """

    def __init__(
        self,
        message: str,
        *,
        batch_id: str,
        status: str,
        counts: Mapping[str, int] | None = None,
        failed: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.batch_id = batch_id
        self.status = status
        self.counts = dict(counts or {})
        self.failed = redacted_json(list(failed))


class RunBatchCancelled(RunBatchError):
    """Say that a batch was cancelled, by this deployment of Airflow or where ``retry_cancelled`` is set."""


class RunBatchCancelledForGood(RunBatchCancelled, AirflowFailException):
    """Say that somebody else cancelled a batch, or deleted its runs: a retry would undo what they wanted."""


class RunBatchFailed(RunBatchError):
    """Say that a batch could not be submitted, or that more of its samples did not complete than are accepted."""


class RunBatchFailedForGood(RunBatchFailed, AirflowFailException):
    """Say the same where no retry would start one of the samples again."""


class RunBatchNotDeleted(RunBatchError):
    """Say that some runs of a batch could not be deleted."""


class RunSettingsUnreadable(OmicsError):
    """Say that the settings of a batch's runs cannot be read from S3, or written there.

    :param uri: where they are to be
    :param cause: what went wrong, in a few words
    """

    def __init__(self, uri: str, cause: str) -> None:
        super().__init__(
            f"The settings of the runs, {one_line(uri)}, cannot be used: {one_line(cause)}. "
            "Next: check the URI, the task that writes it, and whether the identity of the Airflow connection has "
            "s3:GetObject and s3:PutObject there."
        )
        self.uri = one_line(uri)
