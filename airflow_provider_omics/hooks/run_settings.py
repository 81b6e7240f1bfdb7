"""The settings of a batch's runs: checked, and kept in S3 where they are too many for one request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics import json_text
from airflow_provider_omics.exceptions import OmicsInputError, RunSettingsUnreadable
from airflow_provider_omics.hooks import errors, preflight_rules, s3, schema
from airflow_provider_omics.limits import RUN_SETTINGS_BYTES
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import RULES

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

INLINE = 100
"""How many settings a request itself can carry: the ``max`` of ``inlineSettings`` in botocore's model."""

ARGUMENT = "batch_run_settings"


def check(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Check the settings of runs by the service's model and by AWS's own rules.

    :raises OmicsInputError: for the first that breaks a rule
    """
    limit = RULES["run_batches.runs"]
    if not 1 <= len(settings) <= int(limit.limit):
        raise OmicsInputError(
            ARGUMENT, f"has {len(settings)} entries; 1 to {limit.limit} are allowed ({limit.source})."
        )
    batch = schema.input_shape("StartRunBatch", {})
    shape: Any = batch.members["batchRunSettings"].members["inlineSettings"].member  # type: ignore[attr-defined]
    checked = [schema.check_structure(f"{ARGUMENT}[{number}]", shape, each) for number, each in enumerate(settings)]
    for number, each in enumerate(checked):
        if problem := preflight_rules.oversize(each.get("parameters")):
            raise OmicsInputError(f"{ARGUMENT}[{number}].parameters", problem)
    first: dict[str, int] = {}
    for number, each in enumerate(checked):
        if (other := first.setdefault(each["runSettingId"], number)) != number:
            raise OmicsInputError(
                f"{ARGUMENT}[{number}].runSettingId", f"{ARGUMENT}[{other}] has the same; none may occur twice."
            )
    return checked


def merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one run: its own, over what all runs of the batch share; parameters are merged.

    A member that is null, as a file in S3 may hold it, means the same as an absent one.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DefaultRunSetting.html.
    """
    both = [part for part in (shared.get("parameters"), own.get("parameters")) if isinstance(part, Mapping)]
    parameters = {name: value for part in both for name, value in part.items()}
    return {**json_text.given(shared), **json_text.given(own), **({"parameters": parameters} if parameters else {})}


def body(settings: Sequence[Mapping[str, Any]]) -> bytes:
    """Return settings as the JSON that StartRunBatch reads from S3, the same for equal settings."""
    return json.dumps(settings, sort_keys=True, allow_nan=False).encode()


def uri_in(folder: str, settings: Sequence[Mapping[str, Any]]) -> str:
    """Return where settings are kept in a folder: named by their content, so that an object never changes.

    :param folder: an S3 URI
    :raises ValueError: if it is none
    """
    bucket, prefix = s3.split(folder)
    return "/".join(
        part for part in (f"s3://{bucket}", prefix, f"{hashlib.sha256(body(settings)).hexdigest()}.json") if part
    )


def _owned(uri: str, shared: Mapping[str, Any]) -> dict[str, str]:
    """Return what S3 is to expect of the bucket of the settings, where the request says who owns it.

    ``outputBucketOwnerId`` of what the runs share is the owner of the bucket of its ``outputUri``.
    """
    output = str(shared.get("outputUri", "")).partition("://")[2].partition("/")[0]
    return s3.owned_by(shared.get("outputBucketOwnerId") if output == s3.split(uri)[0] else None)


def write(hook: OmicsHook, uri: str, settings: Sequence[Mapping[str, Any]], shared: Mapping[str, Any]) -> None:
    """Write settings to S3.

    :param shared: what the runs share
    :raises RunSettingsUnreadable: if they cannot be written
    """
    bucket, key = s3.split(uri)
    try:
        made = {"Body": body(settings), "ContentType": "application/json", **_owned(uri, shared)}
        s3.client(hook).put_object(Bucket=bucket, Key=key, **made)
    except (BotoCoreError, ClientError) as error:
        raise RunSettingsUnreadable(uri, str(error)) from errors.cleaned(error)
    hook.log.info("Wrote the settings of %d runs to %s", len(settings), one_line(uri))


def version(hook: OmicsHook, uri: str, shared: Mapping[str, Any]) -> str | None:
    """Return the ETag of settings in S3; None where this identity may not look.

    :param shared: what the runs share
    :raises RunSettingsUnreadable: if they are not there, or S3 does not answer
    """
    bucket, key = s3.split(uri)
    try:
        return str(s3.client(hook).head_object(Bucket=bucket, Key=key, **_owned(uri, shared))["ETag"])
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 403:
            raise RunSettingsUnreadable(uri, str(error)) from errors.cleaned(error)
        hook.log.warning(
            "Only the name of %s is compared: this identity lacks s3:GetObject for its ETag", one_line(uri)
        )
        return None
    except BotoCoreError as error:
        raise RunSettingsUnreadable(uri, str(error)) from errors.cleaned(error)


def read(hook: OmicsHook, uri: str, shared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read settings from S3, without the members that are null.

    :param shared: what the runs share
    :raises RunSettingsUnreadable: if they are not there, may not be read, or are no list of settings
    """
    bucket, key = s3.split(uri)
    try:
        content, _ = s3.read(s3.client(hook), RUN_SETTINGS_BYTES, Bucket=bucket, Key=key, **_owned(uri, shared))
        found = json_text.read(content)
    except (BotoCoreError, ClientError, ValueError) as error:
        raise RunSettingsUnreadable(uri, str(error)) from errors.cleaned(error)
    settings: list[Any] = found if isinstance(found, list) else [None]
    if not all(isinstance(each, dict) and isinstance(each.get("runSettingId"), str) for each in settings):
        raise RunSettingsUnreadable(uri, "it is no JSON list of objects with a runSettingId each")
    return [json_text.given(each) for each in settings]
