"""Errors on workflows and their versions."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.redaction import one_line

LISTED = 50
"""How many lines of a linter a message lists."""


class DefinitionUnreadable(OmicsError):
    """Say that a workflow's definition could not be read: it may come later, or a permission may be missing.

    :param source: its path or S3 URI
    :param cause: what went wrong, in a few words
    """

    def __init__(self, source: str, cause: str) -> None:
        super().__init__(
            f"The definition {one_line(source)} cannot be read: {one_line(cause)}. Next: check that it is there, and "
            "that the identity of the Airflow connection may read it (s3:GetObject); a file or folder must be on the "
            "machine of the worker."
        )
        self.source = one_line(source)


class WorkflowError(OmicsError):
    """Say that a workflow, or a version of one, is not what was asked for.

    :param workflow_id: the id of the workflow
    :param version_name: the name of the version, if it is about one
    """

    def __init__(self, message: str, *, workflow_id: str, version_name: str | None = None) -> None:
        super().__init__(message)
        self.workflow_id = workflow_id
        self.version_name = version_name


class WorkflowDrift(WorkflowError, AirflowFailException):
    """Refuse a workflow whose default storage is not the one asked for."""


class WorkflowExists(WorkflowError, AirflowFailException):
    """Refuse to go on because the workflow, or the version, exists."""


class WorkflowGone(WorkflowError):
    """Say that AWS answered a create with a workflow or version that cannot be used."""


class WorkflowHasVersions(WorkflowError):
    """Say that the workflow cannot be deleted because it has versions.

    :param version_names: those versions
    """

    def __init__(self, message: str, *, workflow_id: str, version_names: Sequence[str]) -> None:
        super().__init__(message, workflow_id=workflow_id)
        self.version_names = tuple(version_names)


class WorkflowVersionDiffers(WorkflowError, AirflowFailException):
    """Refuse a version that was made of another definition, which no call can change, or by somebody else."""


class WorkflowFailed(WorkflowError):
    """Say that AWS could not make a workflow, or a version, of a definition.

    :param which: it in words, e.g. ``workflow 1234567``
    :param source: where the definition came from
    :param aws_message: AWS's own message, if it gives one
    :param lines: what its linter found, a line each
    """

    advice = "mend what AWS names, delete the one that failed, and clear this task."

    def __init__(
        self,
        which: str,
        source: str,
        *,
        workflow_id: str,
        version_name: str | None = None,
        aws_message: str | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        aws_message, lines = aws_message and one_line(aws_message), [one_line(line) for line in lines]
        more = [f"… and {len(lines) - LISTED} more."] if len(lines) > LISTED else []
        says = f"AWS says: {aws_message or 'no message.'}"
        found = "\n".join(["its linter found:", *lines[:LISTED], *more]) if lines else says
        super().__init__(
            f"HealthOmics could not make {which} of {one_line(source)}; {found}\nNext: {self.advice}",
            workflow_id=workflow_id,
            version_name=version_name,
        )
        self.source = one_line(source)
        self.aws_message = aws_message
        self.lines = tuple(lines)


class WorkflowFailedForGood(WorkflowFailed, AirflowFailException):
    """Say so where the definition itself has errors: the same one always meets them."""

    advice = "correct the definition, and clear this task."
