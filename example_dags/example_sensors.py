"""Wait for what another system started in HealthOmics: one task of a run, and a batch of runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG

from airflow_provider_omics.sensors.run import RunTaskSensor
from airflow_provider_omics.sensors.run_batch import RunBatchSensor

with DAG(
    dag_id="example_sensors",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={"run_id": "1234567", "run_task_id": "2345678", "batch_id": "3456789"},
    tags=["example", "healthomics"],
) as dag:
    # [START howto_run_task_sensor]
    aligned = RunTaskSensor(
        task_id="aligned",
        run_id="{{ params.run_id }}",
        run_task_id="{{ params.run_task_id }}",
        mode="reschedule",
        poke_interval=timedelta(minutes=5),
    )
    # [END howto_run_task_sensor]

    # [START howto_run_batch_sensor]
    cohort = RunBatchSensor(
        task_id="cohort",
        batch_id="{{ params.batch_id }}",
        soft_fail=True,
        deferrable=True,
    )
    # [END howto_run_batch_sensor]

if __name__ == "__main__":
    dag.test()
