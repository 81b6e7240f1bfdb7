"""As many mapped runs as the environment variable ``MANY_RUNS`` says, each waited for in the triggerer."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator

with DAG("many_runs", schedule=None, start_date=datetime(2026, 1, 1)):
    StartRunOperator.partial(
        task_id="run",
        workflow_id="1234567",
        role_arn="arn:aws:iam::123456789012:role/OmicsRunRole",
        output_uri="s3://amzn-s3-demo-bucket/runs",
        deferrable=True,
        retries=3,
        retry_delay=timedelta(seconds=1),
    ).expand(parameters=[{"sample": f"NA{number}"} for number in range(int(os.environ["MANY_RUNS"]))])
