"""Which run group a name stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_omics.exceptions import RunGroupDrift, RunGroupExists, RunGroupGone
from airflow_provider_omics.operators.ensure import Ensurer
from airflow_provider_omics.resources import RUN_GROUP


class RunGroupEnsurer(Ensurer):
    """Find the run group that a request describes, or create it: by its name alone."""

    resource = RUN_GROUP
    update = "UpdateRunGroup"
    compared = updated = ("maxCpus", "maxGpus", "maxRuns", "maxDuration")
    unusable = RunGroupGone

    def listed(self) -> Iterable[dict[str, Any]]:
        """Return the items of the list that AWS's filter lets through; how it matches is not documented."""
        return self.hook.iterate(self.resource.list, name=self.name)

    def exists_error(self, found: Mapping[str, Any]) -> RunGroupExists:
        """Return the error for ``if_exists="fail"``."""
        return RunGroupExists(
            f'The run group {self.name!r} exists (id {found["id"]}), and if_exists="fail". '
            'Use another name, or if_exists="reuse" or "update".',
            run_group_id=found["id"],
        )

    def drift_error(self, found: Mapping[str, Any], differences: str) -> RunGroupDrift:
        """Return the error for ``drift="error"``."""
        return RunGroupDrift(
            f'Run group {found["id"]} ({self.name}) has {differences}. Use if_exists="update" to change it, or '
            "leave those limits out to accept it.",
            run_group_id=found["id"],
        )

    def unusable_error(self, identifier: str, status: str) -> RunGroupGone:
        """Return the error for a create that was answered with a group that is deleted."""
        return RunGroupGone(
            f"AWS HealthOmics answered CreateRunGroup with run group {identifier}, which is {status}. "
            "Next: retry the task; if request_id is given, give another one.",
            run_group_id=identifier,
        )
