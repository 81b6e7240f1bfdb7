"""How the runs of earlier tries are told from those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow_provider_omics.exceptions import AnswerUnreadable, NotFound
from airflow_provider_omics.operators import comparison
from airflow_provider_omics.operators.adoption import Adoption
from airflow_provider_omics.operators.identity import REQUEST


@dataclass
class RunAdoption(Adoption):
    """Find the runs that earlier tries of a task instance have started."""

    def differences(self, one: Mapping[str, Any]) -> dict[str, str]:
        """Return what GetRun contradicts in the request, whatever the tags say."""
        request = comparison.completed(self.request, self._repeated, one)
        # AWS does not say whether parameters of a request replace those of the repeated run, or are merged with them.
        merged = {"runId", "parameters"} <= self.request.keys()
        return comparison.differences(request, one, tagged=REQUEST in one.get("tags", {}), merged=merged)

    @cached_property
    def _repeated(self) -> Mapping[str, Any]:
        """The run that the request repeats; empty if it repeats none, or one that exists no more or cannot be read."""
        if "runId" not in self.request:
            return {}
        try:
            return self._described({"id": self.request["runId"]})
        except (AnswerUnreadable, NotFound):
            return {}
