"""Errors of sensors."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.redaction import one_line


class ResourceFailed(OmicsError, AirflowFailException):
    """Say that what a sensor watched has ended, and not well.

    :param title: the kind of resource in words, e.g. ``run``
    :param identifiers: which one
    :param status: its status
    :param reason: AWS's reason, if it gives one
    :param aws_message: AWS's own message, if it gives one
    :param advice: what to do about that reason, if it is known
    """

    def __init__(
        self,
        title: str,
        identifiers: Mapping[str, str],
        status: str,
        *,
        reason: str | None = None,
        aws_message: str | None = None,
        advice: str | None = None,
    ) -> None:
        reason, aws_message = (each and one_line(each) for each in (reason, aws_message))
        because = f": {reason}" if reason else ""
        says = f" AWS says: {aws_message}" if aws_message else ""
        super().__init__(
            f"HealthOmics {title} {'/'.join(identifiers.values())} ended as {one_line(status)}{because}.{says} "
            f"Next: {advice or 'look at its logs.'} No retry of this sensor changes it, only a new {title} does."
        )
        self.identifiers = dict(identifiers)
        self.status = status
        self.reason = reason
        self.aws_message = aws_message
