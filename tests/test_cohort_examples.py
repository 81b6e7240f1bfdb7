"""What the examples that start cohorts have in common, and what the joint step says of outputs that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_batch import StartRunBatchOperator
from tests.test_example_dags import EXAMPLES, load

pytestmark = pytest.mark.matrix

COHORTS = ("example_genome", "example_run_batch", "example_samplesheet")


def retention_modes(path: Path) -> list[Any]:
    """Return the retention mode of each task of a DAG that starts many runs."""
    modes = []
    for task in load(path).tasks:
        if isinstance(task, StartRunBatchOperator):
            modes.append(task.default_run_setting.get("retentionMode"))
        elif hasattr(task, "partial_kwargs") and task.operator_class is StartRunOperator:
            modes.append(task.partial_kwargs.get("retention_mode"))
    return modes


def test_cohorts_are_started_with_retention_mode_remove() -> None:
    found = {path.stem: modes for path in sorted(EXAMPLES.glob("*.py")) if (modes := retention_modes(path))}
    assert set(found) >= set(COHORTS)
    assert {mode for modes in found.values() for mode in modes} == {"REMOVE"}


def test_the_joint_step_tells_which_runs_have_no_outputs_in_xcom() -> None:
    gather = load(EXAMPLES / "example_genome.py").get_task("joint_parameters").python_callable
    sound = {"id": "1", "run_output_uri": "s3://b/1", "outputs": {"call": "s3://b/1/x.vcf"}}
    assert gather([sound]) == {"variants": ["s3://b/1/x.vcf"]}
    absent, none = ({"id": n, "run_output_uri": f"s3://b/{n}"} for n in "23")
    with pytest.raises(
        ValueError, match=r"no outputs of the runs 2 \(s3://b/2\), 3 \(s3://b/3\): they are over 64 KiB"
    ):
        gather([sound, absent, none | {"outputs": None}])
