"""Sensor on run batches."""

from __future__ import annotations

from typing import Any

from airflow_provider_omics.resources import RUN_BATCH
from airflow_provider_omics.sensors.base import OmicsBaseSensor


class RunBatchSensor(OmicsBaseSensor):
    """Wait until a run batch is PROCESSED; one that ends otherwise, or is deleted, fails the task.

    PROCESSED says that every run has ended, not how: ``runSummary`` and ``submissionSummary`` of the result count the
    runs that completed, failed, were cancelled, or could not be started. Needs boto3 1.42.74 or later.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html

    :param batch_id: the id of the batch (templated)
    """

    operation = RUN_BATCH.describe
    resource = RUN_BATCH
    members = {"batch_id": "batchId"}
    permissions = ("GetBatch",)

    def __init__(self, *, batch_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
