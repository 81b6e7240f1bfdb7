"""A cohort from end to end: one run cache, a run for each sample, a joint run over their outputs, quality control.

A run that fails for good tells whose the failure most likely is and what to do: in its log, and where the environment
variable ``LAB_WEBHOOK`` holds an address, there too.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime
from typing import Any

from airflow import DAG

from airflow_provider_omics.exceptions import RunFailed
from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task  # type: ignore[attr-defined,no-redef,unused-ignore]

BUCKET = "amzn-s3-demo-bucket"
SAMPLES = ["NA12878", "NA12891", "NA12892"]


# [START howto_failure_callback]
def post_failure(context: Any) -> None:
    """Post whose a failure most likely is, and what to do; nothing of what AWS or the workflow printed."""
    ti, error = context["ti"], context.get("exception")
    which = f"{ti.dag_id}.{ti.task_id}" + (f"[{ti.map_index}]" if ti.map_index >= 0 else "")
    if isinstance(error, RunFailed):
        known = reason_of(error.reason)
        text = f"{which}: run {error.run_id} failed, {error.reason}. For {known.owner}: {known.cause} {known.action}"
    elif isinstance(error, Exception):
        text = f"{which} failed: {type(error).__name__}; its log says more."
    else:  # Airflow knows none where the worker died
        text = f"{which} failed without an exception: its worker may have died."
    logging.getLogger(__name__).error(text)
    if webhook := os.environ.get("LAB_WEBHOOK"):
        import httpx  # comes with Airflow, and costs the parsing of this file nothing here

        httpx.post(webhook, json={"text": f"{text} {ti.log_url or ''}"}, timeout=10).raise_for_status()


# [END howto_failure_callback]

with DAG(
    dag_id="example_genome",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={
        "workflow_id": "1234567",
        "joint_workflow_id": "7654321",
        "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
    },
    default_args={"on_failure_callback": post_failure},
    tags=["example", "healthomics"],
) as dag:
    # [START howto_cohort]
    cache = CreateRunCacheOperator(task_id="cache", cache_s3_location=f"s3://{BUCKET}/run-cache")

    cohort = StartRunOperator.partial(
        task_id="cohort",
        workflow_id="{{ params.workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri=f"s3://{BUCKET}/runs",
        cache_id=cache.output["id"],
        retention_mode="REMOVE",
        retries=3,
        deferrable=True,
        map_index_template="{{ task.parameters.sample }}",
    ).expand(
        parameters=[{"sample": sample, "reads": f"s3://{BUCKET}/reads/{sample}.fastq.gz"} for sample in SAMPLES],
    )
    # [END howto_cohort]

    # [START howto_joint_step]
    @task
    def joint_parameters(runs: Any) -> dict[str, Any]:
        """Gather what the runs of the cohort declare as their outputs, in the order of the samples."""
        unknown = [f"{run['id']} ({run['run_output_uri']})" for run in runs if not run.get("outputs")]
        if unknown:
            raise ValueError(
                f"XCom has no outputs of the runs {', '.join(unknown)}: they are over 64 KiB or could not be read, as "
                "the log of their task says. Allow s3:GetObject there and clear that task, which completes from the "
                "run cache, or gather them from these folders."
            )
        return {"variants": [uri for run in runs for uri in run["outputs"].values()]}

    joint = StartRunOperator(
        task_id="joint",
        workflow_id="{{ params.joint_workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri=f"s3://{BUCKET}/joint",
        parameters=joint_parameters(cohort.output),
        cache_id=cache.output["id"],
        retention_mode="REMOVE",
        retries=3,
        deferrable=True,
    )
    # [END howto_joint_step]

    # [START howto_quality_control]
    @task(trigger_rule="all_done")
    def quality_control(**context: Any) -> dict[str, dict[str, Any]]:
        """Tell of each sample how its run ended, and which tasks were computed, reused and failed."""

        def told(key: str, index: int) -> Any:
            return context["ti"].xcom_pull(task_ids="cohort", key=key, map_indexes=index)

        return {
            sample: {"status": told("status", index) or "not completed", "tasks": told("cache_summary", index)}
            for index, sample in enumerate(SAMPLES)
        }

    # Not after the joint step: as the only last task it would make the whole DAG run a success, whatever failed.
    cohort >> quality_control()
    # [END howto_quality_control]

if __name__ == "__main__":
    dag.test()
