"""Three runs that fail at first, each for the reason that its task is named after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.retry_policy import OmicsRetryPolicy

with DAG(
    "retry_policy",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    default_args={
        "retries": 1,
        "retry_policy": OmicsRetryPolicy(capacity=timedelta(seconds=1)),
        "waiter_delay": 1,
    },
) as dag:
    # A pause of an hour outlasts the test: only the policy can shorten it.
    for workflow_id, reason, pause, deferrable in (
        ("1111111", "INSTANCE_RESERVATION_FAILED", timedelta(hours=1), True),
        ("2222222", "INVALID_ECR_IMAGE_URI", timedelta(hours=1), False),
        ("3333333", "INPUT_URI_NOT_FOUND", timedelta(seconds=1), False),
    ):
        StartRunOperator(
            task_id=reason,
            workflow_id=workflow_id,
            role_arn="arn:aws:iam::123456789012:role/Omics",
            output_uri="s3://amzn-s3-demo-bucket/runs",
            retry_delay=pause,
            deferrable=deferrable,
        )
