"""Look after run caches: one for each laboratory, and one that lives for a single DAG run.

The tasks show every operator on run caches, and how to map them over several locations.
"""

from __future__ import annotations

from datetime import datetime

from airflow import DAG

from airflow_provider_omics.operators.run_cache import (
    CreateRunCacheOperator,
    DeleteRunCacheOperator,
    GetRunCacheOperator,
    UpdateRunCacheOperator,
)

BUCKET = "amzn-s3-demo-bucket"
LOCATIONS = [f"s3://{BUCKET}/{laboratory}/run-cache" for laboratory in ("north", "south")]

with DAG(
    dag_id="example_run_cache_upkeep",
    schedule="@weekly",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "healthomics"],
) as dag:
    # [START howto_create_run_cache_mapped]
    caches = CreateRunCacheOperator.partial(task_id="caches").expand(cache_s3_location=LOCATIONS)
    # [END howto_create_run_cache_mapped]

    # [START howto_get_run_cache]
    described = GetRunCacheOperator.partial(task_id="described").expand(
        cache_id=caches.output.map(lambda cache: cache["id"]),
    )
    # [END howto_get_run_cache]

    # [START howto_create_run_cache_for_a_dag_run]
    trial = CreateRunCacheOperator(
        task_id="trial",
        cache_s3_location=f"s3://{BUCKET}/trial/run-cache",
        if_exists="create",
    )
    # [END howto_create_run_cache_for_a_dag_run]

    # [START howto_update_run_cache]
    filled = UpdateRunCacheOperator(
        task_id="filled",
        cache_id=trial.output["id"],
        cache_behavior="CACHE_ALWAYS",
        description="Filled by the trial of {{ ds }}",
    )
    # [END howto_update_run_cache]

    # [START howto_delete_run_cache]
    deleted = DeleteRunCacheOperator(
        task_id="deleted",
        cache_id=trial.output["id"],
        delete_cached_data=True,
        cache_s3_uri=trial.output["cache_s3_uri"],
    )
    # [END howto_delete_run_cache]

    filled >> deleted

if __name__ == "__main__":
    dag.test()
