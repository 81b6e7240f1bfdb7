"""What a completed run declares as its outputs."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics import json_text
from airflow_provider_omics.hooks import s3
from airflow_provider_omics.limits import OUTPUTS_BYTES, OUTPUTS_LISTED, TooLarge
from airflow_provider_omics.redaction import one_line

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

DECLARED = ("logs/outputs.json", "logs/output.json")
"""Where WDL and CWL runs declare their outputs; AWS's pages give both names:
https://docs.aws.amazon.com/omics/latest/dev/monitoring-cloudwatch-logs.html and
https://docs.aws.amazon.com/omics/latest/dev/workflow-languages-wdl.html."""


def of_run(hook: OmicsHook, run_output_uri: str) -> Any:
    """Return a run's declared outputs, or of a run that declares none the S3 URIs of its files.

    :param run_output_uri: ``runOutputUri`` of GetRun
    :returns: None where they cannot be read or are larger than 64 KiB; the hook's log says why
    """
    try:
        bucket, prefix = s3.split(run_output_uri)
        client = s3.client(hook)
        refused: ClientError | None = None
        for name in DECLARED:
            try:
                body, _ = s3.read(client, OUTPUTS_BYTES, Bucket=bucket, Key=f"{prefix}/{name}")
            except TooLarge:
                hook.log.warning(
                    "The outputs are too large for XCom; they are in %s", one_line(f"{run_output_uri}/{name}")
                )
                return None
            except client.exceptions.NoSuchKey:
                continue
            except ClientError as error:
                if error.response["Error"]["Code"] != "AccessDenied":
                    raise
                refused = error  # S3's answer for an absent object, too, where s3:ListBucket is missing
                continue
            return _parsed(hook, body, f"{run_output_uri}/{name}")
        if refused:
            raise refused
        return _listed(hook, client, bucket, prefix)
    except (BotoCoreError, ClientError, ValueError) as error:
        hook.log.warning("The outputs under %s cannot be read: %s", one_line(run_output_uri), one_line(error))
        return None


def _parsed(hook: OmicsHook, body: bytes, uri: str) -> Any:
    """Return what a JSON file holds, with None for numbers that JSON does not know: Airflow 3 refuses them in XCom."""
    unknown = 0

    def number(text: str) -> float | None:
        nonlocal unknown
        if isfinite(value := float(text)):
            return value
        unknown += 1
        return None

    outputs = json_text.read(body, number=number, constant=number)
    if unknown:
        hook.log.warning(
            "XCom carries no NaN and no Infinity: %d of them became null; they are in %s", unknown, one_line(uri)
        )
    return outputs


def _listed(hook: OmicsHook, client: Any, bucket: str, prefix: str) -> list[str] | None:
    uris: list[str] = []
    size = looked_at = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        found = page.get("Contents", [])
        uris += [f"s3://{bucket}/{each['Key']}" for each in found if not each["Key"].startswith(f"{prefix}/logs/")]
        size = sum(len(uri) + 4 for uri in uris)
        looked_at += len(found)
        if size > OUTPUTS_BYTES or looked_at > OUTPUTS_LISTED:
            hook.log.warning(
                "The names of the outputs are too many for XCom; see %s", one_line(f"s3://{bucket}/{prefix}/")
            )
            return None
    return uris
