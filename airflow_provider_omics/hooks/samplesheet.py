"""What a samplesheet is read from: its file, and the definition of its workflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.exceptions import OmicsInputError, SamplesheetUnreadable
from airflow_provider_omics.hooks import errors, files, s3, schema
from airflow_provider_omics.limits import SAMPLESHEET_BYTES, TooLarge
from airflow_provider_omics.redaction import one_line

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook


def read(hook: OmicsHook, location: str) -> bytes:
    """Return the content of a file of the worker or of an object in S3.

    :param location: an absolute path, or an S3 URI
    :raises OmicsInputError: if it is neither, or larger than 16 MiB
    :raises SamplesheetUnreadable: if it is not there, or may not be read
    """
    try:
        return _object(hook, location) if location.startswith("s3://") else _file(location)
    except TooLarge as error:
        raise OmicsInputError("samplesheet", f"{location} cannot be a samplesheet: {error}.") from None


def _object(hook: OmicsHook, uri: str) -> bytes:
    try:
        bucket, key = s3.split(uri)
    except ValueError as error:
        raise OmicsInputError("samplesheet", f"{error}.") from None
    if not key:
        raise OmicsInputError("samplesheet", f"{uri} names a bucket, but no object in it.")
    try:
        data, found = s3.read(s3.client(hook), SAMPLESHEET_BYTES, Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        raise SamplesheetUnreadable(uri, str(error)) from errors.cleaned(error)
    hook.log.info("Read %s, ETag %s, version %s", *map(one_line, (uri, found["ETag"], found.get("VersionId"))))
    return data


def _file(location: str) -> bytes:
    path = Path(location)
    if not path.is_absolute():
        raise OmicsInputError("samplesheet", f"{location!r} is neither an absolute path nor an S3 URI.")
    try:
        return files.read(path, SAMPLESHEET_BYTES)
    except OSError as error:
        raise SamplesheetUnreadable(location, str(error.strerror)) from error


def definition(hook: OmicsHook, arguments: Mapping[str, str | None]) -> dict[str, Any]:
    """Return what AWS tells of a workflow, or of its version: of its members, the engine and the parameter template.

    :param arguments: ``workflow_id``, ``workflow_version_name``, ``workflow_type`` and ``workflow_owner_id``
    :raises OmicsServiceError: what AWS answered
    """
    operation, members = "GetWorkflow", {"workflow_id": "id"}
    if arguments["workflow_version_name"]:
        operation = "GetWorkflowVersion"
        members = {"workflow_id": "workflowId", "workflow_version_name": "versionName"}
    members |= {"workflow_type": "type", "workflow_owner_id": "workflowOwnerId"}
    request = {member: value for argument, member in members.items() if (value := arguments[argument])}
    checked = schema.check(operation, request, {member: argument for argument, member in members.items()})
    return hook.call(operation, **checked)
