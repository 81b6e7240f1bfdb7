"""Which workflow a name stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_omics.exceptions import (
    NotFound,
    WorkflowDrift,
    WorkflowExists,
    WorkflowFailed,
    WorkflowFailedForGood,
    WorkflowGone,
)
from airflow_provider_omics.operators.ensure import Ensurer
from airflow_provider_omics.reports.workflow import lint_lines, summary
from airflow_provider_omics.resources import WORKFLOW

DEFINITION = "airflow_definition"
"""The tag that tells of what definition a workflow, or a version, was made: its digest."""

AWS_DIGEST = "airflow_aws_digest"
"""The tag with AWS's own ``digest`` of a version, as it was when this provider had made the version. AWS does not say
what it is a digest of, so that it is compared with nothing but itself; a version is immutable:
https://docs.aws.amazon.com/omics/latest/dev/workflow-versions.html."""


class WorkflowEnsurer(Ensurer):
    """Find the workflow that a request describes, or create it: by its name alone."""

    resource = WORKFLOW
    update = "UpdateWorkflow"
    compared = ("storageType", "storageCapacity")
    updated = ("storageType", "storageCapacity", "description")
    in_words = {"storageType": "the default storage type", "storageCapacity": "the default storage capacity"}
    unusable = WorkflowGone

    def __post_init__(self) -> None:
        # The tag is for a new workflow alone: an older one was made of another definition, and stays so.
        tags = dict(self.request["tags"])
        self.digest: str = tags.pop(DEFINITION)
        self.request = {**self.request, "tags": tags}
        super().__post_init__()

    def listed(self) -> Iterable[dict[str, Any]]:
        """Return the items of the list that AWS's filter lets through; how it matches is not documented."""
        return self.hook.iterate(self.resource.list, name=self.name, type="PRIVATE")

    def candidates(self, listed: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of this name that can be used, now or soon, the oldest first."""
        return super().candidates(item for item in listed if item["status"] not in self.resource.failed)

    @property
    def listed_enough(self) -> bool:
        """Whether the list tells enough of a workflow: it carries neither tags nor storage."""
        return False

    def exists_error(self, found: Mapping[str, Any]) -> WorkflowExists:
        """Return the error for ``if_exists="fail"``."""
        return WorkflowExists(
            f'The workflow {self.name!r} exists (id {found["id"]}), and if_exists="fail". '
            'Use another name, or if_exists="reuse" or "update".',
            workflow_id=found["id"],
        )

    def drift_error(self, found: Mapping[str, Any], differences: str) -> WorkflowDrift:
        """Return the error for ``drift="error"``."""
        return WorkflowDrift(
            f'Workflow {found["id"]} ({self.name}) has {differences}. Use if_exists="update" to change it, or '
            "leave the storage out to accept it.",
            workflow_id=found["id"],
        )

    def unusable_error(self, identifier: str, status: str) -> WorkflowGone:
        """Return the error for a create that was answered with a workflow that cannot be used."""
        return WorkflowGone(
            f"AWS HealthOmics answered CreateWorkflow with workflow {identifier}, which is {status}. "
            "Next: retry the task; if request_id is given, give another one.",
            workflow_id=identifier,
        )

    def _create(self) -> dict[str, Any]:
        self._refuse_what_failed_before()
        return super()._create()

    def _send(self, request: dict[str, Any]) -> str:
        return super()._send(request | {"tags": {**request["tags"], DEFINITION: self.digest}})

    def _usable(self, identifier: str) -> dict[str, Any]:
        try:
            found = self.hook.describe(self.resource, id=identifier)
        except NotFound:
            raise self.unusable_error(identifier, "DELETED") from None
        if found["status"] in self.resource.failed:
            raise self.unusable_error(identifier, found["status"])
        return found

    def _refuse_what_failed_before(self) -> None:
        """Make no workflow of what a linter found errors in before: that would only leave one more of its kind.

        :raises WorkflowFailedForGood: if the newest workflow of this name failed for its definition, which is this one
        """
        named = super().candidates(self.listed())
        if not named or named[-1]["status"] != "FAILED":
            return
        found = self.hook.describe(self.resource, id=named[-1]["id"])
        if found.get("tags", {}).get(DEFINITION) == self.digest and lint_lines(found.get("statusMessage")):
            raise failure(found, "this definition in an earlier try")


def failure(found: Mapping[str, Any], source: str) -> WorkflowFailed:
    """Return the error for a workflow, or a version of one, that could not be made.

    :param found: its description
    :param source: where the definition came from, in words
    """
    known, message = summary(found), found.get("statusMessage")
    version_name, lines = known.get("version_name"), lint_lines(message)
    version = f", version {version_name}," if version_name else ""
    return (WorkflowFailedForGood if lines else WorkflowFailed)(
        f"workflow {known['id']}{version} ({known['status']})",
        source,
        workflow_id=known["id"],
        version_name=version_name,
        aws_message=message,
        lines=lines,
    )
