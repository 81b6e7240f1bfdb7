"""Many mapped starts that AWS throttles, and another DAG that wants one of their worker slots.

The environment variable ``MANY_STARTS`` holds as JSON for each DAG of starts, which is also the name of its connection,
how much faster than real time the clock of its HealthOmics runs: by that its pauses are shortened too.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from typing import Any

from airflow import DAG

from airflow_provider_omics.compat import BaseOperator
from airflow_provider_omics.operators import run_start
from airflow_provider_omics.operators.run import StartRunOperator

STARTS = 200
ACTIVE = 6
"""How many tasks of each DAG may run or be queued; deferred ones do not count. Airflow takes tasks by the dates of
their DAG runs: with more than the workers can take, the first tries of all starts would come before a later DAG."""


class ShortenedOperator(StartRunOperator):
    """Start a run where time runs faster.

    :param speed: how much
    """

    template_fields = ("use_cache",)

    def __init__(self, *, speed: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.speed = speed

    def act(self, context: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Start the run; Airflow gives every execution a process of its own.

        The first pause stays as long as it is, since Airflow's processes do not run faster.
        """
        longest = run_start.LONGEST_PAUSE_SECONDS / self.speed
        run_start.LONGEST_PAUSE_SECONDS = max(longest, run_start.FIRST_PAUSE_SECONDS)
        return super().act(context, request)


class QuickOperator(BaseOperator):
    """Need a worker slot, and nothing else."""

    def execute(self, context: Any) -> None:
        """Do nothing."""


for dag_id, speed in json.loads(os.environ["MANY_STARTS"]).items():
    with DAG(dag_id, schedule="@once", start_date=datetime(2026, 1, 1), max_active_tasks=ACTIVE) as dag:
        ShortenedOperator.partial(
            task_id="start",
            speed=speed,
            aws_conn_id=dag_id,
            workflow_id="1234567",
            role_arn="arn:aws:iam::123456789012:role/OmicsRunRole",
            output_uri="s3://amzn-s3-demo-bucket/runs",
            deferrable=True,
            wait_for_completion=False,
        ).expand(parameters=[{"sample": f"NA{number}"} for number in range(STARTS)])
    globals()[dag_id] = dag

with DAG("another", schedule=timedelta(seconds=15), start_date=datetime(2026, 1, 1), catchup=False):
    QuickOperator(task_id="quick")
