"""A run that is watched in every mode, a run that is cancelled while it is watched, and both are deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_end import CancelRunOperator, DeleteRunOperator
from airflow_provider_omics.operators.run_group import CreateRunGroupOperator, DeleteRunGroupOperator
from airflow_provider_omics.sensors.run import RunSensor

RUN: dict[str, Any] = {
    "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
    "output_uri": "s3://amzn-s3-demo-bucket/runs",
    "wait_for_completion": False,
}

with DAG(dag_id="sensor_modes", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    group = CreateRunGroupOperator(task_id="group", max_runs=5)
    started = StartRunOperator(task_id="started", workflow_id="1234567", run_group_id=group.output["id"], **RUN)
    watching = [
        RunSensor(task_id="poked", run_id=started.output["id"], poke_interval=0.2),
        RunSensor(task_id="rescheduled", run_id=started.output["id"], poke_interval=0.2, mode="reschedule"),
        RunSensor(task_id="deferred", run_id=started.output["id"], poke_interval=0.2, deferrable=True),
    ]
    unwanted = StartRunOperator(task_id="unwanted", workflow_id="7654321", run_group_id=group.output["id"], **RUN)
    cancelled = CancelRunOperator(task_id="cancelled", run_id=unwanted.output["id"], deferrable=True, waiter_delay=1)
    skipped = RunSensor(task_id="skipped", run_id=unwanted.output["id"], soft_fail=True)
    skipped_deferred = RunSensor(
        task_id="skipped_deferred", run_id=unwanted.output["id"], soft_fail=True, deferrable=True
    )
    deleted = DeleteRunOperator(
        task_id="deleted", run_id=unwanted.output["id"], missing_ok=True, trigger_rule="all_done"
    )
    group_deleted = DeleteRunGroupOperator(
        task_id="group_deleted", run_group_id=group.output["id"], trigger_rule="all_done"
    )
    cancelled >> [skipped, skipped_deferred] >> deleted
    [*watching, deleted] >> group_deleted
