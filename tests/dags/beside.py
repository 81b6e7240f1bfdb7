"""Many runs that are waited for in a triggerer, beside a trigger that has nothing to do with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow import DAG

from airflow_provider_omics.compat import BaseOperator
from airflow_provider_omics.operators.run import StartRunOperator
from tests.e2e.asking import AskingTrigger

WAITS = 50


class AskOperator(BaseOperator):
    """Wait for the trigger."""

    def execute(self, context: Any) -> None:
        """Defer."""
        self.defer(trigger=AskingTrigger(), method_name="resumed", timeout=timedelta(minutes=10))

    def resumed(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Return what the trigger saw."""
        return event


with DAG("beside", schedule=None, start_date=datetime(2026, 1, 1)):
    AskOperator(task_id="ask")

with DAG("many_waits", schedule=None, start_date=datetime(2026, 1, 1)):
    StartRunOperator.partial(
        task_id="run",
        aws_conn_id="beside_omics",
        workflow_id="1234567",
        role_arn="arn:aws:iam::123456789012:role/OmicsRunRole",
        output_uri="s3://amzn-s3-demo-bucket/runs",
        deferrable=True,
        waiter_delay=1,
    ).expand(parameters=[{"sample": f"NA{number}"} for number in range(WAITS)])
