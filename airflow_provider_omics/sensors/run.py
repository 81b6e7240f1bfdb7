"""Sensors on runs and their tasks."""

from __future__ import annotations

from typing import Any

from airflow_provider_omics.resources import RUN, RUN_TASK
from airflow_provider_omics.sensors.base import OmicsBaseSensor


class RunSensor(OmicsBaseSensor):
    """Wait until a run is COMPLETED; one that ends as FAILED, CANCELLED or DELETED fails the task.

    Source: https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html

    :param run_id: the id of the run (templated)
    """

    operation = RUN.describe
    resource = RUN
    members = {"run_id": "id"}
    permissions = ("GetRun",)

    def __init__(self, *, run_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id


class RunTaskSensor(OmicsBaseSensor):
    """Wait until one task of a run is COMPLETED; one that ends as FAILED or CANCELLED fails the task.

    A task that HealthOmics itself tries again gets a new id, which this sensor does not know: where tasks are tried
    again, watch the run.

    Source: https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html

    :param run_id: the id of the run (templated)
    :param run_task_id: the id of the task in HealthOmics, as ListRunTasks has it (templated)
    """

    operation = RUN_TASK.describe
    resource = RUN_TASK
    members = {"run_id": "id", "run_task_id": "taskId"}
    permissions = ("GetRunTask",)

    def __init__(self, *, run_id: str, run_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.run_task_id = run_task_id
