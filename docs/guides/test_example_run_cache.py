"""Test a DAG: HealthOmics fails a task of its run, and Airflow's retry computes only what is left."""

from datetime import timedelta

from example_run_cache import dag


def test_a_retry_reuses_what_had_completed(omics_connection, omics_bucket, omics_store):
    from airflow_provider_omics.emulator import Plan, Task

    omics_store.seed_workflow("123456789012", "us-east-1", "1234567", name="germline")
    omics_store.plans.set("1234567", Plan((Task("align"), Task("call", after=("align",), fail_first=1))))
    dag.get_task("germline").retry_delay = timedelta(seconds=1)

    dag_run = dag.test(run_conf={"bucket": omics_bucket})

    assert dag_run.state == "success"
    germline = dag_run.get_task_instance("germline").xcom_pull("germline")
    assert (germline["tasks_computed"], germline["tasks_reused"]) == (1, 1)
    assert omics_store.faults.calls["CreateRunCache"] == 1
