"""A samplesheet whose runs keep a worker, with columns that are no parameters; and one that is wrong."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator

FOLDER = Path(__file__).parent
RUN: dict[str, Any] = {
    "workflow_id": "1234567",
    "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
    "output_uri": "s3://amzn-s3-demo-bucket/runs",
    "waiter_delay": 1,
}

with DAG(dag_id="samplesheet_modes", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    right = ReadSamplesheetOperator(
        task_id="right",
        samplesheet=str(FOLDER / "right.csv"),
        columns={"label": None},
        arguments={"urgency": "priority"},
    )
    StartRunOperator.partial(
        task_id="synchronous", deferrable=False, map_index_template="{{ task.params.samplesheet_key }}", **RUN
    ).expand_kwargs(right.output)
    wrong = ReadSamplesheetOperator(task_id="wrong", samplesheet=str(FOLDER / "wrong.csv"))
    StartRunOperator.partial(task_id="never", **RUN).expand_kwargs(wrong.output)
