"""Links from a task to the AWS console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_omics.compat import BaseOperator, BaseOperatorLink, xcom_value

if TYPE_CHECKING:
    from airflow.models.taskinstancekey import TaskInstanceKey


class RunLink(BaseOperatorLink):
    """Lead to the run in the HealthOmics console.

    The address is pushed to XCom as soon as the run is started, so that the link works while the task is deferred.
    """

    name = "HealthOmics run"
    key = "omics_run_link"

    @staticmethod
    def url(region: str, run_id: str) -> str:
        """Return the console's address of a run. HealthOmics exists in the partition ``aws`` only."""
        return f"https://{region}.console.aws.amazon.com/omics/home?region={region}#/runs/{run_id}"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]
        """Return the address that the task pushed, or nothing before it did."""
        return str(xcom_value(ti_key, self.key) or "")
