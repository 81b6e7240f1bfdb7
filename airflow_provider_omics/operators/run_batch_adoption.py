"""How the batches of earlier tries are found again and told from those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_omics.operators import comparison
from airflow_provider_omics.operators.adoption import Adoption
from airflow_provider_omics.operators.identity import REQUEST


@dataclass
class BatchAdoption(Adoption):
    """Find the batches that earlier tries of a task instance have started.

    :param shared: the ``defaultRunSetting`` of the request
    """

    shared: Mapping[str, Any]

    def differences(self, one: Mapping[str, Any]) -> dict[str, str]:
        """Return what GetBatch contradicts in the request, whatever the tags say.

        It does not describe the settings of the runs: a tag of ours stands for them, or a name that is ours alone.
        """
        differing: dict[str, str] = {}
        if "defaultRunSetting" in one:
            shown = {**one["defaultRunSetting"], "arn": one.get("arn")}  # which names the account
            differing = comparison.differences(self.shared, shown, tagged=True)
        if not self.own_name and REQUEST not in one.get("tags", {}):
            differing["batchRunSettings"] = "unknown settings of the runs"
        return differing


@dataclass
class Forerunners(BatchAdoption):
    """Find the batches that one completes: those of the same request, whatever the settings in S3 have become."""

    last: Mapping[str, Any]

    @property
    def request_digest(self) -> str:
        """What the tag of the last batch stands for."""
        return str(self.last.get("tags", {}).get(REQUEST))
