"""The settings of a batch's runs: where they come from, and how each is laid over what all runs share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import json_input, s3
from airflow_provider_omics.emulator.errors import ValidationException
from airflow_provider_omics.emulator.model import operations
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.records import Members
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.validation import check
from airflow_provider_omics.resources import RULES

_MERGED = ("parameters", "runTags")
"""What a run's own setting is merged with; anything else it replaces."""


def reader(call: Call) -> Callable[[], list[Members]]:
    """Return what reads the settings of the runs later, when they are checked as a whole.

    A file in S3 must be there now, and must not change until then.

    :raises ValidationException: if there is no such file.
    """
    given = call.parameters["batchRunSettings"]
    if "inlineSettings" in given:
        return partial(_checked, given["inlineSettings"])
    uri = given["s3UriSettings"]
    try:
        bucket, key = s3.split(uri)
    except ValueError as error:
        raise ValidationException(f"s3UriSettings: {error}") from None
    s3.check_bucket(call.store, "s3UriSettings", uri)
    etag = call.store.neighbours.etag(bucket, key) if key else None
    if etag is None and call.store.neighbours.knows_buckets:
        raise ValidationException(f"The file of s3UriSettings {uri} does not exist.")
    return partial(_from_s3, call.store, uri, etag)


def request(shared: Members, setting: Members) -> Members:
    """Return the parameters with which a run is started.

    :param shared: the batch's ``defaultRunSetting``.
    :param setting: the run's own.
    :raises ValidationException: if the run's own setting is none, or StartRun would not take the two together.
    """
    batch_input: Any = operations()["StartRunBatch"].input
    shape = batch_input.members["batchRunSettings"].members["inlineSettings"].member
    if unknown := sorted(set(setting) - set(shape.members)):
        raise ValidationException(f"A run of a batch cannot have a {', '.join(unknown)} of its own.")
    own = check(shape, setting)
    merged = {**shared, **own, **{name: {**shared.get(name, {}), **own.get(name, {})} for name in _MERGED}}
    start: Any = operations()["StartRun"].input
    asked: Members = check(start, {**merged, "tags": merged["runTags"], "requestId": str(uuid4())})
    if owner := merged.get("outputBucketOwnerId"):
        asked["outputBucketOwnerId"] = owner
    return asked


def _from_s3(store: Store, uri: str, etag: str | None) -> list[Members]:
    bucket, key = s3.split(uri)
    body = store.neighbours.get_object(bucket, key)
    if body is None:
        raise ValidationException(f"The file of s3UriSettings {uri} cannot be read.")
    if store.neighbours.etag(bucket, key) != etag:
        raise ValidationException(f"The file of s3UriSettings {uri} was changed after StartRunBatch.")
    try:
        return _checked(json_input.read(body))
    except ValueError as error:
        raise ValidationException(f"The file of s3UriSettings {uri} is not JSON: {error}.") from None


def _checked(settings: Any) -> list[Members]:
    """Return the settings if they can be those of a batch; AWS tells such errors by the status FAILED."""
    if not isinstance(settings, list) or not settings:
        raise ValidationException("The settings of the runs must be a JSON array with at least one object.")
    limit = int(RULES["run_batches.runs"].limit)
    if len(settings) > limit:
        raise ValidationException(f"A batch can have {limit} runs; this one has {len(settings)}.")
    ids = set()
    for number, setting in enumerate(settings, 1):
        setting_id = setting.get("runSettingId") if isinstance(setting, dict) else None
        if not isinstance(setting_id, str) or not setting_id:
            raise ValidationException(f"The settings of run {number} must be an object with a runSettingId.")
        ids.add(setting_id)
    if len(ids) < len(settings):
        raise ValidationException(
            f"Every run of a batch needs a runSettingId of its own; {len(settings)} runs have {len(ids)}."
        )
    return settings
